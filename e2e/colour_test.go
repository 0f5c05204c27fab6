package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/e2e/scene"
)

// wantFullColour chooses full colour, or not, and opens the page anew with that.
func (l *look) wantFullColour(on bool) {
	l.t.Helper()
	word := "no"
	if on {
		word = "yes"
	}
	l.do(fmt.Sprintf(`localStorage.setItem("backlot full colour", %q)`, word))
	l.run(chromedp.Reload())
	eventually(l.t, 30*time.Second, func() error {
		if is := eval[string](l, `bench.codec()`); is == "" || strings.Contains(is, "profile-level-id=f4") != on {
			return fmt.Errorf("video of %q", is)
		}
		return nil
	})
}

// decodes waits until frames that come as messages are decoded as those of a codec. The page has
// to be told of that before, by noteDecoder.
func (l *look) decodes(codec string) {
	l.t.Helper()
	eventually(l.t, 30*time.Second, func() error {
		if is := eval[string](l, `window.decodes ?? ""`); !strings.HasPrefix(is, codec) {
			return fmt.Errorf("it decodes %q, want %s", is, codec)
		}
		return nil
	})
}

const noteDecoder = `const configure = VideoDecoder.prototype.configure;
	VideoDecoder.prototype.configure = function (c) { window.decodes = c.codec; return configure.call(this, c); };`

// TestFullColour chooses full colour in a page, and sees a moving picture in it, by
// WebRTC and by WebSocket.
func TestFullColour(t *testing.T) {
	program := buildScene(t, "show")
	l := newBrowser(t, scene.Width, scene.Height, mediaFlags...).newLook(newBacklot(t), newTruth())
	for _, on := range []bool{true, false} {
		l.wantFullColour(on)
		l.draw(program, "pan")
		if got := l.pan(2*time.Second, true); got.fps < 5 || got.psnr < 33 {
			t.Errorf("full colour %v: %.1f frames/s of %.1f dB", on, got.fps, got.psnr)
		} else {
			t.Logf("full colour %v: %.1f frames/s of %.1f dB, %.1f ms CPU each", on, got.fps, got.psnr, got.cpu)
		}
		if !on {
			continue
		}
		l.do(noteDecoder + `location.hash = "websocket"`)
		l.decodes("avc1.f4")
		l.do(`location.hash = "auto"`)
	}
}

// TestMainOnANarrowWay sees a moving picture in the main profile where the network is narrow,
// by WebRTC and by WebSocket.
func TestMainOnANarrowWay(t *testing.T) {
	program := buildScene(t, "show")
	n := newNetwork(t)
	l := n.browser(scene.Width, scene.Height).newLook(newBacklot(t, "--listen", n.server+":0"), newTruth())
	l.do(noteDecoder + `location.hash = "udp"`) // the page would take another if this one is too bad
	n.set(quality{bits: 2e6})
	l.draw(program, "pan")
	moves := func(road string) {
		t.Helper()
		const tries = 3 // it takes a while until it is known what the network carries
		for range tries {
			if got := l.pan(2*time.Second, true); got.fps >= 3 {
				t.Logf("by %s: %.1f frames/s of %.1f dB", road, got.fps, got.psnr)
				return
			}
		}
		t.Errorf("by %s: no 3 frames/s in any of %d tries", road, tries)
	}
	eventually(t, 30*time.Second, func() error {
		if is := eval[string](l, `bench.codec()`); !strings.Contains(is, "profile-level-id=4d") {
			return fmt.Errorf("video of %q", is)
		}
		return nil
	})
	moves("UDP")
	l.do(`const video = document.querySelector("video");
		window.changed = () => video.srcObject?.getVideoTracks()[0] instanceof MediaStreamTrackGenerator && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
		location.hash = "websocket"`)
	l.decodes("avc1.4d")
	l.await(`window.changed()`)
	moves("WebSocket")
}
