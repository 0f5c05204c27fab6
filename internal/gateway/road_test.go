package gateway_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/internal/wire"
)

// frames counts frames that the page shows from now on, for a second.
const frames = `const video = document.querySelector("video");
	let n = 0;
	const next = () => video.requestVideoFrameCallback(() => (n++, next()));
	next();
	await new Promise((then) => setTimeout(then, 1000));
	return { road: document.body.dataset.road, frames: n, size: [video.videoWidth, video.videoHeight], state: document.body.dataset.state };`

type shown struct {
	Road, State string
	Frames      int
	Size        []int
}

// moves has the page take a road, and checks that pictures and keys go by it.
func (w *window) moves(d *desktop, road string) {
	w.t.Helper()
	var ok bool
	w.eval(`location.hash = "`+road+`";
		for (let i = 0; i < 1000 && document.body.dataset.road !== "`+road+`"; i++) await new Promise((then) => setTimeout(then, 5));
		return document.body.dataset.road === "`+road+`"`, &ok)
	if !ok {
		w.t.Fatalf("the page does not go by %s", road)
	}
	w.await("live")
	var got shown
	w.eval(frames, &got)
	if got.Road != road || got.Frames < 5 || got.State != "live" {
		w.t.Errorf("by %s: %+v", road, got)
	}
	w.do(input.DispatchKeyEvent(input.KeyDown).WithKey("a").WithCode("KeyA"), input.DispatchKeyEvent(input.KeyUp).WithKey("a").WithCode("KeyA"))
	d.expectMessage(w.t, wire.Key{Code: 30, Keysym: 'a', Down: true})
	d.expectMessage(w.t, wire.Key{Code: 30, Keysym: 'a'})
}

func TestPageTakesEveryRoad(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	w := newWindow(t, 1280, 800, "", webrtcFlags...)
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	for _, road := range []string{"udp", "websocket", "tcp", "websocket", "udp", "tcp", "udp"} {
		w.moves(d, road)
	}
	var marks int
	w.eval(`return performance.getEntriesByType("navigation").length`, &marks)
	if marks != 1 {
		t.Errorf("%d navigations", marks)
	}
}

// TestStrokeOutlastsABetterRoad: what is held down is not let go of because WebRTC gets through.
func TestStrokeOutlastsABetterRoad(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	w := newWindow(t, 1280, 800, "", webrtcFlags...)
	w.before(`const Real = RTCDataChannel.prototype, { set } = Object.getOwnPropertyDescriptor(Real, "onopen");
		globalThis.opened = 0;
		Object.defineProperty(Real, "onopen", { set(then) { set.call(this, (e) => (then?.(e), opened++)); } });`)
	w.do(chromedp.Navigate(s.url()))
	w.moves(d, "websocket")
	mouse := func(kind input.MouseType, x float64, buttons int64) chromedp.Action {
		return input.DispatchMouseEvent(kind, x, 300).WithButton(input.Left).WithButtons(buttons)
	}
	w.do(mouse(input.MousePressed, 300, 1))
	d.expectMessage(t, wire.Button{Button: 1, Down: true})
	w.eval(`opened = 0; location.hash = "udp"; return 0`, new(int))
	w.holds(`opened > 0`)
	w.do(mouse(input.MouseMoved, 500, 1))
	d.expect(t, "the stroke goes on", func(m wire.Message) bool {
		if b, ok := m.(wire.Button); ok {
			t.Errorf("meanwhile %v", b)
		}
		return m == wire.Pointer{X: 500, Y: 300}
	})
	w.do(mouse(input.MouseReleased, 500, 0))
	d.expectMessage(t, wire.Button{Button: 1})
	w.holds(`document.body.dataset.road === "udp"`)
}

// TestPageIsToldEarly: a road is chosen before the connection is there, far from the server.
func TestPageIsToldEarly(t *testing.T) {
	t.Parallel()
	const far = `globalThis.WebSocket = class extends WebSocket {
		set onopen(then) {
			super.onopen = () => {
				if (choose === "open") location.hash = road;
				setTimeout(then, 50);
			};
		}
		set onmessage(then) {
			super.onmessage = (event) => setTimeout(then, 300, event);
		}
		send(data) {
			super.send(data);
			if (choose === "asked" && typeof data === "string") setTimeout(() => (location.hash = road), 50);
		}
	};`
	for _, choose := range []string{"open", "asked"} {
		for _, road := range []string{"tcp", "udp", "websocket"} {
			t.Run(choose+" "+road, func(t *testing.T) {
				t.Parallel()
				s := newServer(t, "127.0.0.1")
				d := s.newDesktop()
				w := newWindow(t, 1280, 800, "", webrtcFlags...)
				w.before(fmt.Sprintf("const choose = %q, road = %q;\n", choose, road) + far)
				w.do(chromedp.Navigate(s.url()))
				w.moves(d, road)
			})
		}
	}
}

// TestPageStaysOnTheSocket: who chooses the road that is used already gets no other, though
// that one was being tried.
func TestPageStaysOnTheSocket(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	w := newWindow(t, 1280, 800, "", webrtcFlags...)
	w.before(`const { prototype } = RTCPeerConnection, { setRemoteDescription } = prototype;
		prototype.setRemoteDescription = function (...args) {
			globalThis.tried = this;
			return new Promise((go) => (globalThis.go = go)).then(() => setRemoteDescription.apply(this, args));
		};`)
	w.do(chromedp.Navigate(s.url()))
	w.holds(`globalThis.go && document.body.dataset.road === "websocket"`)
	w.eval(`location.hash = "websocket"; setTimeout(go, 100); return 0`, new(int))
	w.holds(`tried.connectionState === "closed"`)
	w.moves(d, "websocket")
}

// TestPageWithoutWebRTC: where WebRTC would bring no picture, the WebSocket does.
func TestPageWithoutWebRTC(t *testing.T) {
	t.Parallel()
	for name, missing := range map[string]string{"none": `delete window.RTCPeerConnection`, "without H.264": withoutH264} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "127.0.0.1")
			d := s.newDesktop()
			w := newWindow(t, 1280, 800, "", webrtcFlags...)
			w.before(missing)
			w.do(chromedp.Navigate(s.url()))
			w.await("live")
			w.moves(d, "websocket")
		})
	}
}
