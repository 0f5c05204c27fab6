package portal_test

import (
	_ "embed"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/internal/studio"
)

// inspect is a script that returns what is wrong with the page for those who
// cannot see it, or see it on a small or dark screen.
//
//go:embed testdata/inspect.js
var inspect string

// TestLooks goes through everything the pages can show, in both widths and colour
// schemes. Workstations must not change their size while they change their state.
func TestLooks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tab := newWindow(t)
	heights := map[int64]float64{}
	look := func(name string) {
		t.Helper()
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				tab.look(width, scheme)
				tab.shot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
				var found struct {
					Wrong  []string
					Height float64
				}
				tab.eval(inspect, &found)
				for _, wrong := range found.Wrong {
					t.Errorf("%s, %d wide, %s: %s", name, width, scheme, wrong)
				}
				if found.Height == 0 {
					continue
				}
				if heights[width] == 0 {
					heights[width] = found.Height
				}
				if found.Height != heights[width] {
					t.Errorf("%s, %d wide: the workstation is %g high, before it was %g", name, width, found.Height, heights[width])
				}
			}
		}
		tab.look(1280, "light")
	}

	tab.do(chromedp.Navigate(w.site.URL))
	look("signed-out")
	tab.do(chromedp.Navigate(w.site.URL + "/sign-in?token=spent"))
	look("link")
	tab.click("main button")
	tab.await(`document.querySelector("h1").textContent.includes("any more") && document.readyState === "complete"`)
	look("spent-link")
	tab.signIn(w.site.URL + w.link(t, w.other.Principal()))
	look("nothing-shared")
	tab.signIn(w.site.URL + w.link(t, w.artist.Principal()))
	look("no-workstation")
	tab.click(".launch button")
	tab.awaitState("CREATE_IN_PROGRESS")
	look("being-made")
	w.work(t)
	tab.awaitState("READY")
	look("ready")
	tab.click(`form[action="/sessions/delete"] button`)
	tab.focused(`#confirm [value="no"]`)
	look("confirm")
	tab.click(`#confirm [value="no"]`)
	tab.click(`form[action="/sessions/stop"] button`)
	tab.awaitState("STOP_IN_PROGRESS")
	look("stopping")
	w.work(t)
	tab.awaitState("STOPPED")
	look("stopped")
	tab.click("summary")
	tab.await(`document.querySelector("details").open`)
	look("backups+")
	tab.click("summary")
	tab.do(chromedp.SetValue(`form[action="/sessions/start"] [name="session"]`, "gone", chromedp.ByQuery))
	tab.click(`form[action="/sessions/start"] button`)
	tab.await(`!document.getElementById("problem").hidden`)
	look("problem")
	tab.click("#problem button")
	w.broken = &studio.Failure{Code: studio.InternalFailure, Final: true, Err: chromedp.ErrNoResults}
	tab.do(chromedp.Reload())
	tab.click(`form[action="/sessions/start"] button`)
	tab.awaitState("START_IN_PROGRESS")
	w.work(t)
	tab.awaitState("START_FAILED")
	look("failed")
	w.down.Store(true)
	w.site.CloseClientConnections()
	tab.await(`!document.getElementById("offline").hidden`)
	look("offline")
}
