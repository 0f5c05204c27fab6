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
	word, profile := "no", "profile-level-id=42"
	if on {
		word, profile = "yes", "profile-level-id=f4"
	}
	l.do(fmt.Sprintf(`localStorage.setItem("backlot full colour", %q)`, word))
	l.run(chromedp.Reload())
	for began := time.Now(); !strings.Contains(eval[string](l, `bench.codec()`), profile); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			l.t.Fatalf("video of %q, want %s", eval[string](l, `bench.codec()`), profile)
		}
	}
}

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
		l.do(`const configure = VideoDecoder.prototype.configure;
			VideoDecoder.prototype.configure = function (c) { window.decodes = c.codec; return configure.call(this, c); };
			location.hash = "websocket"`)
		for began := time.Now(); !strings.HasPrefix(eval[string](l, `window.decodes ?? ""`), "avc1.f4"); time.Sleep(50 * time.Millisecond) {
			if time.Since(began) > 30*time.Second {
				t.Fatalf("by WebSocket it decodes %q", eval[string](l, `window.decodes ?? ""`))
			}
		}
		l.do(`location.hash = "auto"`)
	}
}
