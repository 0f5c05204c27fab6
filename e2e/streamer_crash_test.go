package e2e_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// noteBack notes when the page last had a picture of the desktop again, when that became
// exact, and when sound came.
const noteBack = `globalThis.back = 0;
globalThis.exact = 0;
globalThis.heard = 0;
globalThis.clock = () => performance.timeOrigin + performance.now();
document.addEventListener("DOMContentLoaded", () => {
	const on = (attribute, then) => new MutationObserver(then).observe(document.body, { attributeFilter: [attribute] });
	on("data-state", () => { if (document.body.dataset.state === "live") back = clock(); });
	on("data-exact", () => { exact = document.body.dataset.exact ? clock() : 0; });
});
for (const c of [RTCDataChannel, WebSocket]) {
	const on = Object.getOwnPropertyDescriptor(c.prototype, "onmessage");
	const note = ({ data }) => {
		if (data instanceof ArrayBuffer && new Uint8Array(data)[0] === 0x10) heard = clock();
	};
	Object.defineProperty(c.prototype, "onmessage", { ...on, set(f) { this.addEventListener("message", note); on.set.call(this, f); } });
}`

// TestStreamerCrash kills the streamer of a session that is looked at, heard and copied
// from, by every road: the picture is back within a second, the rest with it.
func TestStreamerCrash(t *testing.T) {
	needs(t, "pulseaudio", "pacat", "xclip")
	s := newServer(t)
	_, b := s.openDesktop("clipboard-read", "clipboard-write")
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(noteBack).Do(ctx)
		return err
	}), chromedp.Reload())
	b.waitForDesktop()
	s.inHome(`export XDG_RUNTIME_DIR=/run/user/1000 PULSE_CLIENTCONFIG=/run/backlot/desktop/pulse/client.conf
		pacat --raw --format=s16le --rate=48000 --channels=2 /dev/urandom >/dev/null 2>&1 &`)

	for _, road := range []string{"udp", "tcp", "websocket"} {
		b.run(chromedp.Evaluate(fmt.Sprintf(`location.hash = %q`, road), nil))
		b.await(fmt.Sprintf(`document.body.dataset.road === %q && document.body.dataset.state === "live"`, road))
		b.await(`exact && heard > clock() - 200`)
		streamer, killed := s.process("streamer"), time.Now()
		if err := syscall.Kill(streamer, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		var back float64
		eventually(t, 20*time.Second, func() error {
			if err := b.try(5*time.Second, chromedp.Evaluate(`back`, &back)); err != nil {
				return err
			}
			if at := time.UnixMicro(int64(back * 1000)); at.Before(killed) {
				return fmt.Errorf("no picture since the streamer was killed")
			}
			return nil
		})
		took := time.UnixMicro(int64(back * 1000)).Sub(killed)
		t.Logf("%s: a picture %v after the streamer was killed", road, took.Round(time.Millisecond))
		// A second, where nothing else is at work.
		if took > 3*time.Second {
			t.Errorf("%s: a picture only %v after the streamer was killed", road, took)
		}
		b.await(fmt.Sprintf(`exact > %d && heard > back`, killed.UnixMilli()))
		s.writeInside("copied.txt", []byte("copied by "+road))
		s.copyInside("UTF8_STRING", "copied.txt")
		b.localText("copied by " + road)
	}
}
