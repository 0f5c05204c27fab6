package gateway_test

import (
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/wire"
)

// window is a tab of a Chromium of its own.
type window struct {
	t   testing.TB
	ctx context.Context //nolint:containedctx // chromedp keeps the tab in it
}

// webrtcFlags are those that tests of WebRTC on loopback commonly set.
var webrtcFlags = []chromedp.ExecAllocatorOption{
	chromedp.Flag("allow-loopback-in-peer-connection", true),
	chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
}

// newWindow opens a window of that many CSS pixels. An error in the page's
// console is an error of the test, unless ignore is part of it.
func newWindow(t testing.TB, width, height int64, ignore string, flags ...chromedp.ExecAllocatorOption) *window {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium on PATH")
	}
	options := append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.NoSandbox,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-sync", true),
		chromedp.WindowSize(1280, 900),
	}, flags...)
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	chromedp.ListenTarget(ctx, func(event any) {
		var complaint string
		switch e := event.(type) {
		case *cdplog.EventEntryAdded:
			if e.Entry.Level == cdplog.LevelError || e.Entry.Level == cdplog.LevelWarning {
				complaint = e.Entry.Text
			}
		case *runtime.EventExceptionThrown:
			complaint = e.ExceptionDetails.Error()
		}
		if complaint != "" && (ignore == "" || !strings.Contains(complaint, ignore)) {
			t.Errorf("page complains: %s", complaint)
		}
	})
	w := &window{t, ctx}
	w.do(chromedp.EmulateViewport(width, height))
	return w
}

func (w *window) do(actions ...chromedp.Action) {
	w.t.Helper()
	if err := chromedp.Run(w.ctx, actions...); err != nil {
		w.t.Fatal(err)
	}
}

// eval runs an async function body in the page and decodes what it returns.
func (w *window) eval(body string, result any) {
	w.t.Helper()
	var b string
	w.do(chromedp.Evaluate("(async () => JSON.stringify(await (async () => {"+body+"})()))()", &b,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if err := json.Unmarshal([]byte(b), result); err != nil {
		w.t.Fatalf("%s: %v", b, err)
	}
}

// before has every page run a script before its own.
func (w *window) before(script string) {
	w.t.Helper()
	w.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := cdppage.AddScriptToEvaluateOnNewDocument(script).Do(ctx)
		return err
	}))
}

// await waits until the page is in a state.
func (w *window) await(state string) {
	w.t.Helper()
	var ok bool
	w.eval(`for (let i = 0; i < 4000 && document.body.dataset.state !== "`+state+`"; i++)
		await new Promise((then) => setTimeout(then, 5));
		return document.body.dataset.state === "`+state+`"`, &ok)
	if !ok {
		w.t.Fatalf("page does not become %s", state)
	}
}

func TestPageShowsDesktop(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]chromedp.ExecAllocatorOption{"flags": webrtcFlags, "no flags": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "0.0.0.0")
			s.newDesktop()
			w := newWindow(t, 1280, 800, "", flags...)
			w.do(chromedp.Navigate(s.url()))
			w.await("live")
			var got struct {
				Title          string
				Videos, Frames int
				Box, Size      []int
				Corners        [][]int
				Controls       bool
			}
			w.eval(`const video = document.querySelector("video");
				const first = video.getVideoPlaybackQuality().totalVideoFrames;
				for (let frames = 0; frames < 10; frames++) await new Promise((then) => video.requestVideoFrameCallback(then));
				const canvas = document.createElement("canvas");
				canvas.width = video.videoWidth; canvas.height = video.videoHeight;
				const context = canvas.getContext("2d", { willReadFrequently: true });
				context.drawImage(video, 0, 0);
				const { x, y, width, height } = video.getBoundingClientRect();
				const at = (x, y) => Array.from(context.getImageData(x, y, 1, 1).data.slice(0, 3));
				return {
					title: document.title, videos: document.querySelectorAll("video, iframe").length,
					frames: video.getVideoPlaybackQuality().totalVideoFrames - first,
					box: [x, y, width, height], size: [video.videoWidth, video.videoHeight],
					corners: [at(100, 100), at(1180, 100), at(100, 700), at(1180, 700)], controls: video.controls,
				}`, &got)
			if got.Title != "Compositing – Backlot" {
				t.Errorf("title %q", got.Title)
			}
			if got.Videos != 1 || got.Controls {
				t.Errorf("%d videos, controls %v, want one without", got.Videos, got.Controls)
			}
			if got.Frames < 9 {
				t.Errorf("%d frames while ten were shown", got.Frames)
			}
			if want := []int{0, 0, 1280, 800}; !equal(got.Box, want, 0) || !equal(got.Size, want[2:], 0) {
				t.Errorf("picture of %v at %v, want pixel for pixel", got.Size, got.Box)
			}
			for i, want := range [][]int{{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}} {
				if !equal(got.Corners[i], want, 12) {
					t.Errorf("corner %d is %v, want %v", i, got.Corners[i], want)
				}
			}
		})
	}
}

// TestPageHearsOfTracksLate: messages may get through before the browser has told the
// page of the picture.
func TestPageHearsOfTracksLate(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	w := newWindow(t, 1280, 800, "", webrtcFlags...)
	w.before(`const take = RTCPeerConnection.prototype.setRemoteDescription;
		const make = RTCPeerConnection.prototype.createDataChannel;
		let opened;
		const open = new Promise((then) => { opened = then; });
		RTCPeerConnection.prototype.createDataChannel = function (...how) {
			const channel = make.apply(this, how);
			channel.addEventListener("open", () => setTimeout(opened, 50));
			return channel;
		};
		RTCPeerConnection.prototype.setRemoteDescription = async function (...what) {
			const tell = this.ontrack, late = [];
			this.ontrack = (event) => late.push(event);
			await take.apply(this, what);
			await open;
			late.forEach((event) => tell.call(this, event));
		};`)
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
}

// equal compares numbers that may be off by some.
func equal(a, b []int, off int) bool {
	for i := range a {
		if max(a[i]-b[i], b[i]-a[i]) > off {
			return false
		}
	}
	return len(a) == len(b)
}

func TestPageFollowsWindow(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	w := newWindow(t, 1280, 800, "")
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	d.expectMessage(t, wire.Resize{Width: 1280, Height: 800})
	box := func() (got []float64) {
		w.eval(`const { x, y, width, height } = document.querySelector("video").getBoundingClientRect();
			return [x, y, width, height]`, &got)
		return got
	}

	// No clip has that size: the picture is fitted in.
	w.do(chromedp.EmulateViewport(1001, 701))
	d.expectMessage(t, wire.Resize{Width: 1000, Height: 700})
	if got := box(); got[0] != 0 || got[2] != 1001 || got[1] != 37 || got[3] != 626 {
		t.Errorf("picture at %v, want it in the middle", got)
	}
	// As narrow as a telephone: no narrower than a desktop can be.
	w.do(chromedp.EmulateViewport(300, 600))
	d.expectMessage(t, wire.Resize{Width: 320, Height: 600})

	// Two device pixels to a CSS pixel.
	w.do(chromedp.EmulateViewport(640, 400, chromedp.EmulateScale(2)))
	d.expectMessage(t, wire.Resize{Width: 1280, Height: 800})
	w.eval(`while (document.querySelector("video").videoWidth !== 1280) await new Promise((then) => setTimeout(then, 5)); return 0`, new(int))
	if got := box(); got[0] != 0 || got[1] != 0 || got[2] != 640 || got[3] != 400 {
		t.Errorf("picture at %v, want pixel for pixel", got)
	}
	w.do(chromedp.MouseClickXY(100.5, 50))
	d.expectMessage(t, wire.Pointer{X: 201, Y: 100})
	var cursor string
	w.eval(`return document.querySelector("main").style.cursor`, &cursor)
	if !strings.HasPrefix(cursor, `image-set(url("data:image/png;base64,`) || !strings.HasSuffix(cursor, "2x) 0 1, default") {
		t.Errorf("cursor %s", cursor)
	}
}

func TestPagePlacesFewerPixels(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	w := newWindow(t, 1280, 720, "")
	for _, road := range []string{"udp", "websocket"} {
		w.do(chromedp.Navigate("about:blank"), chromedp.Navigate(s.url()+"#"+road))
		w.await("live")
		d.expectMessage(t, wire.Resize{Width: 1280, Height: 720})
		var box, video []int
		const measure = `const picture = document.querySelector("video"), { x, y, width, height } = picture.getBoundingClientRect();`
		w.eval(measure+`while (picture.videoWidth !== 640) await new Promise((then) => setTimeout(then, 5));
			return [picture.videoWidth, picture.videoHeight]`, &video)
		w.eval(measure+`return [x, y, width, height]`, &box)
		if want := []int{0, 0, 1280, 720}; !equal(box, want, 0) || !equal(video, []int{640, 360}, 0) {
			t.Errorf("%s: picture of %v pixels at %v, want it at %v", road, video, box, want)
		}
		w.do(chromedp.MouseClickXY(1001, 701))
		d.expectMessage(t, wire.Pointer{X: 1001, Y: 701})
	}
}

func TestPageDrawsCursor(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	conn, c := s.dial() // a streamer without a picture yet
	defer conn.Close()
	hidden := wire.Cursor{Serial: 2}
	for _, m := range []wire.Message{wire.Ready{Width: 640, Height: 480}, testCursor} {
		if err := c.WriteMessage(m); err != nil {
			t.Fatal(err)
		}
	}
	w := newWindow(t, 800, 600, "")
	w.do(chromedp.Navigate(s.url()))
	cursor := func(like string) {
		t.Helper()
		var is string
		w.eval(`for (let i = 0; i < 2000; i++) {
				const { cursor } = document.querySelector("main").style;
				if (cursor.startsWith("`+like+`")) return cursor;
				await new Promise((then) => setTimeout(then, 5));
			}
			return ""`, &is)
		if is == "" {
			t.Errorf("cursor is not %s", like)
		}
	}
	cursor("image-set(url(")
	if err := c.WriteMessage(hidden); err != nil {
		t.Fatal(err)
	}
	cursor("none")
}

func TestPageComesBack(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	w := newWindow(t, 1280, 800, "WebSocket")
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	s.studio.set(func() { s.studio.expired = true })
	w.eval(`window.states = [];
		new MutationObserver(() => states.push(document.body.dataset.state)).observe(document.body, { attributeFilter: ["data-state"] });
		return 0`, new(int))
	s.kill()
	w.await("reconnecting")
	var corner []int
	w.eval(`const canvas = document.createElement("canvas");
		canvas.width = canvas.height = 1;
		const context = canvas.getContext("2d", { willReadFrequently: true });
		context.drawImage(document.querySelector("video"), 0, 0);
		return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)]`, &corner)
	if !equal(corner, []int{255, 0, 0}, 12) {
		t.Errorf("corner is %v, want the last picture's", corner)
	}
	began := time.Now()
	s.restart()
	w.await("live")
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("live again after %v, want at most 3 s", took)
	}
	var states []string
	w.eval(`return states`, &states) // still there: the page was not loaded again
	if !slices.Contains(states, "reconnecting") || states[len(states)-1] != "live" {
		t.Errorf("states %v", states)
	}
}

func TestPageComesBackByReload(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	w := newWindow(t, 1280, 800, "403")
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	s.studio.set(func() { s.studio.expired = true })
	w.do(chromedp.Reload())
	w.await("live")
	var title string
	w.do(chromedp.Title(&title))
	if title != "Compositing – Backlot" {
		t.Errorf("title %q", title)
	}
}

func TestPageSaysWhy(t *testing.T) {
	t.Parallel()
	heading := func(w *window) (text string) {
		w.t.Helper()
		w.eval(`return [...document.querySelectorAll("h1")].filter((h) => h.checkVisibility()).map((h) => h.textContent).join("; ")`, &text)
		return text
	}
	t.Run("waiting, then stopped", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, "127.0.0.1")
		w := newWindow(t, 800, 600, "")
		w.do(chromedp.Navigate(s.url()))
		w.await("waiting")
		d := s.newDesktop()
		w.await("live")
		d.stop()
		w.await("waiting")
		s.newDesktop()
		w.await("live")
		s.studio.set(func() { s.studio.stopped = true })
		s.gateway.Disconnect(sessionKey)
		w.await("stopped")
		if got := heading(w); got != "This desktop was stopped" {
			t.Errorf("says %q", got)
		}
		var focus string
		w.eval(`return document.activeElement.textContent`, &focus)
		if focus != "Go to Backlot" {
			t.Errorf("focus is on %q", focus)
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, "127.0.0.1")
		w := newWindow(t, 800, 600, "403")
		w.do(chromedp.Navigate(gateway.StreamURL(s.public, streamID, "made-up", sessionKey)))
		if got := heading(w); got != "This link does not open a desktop" {
			t.Errorf("says %q", got)
		}
	})
	t.Run("blocked", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, "127.0.0.1")
		s.newDesktop()
		w := newWindow(t, 800, 600, "")
		// As behind a firewall: answers name a port that nobody listens on.
		w.before(`delete window.VideoDecoder; // or the WebSocket would do
			const set = RTCPeerConnection.prototype.setRemoteDescription;
			RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
				return set.call(this, { type, sdp: sdp.replace(/((?:udp|tcp) \d+ \S+) \d+/g, "$1 9") });
			}`)
		w.do(chromedp.Navigate(s.url()))
		w.await("blocked")
		if got := heading(w); got != "The picture does not get through" {
			t.Errorf("says %q", got)
		}
	})
	t.Run("unsupported", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, "127.0.0.1")
		w := newWindow(t, 800, 600, "")
		w.before(withoutH264 + `; delete window.VideoDecoder`)
		w.do(chromedp.Navigate(s.url()))
		w.await("unsupported")
		if got := heading(w); got != "This browser cannot show the desktop" {
			t.Errorf("says %q", got)
		}
	})
}

// withoutH264 makes a browser's WebRTC that of a Firefox just installed.
const withoutH264 = `RTCRtpReceiver.getCapabilities = () => ({ codecs: [{ mimeType: "video/VP8" }], headerExtensions: [] })`
