package gateway_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/wire"
)

// unlocked is what a page says before the first key or button.
var unlocked = wire.Message(wire.Locks{})

// hands is a page whose input is looked at.
func hands(t *testing.T) (*window, func(want ...wire.Message)) {
	t.Helper()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	w := newWindow(t, 1280, 800, "")
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	return w, func(want ...wire.Message) {
		t.Helper()
		var got []wire.Message
		d.expect(t, "all input", func(m wire.Message) bool {
			switch m.Type() {
			case wire.TypePointer, wire.TypeButton, wire.TypeWheel, wire.TypeKey, wire.TypePen, wire.TypeMotion, wire.TypeLocks:
				if m != unlocked {
					got = append(got, m)
				}
			default: // is no input
			}
			return len(got) == len(want)
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("input (-want +got):\n%s", diff)
		}
	}
}

func key(kind input.KeyType, code, name string) *input.DispatchKeyEventParams {
	return input.DispatchKeyEvent(kind).WithCode(code).WithKey(name)
}

func TestPageKeyboard(t *testing.T) {
	t.Parallel()
	w, expect := hands(t)
	for _, c := range []struct {
		code, key string
		evdev     uint16
		keysym    uint32
	}{
		{"KeyA", "a", 30, 'a'},
		{"KeyZ", "y", 44, 'y'}, // a German keyboard
		{"Digit1", "!", 2, '!'},
		{"Space", " ", 57, ' '},
		{"Tab", "Tab", 15, 0xff09},
		{"Enter", "Enter", 28, 0xff0d},
		{"Backspace", "Backspace", 14, 0xff08},
		{"Escape", "Escape", 1, 0xff1b},
		{"Slash", "/", 53, '/'}, // quick find in Firefox
		{"F5", "F5", 63, 0xffc2},
		{"F12", "F12", 88, 0xffc9},
		{"ArrowUp", "ArrowUp", 103, 0xff52},
		{"PageDown", "PageDown", 109, 0xff56},
		{"Numpad5", "5", 76, '5'},
		{"NumpadEnter", "Enter", 96, 0xff0d},
		{"ControlRight", "Control", 97, 0xffe3},
		{"AltLeft", "Alt", 56, 0xffe9},
		{"MetaLeft", "Meta", 125, 0xffeb},
		{"IntlBackslash", "<", 86, '<'},
		{"", "é", 0, 0xe9},
		{"", "€", 0, 0x010020ac},
		{"", "Enter", 0, 0xff0d},
	} {
		w.do(key(input.KeyDown, c.code, c.key), key(input.KeyDown, c.code, c.key).WithAutoRepeat(true), key(input.KeyUp, c.code, c.key))
		expect(wire.Key{Code: c.evdev, Keysym: c.keysym, Down: true}, wire.Key{Code: c.evdev, Keysym: c.keysym})
	}

	// A dead key is the input method's: what it makes of it comes as text.
	w.do(key(input.KeyDown, "Quote", "Dead"), key(input.KeyUp, "Quote", "Dead"))

	// Shift let go first: the key goes up as it went down.
	w.do(key(input.KeyDown, "ShiftLeft", "Shift").WithModifiers(input.ModifierShift), key(input.KeyDown, "KeyB", "B").WithModifiers(input.ModifierShift), key(input.KeyUp, "ShiftLeft", "Shift"), key(input.KeyUp, "KeyB", "b"))
	expect(wire.Key{Code: 42, Keysym: 0xffe1, Down: true}, wire.Key{Code: 48, Keysym: 'B', Down: true},
		wire.Key{Code: 42, Keysym: 0xffe1}, wire.Key{Code: 48, Keysym: 'B'})

	// Nothing stays down in a window that is left, and all is well afterwards.
	down := wire.Key{Code: 29, Keysym: 0xffe3, Down: true}
	up := wire.Key{Code: 29, Keysym: 0xffe3}
	w.do(key(input.KeyDown, "ControlLeft", "Control"), chromedp.Evaluate(`dispatchEvent(new Event("blur"))`, nil),
		key(input.KeyUp, "ControlLeft", "Control"), key(input.KeyDown, "ControlLeft", "Control"), key(input.KeyUp, "ControlLeft", "Control"))
	expect(down, up, down, up)
}

// TestPageText: what comes without keys, from an input method or a program that types.
func TestPageText(t *testing.T) {
	t.Parallel()
	w, expect := hands(t)
	var want []wire.Message
	for _, keysym := range []uint32{'h', 0xe9, 0x01000000 + '漢', 0x0101f600, 0xff0d} {
		want = append(want, wire.Key{Keysym: keysym, Down: true}, wire.Key{Keysym: keysym})
	}
	w.do(input.InsertText("hé漢😀\n"))
	expect(want...)

	// A composed character is sent once it is done.
	w.do(input.ImeSetComposition("ka", 2, 2), input.InsertText("か"))
	expect(wire.Key{Keysym: 0x01000000 + 'か', Down: true}, wire.Key{Keysym: 0x01000000 + 'か'})
}

// TestPageVirtualKeyboard: where there are fingers the virtual keyboard comes when it is called,
// and not with every touch.
func TestPageVirtualKeyboard(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	w := newWindow(t, 390, 800, "")
	w.do(chromedp.EmulateViewport(390, 800, chromedp.EmulateMobile, chromedp.EmulateTouch), chromedp.Navigate(s.url()))
	w.await("live")
	const field = `document.querySelector("textarea")`
	w.holds(`document.activeElement === ` + field + ` && ` + field + `.inputMode === "none"`)
	presses := func(keysym uint32) {
		t.Helper()
		d.expectMessage(t, wire.Key{Keysym: keysym, Down: true})
		d.expectMessage(t, wire.Key{Keysym: keysym})
	}
	w.do(input.InsertText("é"))
	presses(0xe9)
	w.eval(`document.querySelector("#settings").click(); return 0`, new(int))
	w.holds(`[...document.querySelectorAll("#menu button")].some((b) => b.textContent === "Call up the keyboard" && (b.click(), true))`)
	w.holds(`document.activeElement === ` + field + ` && ` + field + `.inputMode === "text"`)
	w.do(input.InsertText("ß"))
	presses(0xdf)
	w.eval(`document.execCommand("delete"); return 0`, new(int))
	presses(0xff08)
	w.do(input.InsertText("x"))
	presses('x')
	w.eval(field+`.blur(); return 0`, new(int))
	w.holds(field + `.inputMode === "none"`)
}

// TestPageTouch: a finger that stays is the right button, two turn the wheel.
func TestPageTouch(t *testing.T) {
	t.Parallel()
	w, expect := hands(t)
	touch := func(kind input.TouchType, points ...*input.TouchPoint) *input.DispatchTouchEventParams {
		return input.DispatchTouchEvent(kind, points)
	}
	w.do(touch(input.TouchStart, &input.TouchPoint{X: 50, Y: 60}), touch(input.TouchEnd))
	expect(wire.Pointer{X: 50, Y: 60}, wire.Button{Button: 1, Down: true}, wire.Button{Button: 1})
	w.do(touch(input.TouchStart, &input.TouchPoint{X: 80, Y: 60}))
	expect(wire.Pointer{X: 80, Y: 60}, wire.Button{Button: 3, Down: true})
	w.do(touch(input.TouchEnd))
	expect(wire.Button{Button: 3})
	w.do(
		touch(input.TouchStart, &input.TouchPoint{X: 100, Y: 100, ID: 1}),
		touch(input.TouchStart, &input.TouchPoint{X: 100, Y: 100, ID: 1}, &input.TouchPoint{X: 200, Y: 100, ID: 2}),
		touch(input.TouchMove, &input.TouchPoint{X: 100, Y: 40, ID: 1}, &input.TouchPoint{X: 200, Y: 40, ID: 2}),
		touch(input.TouchEnd),
	)
	expect(wire.Pointer{X: 100, Y: 100}, wire.Wheel{DY: 60}, wire.Wheel{DY: 60})
}

func TestPageMouse(t *testing.T) {
	t.Parallel()
	w, expect := hands(t)
	mouse := func(kind input.MouseType, x, y float64) *input.DispatchMouseEventParams {
		return input.DispatchMouseEvent(kind, x, y)
	}
	w.do(mouse(input.MouseMoved, 100, 200))
	expect(wire.Pointer{X: 100, Y: 200})
	w.do(
		mouse(input.MousePressed, 100, 200).WithButton(input.Left).WithButtons(1),
		mouse(input.MouseMoved, 300, 400).WithButton(input.Left).WithButtons(1),
		mouse(input.MousePressed, 300, 400).WithButton(input.Right).WithButtons(3),
		mouse(input.MouseReleased, 300, 400).WithButton(input.Left).WithButtons(2),
		mouse(input.MouseReleased, 300, 400).WithButton(input.Right),
	)
	expect(
		wire.Button{Button: 1, Down: true}, wire.Pointer{X: 300, Y: 400}, wire.Button{Button: 3, Down: true},
		wire.Button{Button: 1}, wire.Button{Button: 3},
	)
	// A drag out of the window stays at its edge.
	w.do(
		mouse(input.MousePressed, 300, 400).WithButton(input.Middle).WithButtons(4),
		mouse(input.MouseMoved, 1500, -20).WithButton(input.Middle).WithButtons(4),
		mouse(input.MouseReleased, 1500, -20).WithButton(input.Middle),
	)
	expect(wire.Button{Button: 2, Down: true}, wire.Pointer{X: 1279, Y: 0}, wire.Button{Button: 2})
	// Back in it, it says where it is, as another window may have moved the pointer.
	w.do(mouse(input.MouseMoved, 1279, 0))
	expect(wire.Pointer{X: 1279, Y: 0})
	for name, button := range map[input.MouseButton]uint8{input.Back: 8, input.Forward: 9} {
		bit := map[uint8]int64{8: 8, 9: 16}[button]
		w.do(mouse(input.MousePressed, 1279, 0).WithButton(name).WithButtons(bit), mouse(input.MouseReleased, 1279, 0).WithButton(name))
		expect(wire.Button{Button: button, Down: true}, wire.Button{Button: button})
	}
	w.do(mouse(input.MouseWheel, 1279, 0).WithDeltaX(0).WithDeltaY(120), mouse(input.MouseWheel, 1279, 0).WithDeltaX(-120).WithDeltaY(0))
	expect(wire.Wheel{DY: 120}, wire.Wheel{DX: -120})

	// A finger is a mouse, too.
	w.do(
		input.DispatchTouchEvent(input.TouchStart, []*input.TouchPoint{{X: 10, Y: 20}}),
		input.DispatchTouchEvent(input.TouchMove, []*input.TouchPoint{{X: 30, Y: 40}}),
		input.DispatchTouchEvent(input.TouchEnd, nil),
	)
	expect(wire.Pointer{X: 10, Y: 20}, wire.Button{Button: 1, Down: true}, wire.Pointer{X: 30, Y: 40}, wire.Button{Button: 1})
}

// TestPageModifiers: what was let go where the page could not see it does not stay down.
func TestPageModifiers(t *testing.T) {
	t.Parallel()
	w, expect := hands(t)
	w.do(key(input.KeyDown, "ControlLeft", "Control").WithModifiers(input.ModifierCtrl), key(input.KeyDown, "AltLeft", "Alt").WithModifiers(input.ModifierCtrl|input.ModifierAlt))
	w.do(key(input.KeyDown, "KeyA", "a"), key(input.KeyUp, "KeyA", "a"))
	expect(
		wire.Key{Code: 29, Keysym: 0xffe3, Down: true}, wire.Key{Code: 56, Keysym: 0xffe9, Down: true},
		wire.Key{Code: 29, Keysym: 0xffe3}, wire.Key{Code: 56, Keysym: 0xffe9},
		wire.Key{Code: 30, Keysym: 'a', Down: true}, wire.Key{Code: 30, Keysym: 'a'},
	)
	w.do(key(input.KeyDown, "ShiftLeft", "Shift").WithModifiers(input.ModifierShift), input.DispatchMouseEvent(input.MouseMoved, 10, 20))
	expect(wire.Key{Code: 42, Keysym: 0xffe1, Down: true}, wire.Key{Code: 42, Keysym: 0xffe1}, wire.Pointer{X: 10, Y: 20})
}

// TestPageLayout: what the user chooses is told, again on each connection; a browser
// that knows nothing of its keyboard goes by language.
func TestPageLayout(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	w := newWindow(t, 1280, 800, "")
	told := func(want wire.Layout) {
		t.Helper()
		d.expect(t, fmt.Sprint(want), func(m wire.Message) bool { return m == want })
	}
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	told(wire.Layout{Name: "us"})
	w.do(chromedp.Evaluate(`localStorage.setItem("backlot keyboard", "ch(fr)")`, nil), chromedp.Reload())
	w.await("live")
	told(wire.Layout{Name: "ch", Variant: "fr"})
}

func TestPagePen(t *testing.T) {
	t.Parallel()
	w, expect := hands(t)
	pen := func(kind input.MouseType, x, y, force float64, buttons int64) *input.DispatchMouseEventParams {
		e := input.DispatchMouseEvent(kind, x, y).WithPointerType(input.Pen).WithForce(force).WithTiltX(30).WithTiltY(-20).WithButtons(buttons)
		if kind != input.MouseMoved {
			e = e.WithButton(input.Left)
		}
		return e
	}
	sample := func(x, y, pressure uint16, buttons uint8) wire.Message {
		return wire.Pen{Samples: []wire.PenSample{{X: x, Y: y, Pressure: pressure, TiltX: 30, TiltY: -20, Buttons: buttons}}}
	}
	w.do(
		pen(input.MouseMoved, 640, 400, 0, 0),
		pen(input.MousePressed, 640, 400, 0.5, 1),
		pen(input.MouseMoved, 960, 400, 0.25, 1),
		pen(input.MouseReleased, 960, 400, 0, 0),
	)
	expect(
		sample(32768, 32768, 0, 0),
		sample(32768, 32768, 32768, wire.PenTip),
		sample(49152, 32768, 16384, wire.PenTip),
		sample(49152, 32768, 0, 0),
	)
	// What the browser kept together is told one by one; the button at its side and the
	// other end are told, too.
	var sent int
	w.eval(`const target = document.elementFromPoint(640, 400);
		const event = (type, x, pressure, buttons, more) => new PointerEvent(type, {
			pointerType: "pen", clientX: x, clientY: 400, tiltX: 30, tiltY: -20, pressure, buttons, bubbles: true, ...more });
		const along = (...xs) => ({ coalescedEvents: xs.map((x) => event("pointermove", x, x / 1280, 1)) });
		const later = () => { for (const now = performance.now(); performance.now() <= now;); };
		for (const what of [
			["pointermove", 960, 0.75, 1, along(640, 800, 960)],
			["pointermove", 640, 0, 2],
			["pointermove", 640, 0.5, 32],
		]) {
			later(); // no two have the same time
			target.dispatchEvent(event(...what));
		}
		return 0`, &sent)
	expect(
		wire.Pen{Samples: []wire.PenSample{
			{X: 32768, Y: 32768, Pressure: 32768, TiltX: 30, TiltY: -20, Buttons: wire.PenTip},
			{X: 40960, Y: 32768, Pressure: 40959, TiltX: 30, TiltY: -20, Buttons: wire.PenTip},
			{X: 49152, Y: 32768, Pressure: 49151, TiltX: 30, TiltY: -20, Buttons: wire.PenTip},
		}},
		sample(32768, 32768, 0, wire.PenBarrel),
		sample(32768, 32768, 32768, wire.PenEraser),
	)
	// A mouse moves in between: the pen has left.
	w.do(input.DispatchMouseEvent(input.MouseMoved, 10, 20))
	expect(wire.Pen{}, wire.Pointer{X: 10, Y: 20})
}
