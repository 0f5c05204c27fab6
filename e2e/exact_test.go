package e2e_test

import (
	"context"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/e2e/scene"
)

// exactWatch notes when the page has a key, and when it says that its picture is
// exact, or no more.
const exactWatch = `globalThis.exactly = { key: 0, on: 0, off: 0, first: 0 };
addEventListener("keydown", () => { exactly.key ||= performance.now(); }, true);
document.addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
	const now = performance.now();
	if (document.body.dataset.exact) exactly.on = now;
	else { exactly.on = 0; exactly.off = now; }
}).observe(document.body, { attributeFilter: ["data-exact"] }));`

// TestExact has scenes drawn in a real session, and holds what the page shows once it
// says that it is exact against the frame buffer, pixel by pixel.
func TestExact(t *testing.T) {
	program := buildShow(t)
	backlot := newBacklot(t)
	l := newBrowser(t, scene.Width, scene.Height, mediaFlags...).newExactLook(backlot)
	for _, mode := range []string{scene.FlipSmall, scene.Flip, scene.FlipImage} {
		l.rest()
		l.mode, l.show = mode, newShow(t, backlot.display(program, mode))
		l.exact()
		var took []float64
		for range 7 {
			time.Sleep(300 * time.Millisecond)
			l.do(`exactly.key = exactly.on = 0`)
			l.key()
			l.exact()
			took = append(took, eval[float64](l, `exactly.on - exactly.key`))
		}
		slices.Sort(took)
		t.Logf("%s: exact %.0f ms after the key (from %.0f to %.0f)", mode, took[len(took)/2], took[0], took[len(took)-1])

		l.exact()
		sum := l.show.hash()
		state := 0
		if sum == scene.Of(mode, true).Hash() {
			state = 1
		}
		want := scene.Of(mode, state == 1)
		if sum != want.Hash() {
			t.Fatalf("%s: the X server does not hold what was drawn", mode)
		}
		if part, most := differs(l.shot(), image.Point{}, want); part > 0 {
			t.Errorf("%s: %.4f %% of the page's pixels differ from the frame buffer, by up to %d", mode, 100*part, most)
		}
	}
}

func buildShow(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "show")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./scene/show")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the drawing program: %v\n%s", err, out)
	}
	return program
}

// newExactLook opens the page of a streamer, watched by exactWatch.
func (b browser) newExactLook(s streamer) *look {
	b.t.Helper()
	l := &look{browser: b, streamer: s}
	l.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(exactWatch).Do(ctx)
		return err
	}), chromedp.Navigate(s.open()))
	eventually(b.t, 20*time.Second, func() error {
		if state := eval[string](l, `document.body.dataset.state ?? ""`); state != "live" {
			return fmt.Errorf("page is %s", state)
		}
		return nil
	})
	return l
}

// exact waits until the page says that its picture is exact.
func (l *look) exact() {
	l.t.Helper()
	eventually(l.t, 20*time.Second, func() error {
		if !eval[bool](l, `!!document.body.dataset.exact && exactly.on > exactly.key`) {
			return fmt.Errorf("the page is not exact: %s", eval[string](l, `JSON.stringify([exactly, {...document.body.dataset}, performance.now()])`))
		}
		return nil
	})
}
