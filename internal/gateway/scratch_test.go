package gateway_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

func TestReal(t *testing.T) {
	b, err := os.ReadFile("/tmp/gwurl")
	if err != nil {
		t.Skip()
	}
	url := strings.TrimSpace(string(b))
	w := newWindow(t, 1280, 800, "WebSocket")
	shot := func(name string) {
		w.do(chromedp.ActionFunc(func(ctx context.Context) error {
			b, err := cdppage.CaptureScreenshot().Do(ctx)
			if err != nil {
				return err
			}
			return os.WriteFile("/tmp/shots/gw-"+name+".png", b, 0o644)
		}))
	}
	stats := func() {
		var out any
		w.eval(`const r=[]; (await PCX.getStats()).forEach(x=>{if(x.type=="inbound-rtp")r.push(["packets",x.packetsReceived,"lost",x.packetsLost,"nack",x.nackCount,"pli",x.pliCount,"frames",x.framesDecoded,"key",x.keyFramesDecoded,"dropped",x.framesDropped,"jb",x.jitterBufferDelay/x.jitterBufferEmittedCount,"dec",x.totalDecodeTime/x.framesDecoded,"bytes",x.bytesReceived,"freeze",x.freezeCount].join(" "))}); return r.join(";")`, &out)
		t.Log(out)
	}
	w.do(inject(`const PC=RTCPeerConnection; RTCPeerConnection=class extends PC{constructor(u){super(u);window.PCX=this} createDataChannel(...a){const d=super.createDataChannel(...a); window.L2=[]; d.addEventListener("message",(e)=>L2.push(e.data.byteLength+":"+new Uint8Array(e.data)[0])); return d}};`))
	for range 6 {
		w.do(chromedp.Navigate("about:blank"), chromedp.Navigate(url))
		var out any
		w.eval(`for (let i = 0; i < 4000 && document.body.dataset.state != "live"; i++) await new Promise(x => setTimeout(x, 2)); return performance.now()`, &out)
		t.Log("GET to live ms", out)
		time.Sleep(300 * time.Millisecond)
	}
	time.Sleep(time.Second)
	shot("real1")
	w.do(chromedp.MouseClickXY(600, 400, chromedp.ButtonRight))
	time.Sleep(time.Second)
	shot("real2")
	var m any
	w.eval(`return L2`, &m); t.Log(m)
	var cur string
	w.eval(`return document.querySelector("main").style.cursor.slice(-60)`, &cur)
	t.Log(cur)
	stats()
	w.do(key(input.KeyDown, "Escape", "Escape"), key(input.KeyUp, "Escape", "Escape"))
	w.do(chromedp.EmulateViewport(1000, 600))
	time.Sleep(time.Second)
	shot("real3")
	var size []int
	w.eval(`const v=document.querySelector("video"); return [v.videoWidth,v.videoHeight]`, &size)
	t.Log(size)
	stats()
}
