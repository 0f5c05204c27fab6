package gateway_test

import (
	"slices"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// TestKeyboardLock: in full screen the system's shortcuts are the desktop's, and after it
// no more, however it was left; the menu says so, or that the browser cannot.
func TestKeyboardLock(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	w := newWindow(t, 1280, 800, "", webrtcFlags...)
	w.before(`globalThis.asked = [];
		navigator.keyboard.lock = async () => void asked.push("lock");
		navigator.keyboard.unlock = () => void asked.push("unlock");`)
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	all := input.ModifierCtrl | input.ModifierAlt | input.ModifierShift
	press := func() {
		w.do(
			input.DispatchKeyEvent(input.KeyDown).WithModifiers(all).WithCode("Enter").WithKey("Enter"),
			input.DispatchKeyEvent(input.KeyUp).WithModifiers(all).WithCode("Enter").WithKey("Enter"),
		)
	}
	press()
	w.holds(`document.fullscreenElement && asked.join() === "lock"`)
	press()
	w.holds(`!document.fullscreenElement && asked.join() === "lock,unlock"`)
	press()
	w.holds(`document.fullscreenElement && asked.join() === "lock,unlock,lock"`)
	w.eval(`await document.exitFullscreen(); return true`, new(bool)) // as the browser does when Escape is held
	w.holds(`asked.join() === "lock,unlock,lock,unlock"`)

	says := func() (words []string) {
		w.eval(`return [...document.querySelectorAll(".keys dd:not([hidden])")].map((e) => e.textContent)`, &words)
		return words
	}
	const held = "Full screen. Escape, Alt+Tab and the like go to the desktop there, too; hold Escape to leave"
	if words := says(); !slices.Contains(words, held) {
		t.Errorf("the menu says %q", words)
	}
	w.before(`Object.defineProperty(navigator, "keyboard", { value: undefined })`)
	w.do(chromedp.Reload())
	w.await("live")
	if words := says(); slices.Contains(words, held) || len(words) != 4 {
		t.Errorf("where the browser cannot the menu says %q", words)
	}
	w.shortcut("B")
	w.eval(`[...document.querySelectorAll("button")].find((b) => b.textContent === "Menu").click();
		document.querySelector(".keys").scrollIntoView();
		return true`, new(bool))
	w.shot("lock")
}
