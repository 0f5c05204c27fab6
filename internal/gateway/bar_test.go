package gateway_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/wire"
)

// shortcut presses Control, Alt and Shift with a key, as fingers do.
func (w *window) shortcut(key string) {
	w.t.Helper()
	all := input.ModifierCtrl | input.ModifierAlt | input.ModifierShift
	code := "Key" + key
	w.do(
		input.DispatchKeyEvent(input.KeyRawDown).WithModifiers(all).WithCode(code).WithKey(key),
		input.DispatchKeyEvent(input.KeyUp).WithModifiers(all).WithCode(code).WithKey(key),
	)
}

// focus is what has the keyboard: its text, or its label.
func (w *window) focus() (text string) {
	w.t.Helper()
	w.eval(`const e = document.activeElement; return e.getAttribute("aria-label") ?? e.textContent`, &text)
	return text
}

// holds waits until an expression is true in the page.
func (w *window) holds(expression string) {
	w.t.Helper()
	var ok bool
	w.eval(`for (let i = 0; i < 1000; i++) {
			if (`+expression+`) return true;
			await new Promise((then) => setTimeout(then, 10));
		}
		return false`, &ok)
	if !ok {
		var has string
		w.eval(`return document.querySelector("nav").innerText + " | " + document.querySelector(".toasts").innerText`, &has)
		w.t.Fatalf("never: %s; the page has %q", expression, has)
	}
}

// shot keeps a picture of the page where BACKLOT_SCREENSHOTS says.
func (w *window) shot(name string) {
	w.t.Helper()
	dir := os.Getenv("BACKLOT_SCREENSHOTS")
	if dir == "" {
		return
	}
	var picture []byte
	w.do(chromedp.Sleep(300*time.Millisecond), chromedp.CaptureScreenshot(&picture))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func TestBarByKeyboard(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.studio.set(func() { s.studio.ends = time.Now().Add(40 * time.Minute) })
	d := s.newDesktop()
	w := newWindow(t, 1280, 800, "", webrtcFlags...)
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	box := `JSON.stringify(document.querySelector("video").getBoundingClientRect())`
	var before, after string
	w.eval(`return `+box, &before)

	w.shortcut("B")
	w.holds(`document.querySelector("nav").classList.contains("shown")`)
	w.holds(`document.activeElement.id === "quality"`)
	// Every button in turn, by Tab alone, and each has a name.
	var order []string
	for range 5 {
		order = append(order, w.focus())
		w.do(chromedp.KeyEvent(kb.Tab))
	}
	want := []string{"Share", "40 min left", "Full screen", "Menu"}
	if order[0] == "" || !slices.Equal(order[1:], want) { // the first says how good the connection is
		t.Errorf("Tab leads to %q, want the quality and %q", order, want)
	}
	w.eval(`document.querySelector("#settings").focus(); return 0`, new(int))
	w.do(chromedp.KeyEvent(kb.Enter))
	w.holds(`!document.querySelector("#menu").hidden && document.activeElement.id === "menu"`)
	w.shot("bar-menu")
	w.do(chromedp.KeyEvent(kb.Escape))
	w.holds(`document.querySelector("#menu").hidden && document.activeElement.id === "settings"`)
	w.do(chromedp.KeyEvent(kb.Escape))
	w.holds(`!document.querySelector("nav").classList.contains("shown") && document.activeElement.closest("main")`)
	w.eval(`return `+box, &after)
	if before != after {
		t.Errorf("the picture moved from %s to %s", before, after)
	}
	// Of all that nothing reached the desktop, and now keys do again.
	w.do(chromedp.KeyEvent("a"))
	d.expectMessage(t, wire.Key{Code: 30, Keysym: 'a', Down: true})
	d.expectMessage(t, wire.Key{Code: 30, Keysym: 'a'})
}

type axValue struct {
	Value any `json:"value"`
}

// TestBarIsReadOut looks at the page as a screen reader does.
func TestBarIsReadOut(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	w := newWindow(t, 800, 600, "", webrtcFlags...)
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	w.shortcut("B")
	w.holds(`document.activeElement.id === "quality"`)
	for _, panel := range []string{"connection", "people", "menu"} {
		w.eval(`document.querySelector('[aria-controls="`+panel+`"]').click(); return 0`, new(int))
		w.holds(`!document.querySelector("#` + panel + `").hidden`)
		var tree struct {
			Nodes []struct {
				Ignored bool    `json:"ignored"`
				Role    axValue `json:"role"`
				Name    axValue `json:"name"`
			} `json:"nodes"`
		}
		w.do(chromedp.ActionFunc(func(ctx context.Context) error {
			return cdp.Execute(ctx, "Accessibility.getFullAXTree", nil, &tree)
		}))
		roles := map[any]int{}
		for _, n := range tree.Nodes {
			if n.Ignored {
				continue
			}
			roles[n.Role.Value]++
			switch n.Role.Value {
			case "button", "combobox", "slider", "textbox", "navigation", "region", "dialog":
				if name, _ := n.Name.Value.(string); name == "" {
					t.Errorf("%s: a %s has no name", panel, n.Role.Value)
				}
			}
		}
		if roles["navigation"] != 1 || roles["region"] != 1 || roles["button"] < 4 {
			t.Errorf("%s: read out as %v", panel, roles)
		}
	}
}

func TestBarLooks(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.studio.set(func() {
		s.studio.ends = time.Now().Add(4 * time.Minute)
		s.studio.sharing = gateway.SharedToWatch
	})
	s.newDesktop()
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"dark", "light"} {
			w := newWindow(t, width, 800, "", webrtcFlags...)
			w.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}), chromedp.Navigate(s.url()))
			w.await("live")
			name := scheme + map[int64]string{1280: "-1280", 390: "-390"}[width]
			look := func(what string) {
				t.Helper()
				w.shot(name + "-" + what)
				var outside []string
				w.eval(`return [document.documentElement, ...document.querySelectorAll(".strip, .panel, section, .toasts > *")]
					.filter((e) => e.checkVisibility() && (e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth + 1))
					.map((e) => e.id || e.className || e.tagName)`, &outside)
				if len(outside) > 0 {
					t.Errorf("%s, %s: too wide: %v", name, what, outside)
				}
			}
			look("bar")
			for panel, shows := range map[string]string{"connection": "Pictures a second", "people": "Ada", "menu": "Keyboard"} {
				w.eval(`document.querySelector('[aria-controls="`+panel+`"]').click(); return 0`, new(int))
				w.holds(`document.querySelector("#` + panel + `").checkVisibility() && document.querySelector("#` + panel + `").innerText.includes("` + shows + `")`)
				look(panel)
			}
			w.eval(`document.querySelector('[data-place="session"] button').click(); return 0`, new(int))
			look("stop")
		}
	}
}

// What the picture keeps, and may cost, is chosen by the keyboard and outlives a reload.
func TestBarChoosesThePicture(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	w := newWindow(t, 1280, 800, "", webrtcFlags...)
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	w.shortcut("B")
	w.holds(`document.activeElement.id === "quality"`)
	w.do(chromedp.KeyEvent(kb.Enter))
	w.holds(`document.activeElement.id === "connection"`)
	w.holds(`document.querySelectorAll('#connection select').length > 3`)
	limited := func(m wire.Message) bool {
		rate, ok := m.(wire.Rate)
		return ok && rate.BitsPerSecond <= 10_000_000
	}
	choose := func(label string, times int) {
		t.Helper()
		w.holds(`[...document.querySelectorAll("#connection label")].some((l) => l.textContent.startsWith("` + label + `") && (l.querySelector("select").focus(), true))`)
		for range times {
			w.do(chromedp.KeyEvent(kb.ArrowDown))
		}
	}
	choose("Movement", 1)
	d.expectMessage(t, wire.Keep{What: wire.KeepPixels})
	choose("Data at most", 2)
	d.expect(t, "a limit", limited)
	w.do(chromedp.Reload())
	w.await("live")
	d.expectMessage(t, wire.Keep{What: wire.KeepPixels})
	d.expect(t, "a limit", limited)
}
