package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
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
