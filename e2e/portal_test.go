package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// TestPortal is the life of a workstation by its page: two clicks to a desktop,
// the rest by the keyboard alone, and never a reload.
func TestPortal(t *testing.T) {
	s := newServer(t)
	before := s.traces()
	b := newBrowser(t, 1280, 800, mediaFlags...)
	b.signIn(s.env["BACKLOT_PORTAL_URL"])
	b.await(`document.querySelector("#profiles h3").textContent === "Desktop"`)
	b.run(chromedp.Evaluate(`window.loadedOnce = true`, nil))

	b.run(chromedp.Click(`#launch-`+s.env["BACKLOT_LAUNCH_PROFILE_ID"], chromedp.ByQuery))
	b.awaitState("CREATE_IN_PROGRESS", "READY")
	desktop := b.openDesktop()
	desktop.waitForDesktop()
	desktop.openTerminal()
	desktop.typeText("echo by the page > portal.txt\n")
	eventually(t, 10*time.Second, func() error { return s.holds("portal.txt", "by the page\n") })
	if pictures() {
		desktop.drag(440, 10, 640, 140)
		desktop.typeText("cat portal.txt; head -1 /etc/os-release; uptime -p\n")
		desktop.typeable()
		desktop.picture("desktop.png")
	}

	b.run(page.BringToFront())
	b.press("stop")
	b.awaitState("STOPPED")
	b.press("start")
	b.awaitState("READY")
	if err := s.holds("portal.txt", "by the page\n"); err != nil {
		t.Error(err)
	}
	if pictures() {
		b.run(chromedp.MouseEvent(input.MouseMoved, 640, 700)) // off the button
		b.picture("portal.png")
	}

	b.press("delete")
	b.await(`document.activeElement.closest("#confirm")`)
	b.run(chromedp.KeyEvent("\t"), chromedp.KeyEvent(kb.Enter)) // past what is safe, to what is meant
	b.await(`document.getElementById("no-sessions")`)
	b.await(`window.loadedOnce`)
	if diff := cmp.Diff(before, s.settled()); diff != "" {
		t.Errorf("left on the machine after delete (-before +after):\n%s", diff)
	}
}

// TestPortalThroughCrash: the page says when the server is away, and is back by itself.
func TestPortalThroughCrash(t *testing.T) {
	s := newServer(t)
	b := newBrowser(t, 1280, 800)
	b.signIn(s.env["BACKLOT_PORTAL_URL"])
	b.await(`document.getElementById("no-sessions")`)
	work := s.createSession()
	b.awaitState("READY")
	work.stop()
	b.awaitState("STOP_IN_PROGRESS", "STOPPED")
	s.kill(9)
	b.await(`!document.getElementById("offline").hidden`)
	s.start()
	b.await(`document.getElementById("offline").hidden`)
	b.awaitState("STOPPED")
	work.start("")
	b.awaitState("READY")
}

// signIn opens a sign-in link and presses its button.
func (b browser) signIn(link string) {
	b.t.Helper()
	b.run(chromedp.Navigate(link), chromedp.Click("main button", chromedp.ByQuery))
}

// await waits until an expression holds in the page.
func (b browser) await(expression string) {
	b.t.Helper()
	eventually(b.t, time.Minute, func() error {
		var ok bool
		if err := b.try(5*time.Second, chromedp.Evaluate("Boolean("+expression+")", &ok)); err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("not yet: %s", expression)
		}
		return nil
	})
}

// awaitState waits until the page shows its only workstation in one of the states.
func (b browser) awaitState(states ...string) {
	b.t.Helper()
	b.await(fmt.Sprintf(`%q.split(" ").includes(document.querySelector("[data-session]")?.dataset.state)`, strings.Join(states, " ")))
}

// press works a button of the only workstation by the keyboard alone.
func (b browser) press(verb string) {
	b.t.Helper()
	for range 30 {
		var there bool
		b.run(
			chromedp.KeyEvent("\t"),
			chromedp.Evaluate(fmt.Sprintf(`document.activeElement.matches('form[action="/sessions/%s"] button')`, verb), &there),
		)
		if there {
			b.run(chromedp.KeyEvent(kb.Enter))
			return
		}
	}
	b.t.Fatalf("Tab does not lead to the button %s", verb)
}

// openDesktop opens the desktop by one click and returns the tab that it is in.
func (b browser) openDesktop() browser {
	b.t.Helper()
	b.awaitState("READY")
	opened := chromedp.WaitNewTarget(b.ctx, func(info *target.Info) bool { return strings.Contains(info.URL, "/stream/") })
	b.run(chromedp.Click(`form[action="/sessions/open"] button`, chromedp.ByQuery))
	select {
	case id := <-opened:
		ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
		b.t.Cleanup(cancel)
		tab := browser{b.t, ctx}
		if err := chromedp.Run(ctx); err != nil { // as newBrowser does
			b.t.Fatal(err)
		}
		tab.run(chromedp.EmulateViewport(1280, 800))
		return tab
	case <-time.After(20 * time.Second):
		b.t.Fatal("no tab opens")
		return browser{}
	}
}

// pictures tells whether the pictures of the README are to be made anew.
func pictures() bool { return os.Getenv("BACKLOT_UPDATE_SCREENSHOTS") == "1" }

// drag moves a window by its title.
func (b browser) drag(fromX, fromY, toX, toY float64) {
	b.t.Helper()
	left := func(p *input.DispatchMouseEventParams) *input.DispatchMouseEventParams {
		return p.WithButton(input.Left).WithButtons(1).WithClickCount(1)
	}
	before := b.shotBytes()
	b.run(chromedp.MouseEvent(input.MousePressed, fromX, fromY, left))
	step := 0.0
	eventually(b.t, 10*time.Second, func() error { // until the window manager has taken hold of it
		step++
		b.run(chromedp.MouseEvent(input.MouseMoved, fromX+5*step, fromY+5*step, left))
		if bytes.Equal(before, b.shotBytes()) {
			return fmt.Errorf("the window does not move")
		}
		return nil
	})
	b.run(
		chromedp.MouseEvent(input.MouseMoved, toX, toY, left),
		chromedp.MouseEvent(input.MouseReleased, toX, toY, left),
	)
	b.typeable()
}

func (b browser) picture(name string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(`document.activeElement.blur()`, nil))
	picture := b.shotBytes()
	if len(picture) > 200<<10 {
		b.t.Errorf("%s has %d bytes", name, len(picture))
	}
	dir := filepath.Join("..", "docs", "images")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
