package e2e_test

import (
	"fmt"
	"image/color"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// TestScale: programs of the desktop are told the scale of the owner's own screen first,
// then the one that is chosen in the page.
func TestScale(t *testing.T) {
	s := newServer(t)
	session := s.createSession()
	session.wait("READY", time.Minute)
	b := newBrowser(t, 1000, 700, mediaFlags...)
	b.run(chromedp.EmulateViewport(1000, 700, chromedp.EmulateScale(1.5)), chromedp.Navigate(session.stream()))
	b.waitForDesktop()
	d := desk{b, s}
	says := func(want ...string) {
		t.Helper()
		eventually(t, 10*time.Second, func() error {
			got := d.program("xprop -root RESOURCE_MANAGER")
			for _, w := range want {
				if !strings.Contains(got, w) {
					return fmt.Errorf("no %s in %s", w, got)
				}
			}
			return nil
		})
	}
	says(`Xft.dpi:\t144\n`, `Xcursor.size:\t36\n`)
	const choice = `document.querySelector('[data-place="screen"] select')`
	b.await(choice + `.value === "150"`)
	b.mustEval(fmt.Sprintf(`(e => { e.value = "200"; e.dispatchEvent(new Event("change")); })(%s)`, choice), nil)
	says(`Xft.dpi:\t192\n`, `Xcursor.size:\t48\n`)

	// Another screen changes nothing by itself.
	b.run(chromedp.EmulateViewport(1000, 700), chromedp.Reload())
	b.waitForDesktop()
	b.await(choice + `.value === "200"`)
	b.mustEval(`document.querySelector("#settings").click()`, nil)
	b.shot()
	says(`Xft.dpi:\t192\n`)
}

// desks are a desktop with a second window, which shows its second screen.
type desks struct {
	desk
	second browser
}

// addScreen presses the bar's button, by the keyboard, and waits for the new window.
func (d desk) addScreen(width, height int) desks {
	d.t.Helper()
	opened := chromedp.WaitNewTarget(d.ctx, func(info *target.Info) bool { return strings.Contains(info.URL, "screen=2") })
	d.callBar()
	d.pressControl("Add a screen")
	var id target.ID
	select {
	case id = <-opened:
	case <-time.After(20 * time.Second):
		d.shot()
		d.t.Fatal("no second window opens")
	}
	ctx, end := chromedp.NewContext(d.ctx, chromedp.WithTargetID(id))
	d.t.Cleanup(end)
	if err := chromedp.Run(ctx); err != nil {
		d.t.Fatal(err)
	}
	second := browser{d.t, ctx}
	second.run(chromedp.EmulateViewport(int64(width), int64(height)))
	second.waitForDesktop()
	second.await(fmt.Sprintf(`(v => v.videoWidth === %d && v.videoHeight === %d)(document.querySelector("video"))`, width, height))
	return desks{d, second}
}

// coloured starts a terminal of a colour at a place of the whole desktop.
func (d desk) coloured(colour string, x, y int) {
	d.t.Helper()
	d.program(fmt.Sprintf("xterm -bg '%s' -fg '%[1]s' -cr '%[1]s' -geometry 40x15+%d+%d >/dev/null 2>&1 &", colour, x, y))
}

// shows counts the pixels of a page that are of a colour, about.
func (b browser) shows(is color.RGBA) (count int) {
	b.t.Helper()
	picture := b.shot()
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) < 40 }
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			c := color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)
			if near(c.R, is.R) && near(c.G, is.G) && near(c.B, is.B) {
				count++
			}
		}
	}
	return count
}

// monitors are those that the desktop's programs see.
func (d desk) monitors(want int) {
	d.t.Helper()
	eventually(d.t, 20*time.Second, func() error {
		if out := d.program("xrandr --listactivemonitors"); !strings.HasPrefix(out, fmt.Sprintf("Monitors: %d\n", want)) {
			return fmt.Errorf("want %d: %s", want, out)
		}
		return nil
	})
}

// TestScreens: a second window is a second screen of the desktop, with what is on it and
// what is done there; closed, the screen is gone and its windows are on the first.
func TestScreens(t *testing.T) {
	d := newDesk(t, 1000, 700)
	d.run(emulation.SetFocusEmulationEnabled(true))
	both := d.addScreen(800, 600)
	d.monitors(2)

	red, blue := color.RGBA{200, 0, 0, 255}, color.RGBA{0, 0, 200, 255}
	d.coloured("#c80000", 100, 100)
	d.coloured("#0000c8", 1100, 350) // not where the other is once it comes to the first screen
	expect := func(in browser, name string, is color.RGBA, there bool) {
		t.Helper()
		eventually(t, 20*time.Second, func() error {
			if n := in.shows(is); (n > 20_000) != there {
				return fmt.Errorf("%s shows %d pixels of %v, want some: %v", name, n, is, there)
			}
			return nil
		})
	}
	expect(both.browser, "the first", red, true)
	expect(both.second, "the second", blue, true)
	expect(both.browser, "the first", blue, false)
	expect(both.second, "the second", red, false)

	// Clicks land on the pixel, and a drag goes over the edge from one to the other.
	d.hearing("clicks")
	told := func(in browser, actions []chromedp.Action, want ...string) {
		t.Helper()
		before := len(d.heard("clicks"))
		in.run(actions...)
		var got []string
		eventually(t, 10*time.Second, func() error {
			got = nil
			for _, e := range d.heard("clicks")[before:] {
				if strings.HasPrefix(e.kind, "Button") {
					got = append(got, fmt.Sprint(e.kind, " ", e.x, " ", e.y))
				}
			}
			if len(got) < len(want) {
				return fmt.Errorf("heard %q", got)
			}
			return nil
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("clicks (-clicked +told):\n%s", diff)
		}
	}
	drag := func(x, y, toX, toY float64) []chromedp.Action {
		return []chromedp.Action{
			input.DispatchMouseEvent(input.MouseMoved, x, y),
			input.DispatchMouseEvent(input.MousePressed, x, y).WithButton(input.Back).WithButtons(8),
			input.DispatchMouseEvent(input.MouseMoved, toX, toY).WithButton(input.Back).WithButtons(8),
			input.DispatchMouseEvent(input.MouseReleased, toX, toY).WithButton(input.Back),
		}
	}
	told(both.second, drag(501, 403, 501, 403), "ButtonPress 1501 403", "ButtonRelease 1501 403")
	told(both.browser, drag(502, 402, 502, 402), "ButtonPress 502 402", "ButtonRelease 502 402")
	told(both.second, drag(799, 599, 799, 599), "ButtonPress 1799 599", "ButtonRelease 1799 599")
	told(both.browser, drag(900, 300, 1200, 300), "ButtonPress 900 300", "ButtonRelease 1200 300")

	// Loaded again it is the same screen; closed, it goes.
	both.second.run(chromedp.Reload())
	both.second.waitForDesktop()
	expect(both.second, "the second", blue, true)
	d.monitors(2)
	if err := chromedp.Cancel(both.second.ctx); err != nil {
		t.Fatal(err)
	}
	d.monitors(1)
	expect(both.browser, "the first", blue, true)
}
