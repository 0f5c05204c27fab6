package portal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// window is a tab of a Chromium of its own.
type window struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // chromedp keeps the tab in it
}

// newWindow opens a window of 1280 x 800. What the page's console says is an
// error of the test, but for failed requests.
func newWindow(t *testing.T) *window {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a browser at its own pace, not that of the race detector")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium on PATH")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(1280, 800),
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-sync", true),
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // of events it does not know yet
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until the browser has ended
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *cdplog.EventEntryAdded:
			if e.Entry.Source != cdplog.SourceNetwork {
				t.Errorf("page complains: %s", e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			t.Errorf("page complains: %s", e.ExceptionDetails.Error())
		}
	})
	w := &window{t, ctx}
	w.look(1280, "light")
	return w
}

func (w *window) do(actions ...chromedp.Action) {
	w.t.Helper()
	if err := chromedp.Run(w.ctx, actions...); err != nil {
		w.t.Fatal(err)
	}
}

// look sets width and colour scheme.
func (w *window) look(width int64, scheme string) {
	w.t.Helper()
	w.do(
		chromedp.EmulateViewport(width, 800),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
	)
}

// eval runs a function body in the page and decodes what it returns.
func (w *window) eval(body string, result any) {
	w.t.Helper()
	var text string
	w.do(chromedp.Evaluate("JSON.stringify((() => {"+body+"})())", &text))
	if err := json.Unmarshal([]byte(text), result); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
}

// await waits until an expression holds in the page.
func (w *window) await(expression string) {
	w.t.Helper()
	var ok bool
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		// While the page changes to another one, there may be none to ask.
		if err := chromedp.Run(w.ctx, chromedp.Evaluate("Boolean("+expression+")", &ok)); err == nil && ok {
			return
		}
	}
	var at struct{ Focus, Body string }
	w.eval(`return { focus: document.activeElement?.id, body: document.body.innerText }`, &at)
	w.t.Fatalf("never: %s\nfocus: %s\n%s", expression, at.Focus, at.Body)
}

// awaitState waits until the only workstation is in a state.
func (w *window) awaitState(state string) {
	w.t.Helper()
	w.await(`document.querySelector("[data-session]")?.dataset.state === "` + state + `"`)
}

// signIn opens a sign-in link and presses its button, which has the focus, by the keyboard.
func (w *window) signIn(link string) {
	w.t.Helper()
	w.do(chromedp.Navigate(link))
	w.focused("main button")
	w.do(chromedp.KeyEvent(kb.Enter))
	w.await(`location.pathname === "/" && document.readyState === "complete"`)
}

// click clicks as a mouse does.
func (w *window) click(selector string) {
	w.t.Helper()
	w.do(chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// tabTo presses Tab until an element that the selector means has the focus, which
// must show on the way.
func (w *window) tabTo(selector string) {
	w.t.Helper()
	for range 40 {
		w.do(chromedp.KeyEvent("\t"))
		var at struct {
			There  bool
			Shows  bool
			Called string
		}
		w.eval(fmt.Sprintf(`const e = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(e);
			return { there: e.matches(%q), shows: e === document.body || outlineStyle === "solid" && parseFloat(outlineWidth) >= 2, called: e.textContent }`, selector), &at)
		if !at.Shows {
			w.t.Errorf("the focus on %q does not show", at.Called)
		}
		if at.There {
			return
		}
	}
	w.t.Fatalf("Tab does not lead to %s", selector)
}

// focused waits until an element that the selector means has the focus.
func (w *window) focused(selector string) {
	w.t.Helper()
	w.await(fmt.Sprintf("document.activeElement?.matches(%q)", selector))
}

// shot keeps a picture in BACKLOT_SCREENSHOTS, if that is set.
func (w *window) shot(name string) {
	w.t.Helper()
	dir := os.Getenv("BACKLOT_SCREENSHOTS")
	if dir == "" {
		return
	}
	var png []byte
	w.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		png, err = page.CaptureScreenshot().Do(ctx)
		return err
	}))
	must(w.t, os.WriteFile(filepath.Join(dir, "portal-"+name+".png"), png, 0o644))
}
