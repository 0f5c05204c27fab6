package portal_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/backlot/backlot/internal/studio"
)

// open opens the home page as the artist.
func (w *world) open(t *testing.T) *window {
	t.Helper()
	tab := newWindow(t)
	tab.signIn(w.site.URL + w.link(t, w.artist.Principal()))
	return tab
}

// TestSignInWithoutScript: a link needs one key, and no script.
func TestSignInWithoutScript(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tab := newWindow(t)
	tab.do(emulation.SetScriptExecutionDisabled(true))
	tab.signIn(w.site.URL + w.link(t, w.artist.Principal()))
	tab.await(`document.querySelector(".who").textContent === "artist"`)
}

// TestKeyboard lives with the page without a mouse. The focus shows wherever it
// is, and is never lost.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tab := w.open(t)
	press := func(keys string) { t.Helper(); tab.do(chromedp.KeyEvent(keys)) }
	card := func(verb string) string { return fmt.Sprintf(`form[action="/sessions/%s"] button`, verb) }

	press("\t")
	tab.focused(".skip")
	press(kb.Enter)
	tab.focused("#workstations")
	tab.tabTo("select")
	press(kb.ArrowDown)
	tab.tabTo(card("launch"))
	press(kb.Enter)

	// A launch leads to the new workstation, and its news do not take the focus away.
	tab.focused("[data-session]")
	w.work(t)
	tab.awaitState("READY")
	tab.focused("[data-session]")
	if s := w.mine()[0]; s.EC2InstanceType != "g5.xlarge" {
		t.Errorf("launched a %s", s.EC2InstanceType)
	}
	tab.await(`document.getElementById("announce").textContent === "Desktop: Ready"`)

	tab.tabTo(card("stop"))
	press(kb.Enter)
	tab.awaitState("STOP_IN_PROGRESS")
	tab.focused("[data-session]") // the button is gone
	w.work(t)
	tab.awaitState("STOPPED")

	// What is open stays so while something else changes.
	tab.tabTo("summary")
	press(kb.Enter)
	w.clock.advance(time.Second) // so that it comes behind the other
	w.newProfile(t, w.studioID, "Another", nil)
	tab.await(`document.querySelectorAll("#profiles article").length === 2`)
	tab.await(`document.querySelector("details").open && document.querySelector("#profiles select").value === "g5.xlarge"`)
	tab.focused("summary")

	// Deleting asks; what is at hand is to keep it.
	tab.tabTo(card("delete"))
	press(kb.Enter)
	tab.focused(`#confirm [value="no"]`)
	press(kb.Escape)
	tab.focused(card("delete"))
	press(kb.Enter)
	tab.focused(`#confirm [value="no"]`)
	press(kb.Enter)
	tab.focused(card("delete"))
	press(kb.Enter)
	tab.tabTo(`#confirm [value="yes"]`)
	if s := w.mine()[0]; s.State != studio.Stopped {
		t.Fatalf("it is %s without a yes", s.State)
	}
	press(kb.Enter)
	tab.awaitState("DELETE_IN_PROGRESS")
	tab.focused("[data-session]")
	w.work(t)
	tab.await(`document.getElementById("no-sessions")`)
	tab.focused("#workstations")
}

// TestConfirmWhileThingsChange: a card drawn anew behind the dialog is the one that is meant.
func TestConfirmWhileThingsChange(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	id := b.launch()
	w.work(t)
	tab := w.open(t)
	tab.click(`form[action="/sessions/delete"] button`)
	tab.focused(`#confirm [value="no"]`)
	b.do("stop", id).leads(t, "/")
	w.work(t)
	tab.awaitState("STOPPED")
	tab.do(chromedp.KeyEvent(kb.Escape))
	tab.focused("[data-session]")
	tab.click(`form[action="/sessions/delete"] button`)
	tab.click(`#confirm [value="yes"]`)
	tab.awaitState("DELETE_IN_PROGRESS")
}

// TestServerComesBack: while the server is away the page says so, and then it goes on.
func TestServerComesBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	b.launch()
	tab := w.open(t)
	tab.awaitState("CREATE_IN_PROGRESS")
	w.down.Store(true)
	w.site.CloseClientConnections()
	tab.await(`!document.getElementById("offline").hidden`)
	tab.click(`form[action="/sessions/launch"] button`)
	tab.await(`document.getElementById("problem").innerText.includes("The server does not answer, so nothing was done.")`)
	w.work(t)
	w.down.Store(false)
	tab.awaitState("READY")
	tab.await(`document.getElementById("offline").hidden`)
	if n := len(w.mine()); n != 1 {
		t.Errorf("%d workstations, want the first one only", n)
	}

	// One click makes one workstation, however often it is made.
	tab.do(chromedp.DoubleClick(`form[action="/sessions/launch"] button`, chromedp.ByQuery))
	tab.await(`document.querySelectorAll("[data-session]").length === 2`)
	tab.await(`document.getElementById("problem").hidden`)
	if n := len(w.mine()); n != 2 {
		t.Errorf("%d workstations, want 2", n)
	}
}

// TestSignedOutElsewhere: every tab of a login ends with it.
func TestSignedOutElsewhere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tab := w.open(t)
	tab.await(`document.getElementById("no-sessions")`)
	second, cancel := chromedp.NewContext(tab.ctx)
	defer cancel()
	other := &window{t, second}
	other.do(chromedp.Navigate(w.site.URL))
	other.click("header button")
	other.await(`document.querySelector("h1")?.textContent === "Sign in"`)
	var id target.ID
	tab.do(chromedp.ActionFunc(func(ctx context.Context) error {
		id = chromedp.FromContext(ctx).Target.TargetID
		return nil
	}))
	tab.do(target.ActivateTarget(id))
	tab.await(`document.querySelector("h1")?.textContent === "Sign in"`)
}

// TestDesktopHasOneTab: opening a desktop again leads to the tab that it is open
// in. Meanwhile the page, which nobody sees, holds no connection.
func TestDesktopHasOneTab(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	b.launch()
	w.work(t)
	tab := w.open(t)
	tab.awaitState("READY")
	eventually := func(what string, check func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !check(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	desktops := func() (urls []string) {
		t.Helper()
		all, err := chromedp.Targets(tab.ctx)
		must(t, err)
		for _, one := range all {
			if one.Type == "page" && one.Title == "A desktop" {
				urls = append(urls, one.URL)
			}
		}
		return urls
	}
	tab.click(`form[action="/sessions/open"] button`)
	eventually("no desktop opens", func() bool { return len(desktops()) == 1 })
	first := desktops()[0]
	eventually("a page that nobody sees still listens", func() bool { return w.listeners.Load() == 0 })
	b.do("stop", w.mine()[0].SessionID).leads(t, "/")
	w.work(t)
	b.do("start", w.mine()[0].SessionID).leads(t, "/")
	w.work(t)
	tab.do(page.BringToFront())
	tab.await(`document.querySelector(".foot").innerText.includes("1 backup")`)
	tab.click(`form[action="/sessions/open"] button`)
	eventually("the desktop does not open again, in the same tab", func() bool {
		urls := desktops()
		return len(urls) == 1 && urls[0] != first
	})
}
