//go:build linux

package streamer

import (
	"log/slog"
	"slices"
	"sync/atomic"
	"unicode"

	"github.com/BurntSushi/xgb/xproto"
	"github.com/BurntSushi/xgb/xtest"

	"github.com/backlot/backlot/internal/wire"
)

const (
	// evdevOffset is what X's evdev rules add to the code of a physical key.
	evdevOffset = 8
	leftShift   = xproto.Keycode(42 + evdevOffset)
	rightShift  = xproto.Keycode(54 + evdevOffset)
)

// keyboard presses keys: physical ones by their code, symbols by a key that has
// them. X repeats held keys by itself. One goroutine uses it; any may set stale.
type keyboard struct {
	display *display
	held    [256]bool                        // by keycode
	symbols map[xproto.Keysym]xproto.Keycode // held
	layout  *layout
	chosen  wire.Layout
	log     *slog.Logger
	stale   atomic.Bool // the layout may have changed
}

// handle presses or releases a key. Where the viewer's keyboard has another
// character on a key than the desktop's, the character is what was meant. What no
// key can say is ignored.
func (k *keyboard) handle(m wire.Key) {
	sym := xproto.Keysym(m.Keysym)
	var code xproto.Keycode
	if m.Code <= 255-evdevOffset && m.Code != 0 {
		code = xproto.Keycode(m.Code + evdevOffset)
	}
	if !m.Down {
		if by, ok := k.symbols[sym]; ok {
			delete(k.symbols, sym)
			code = by
		}
		k.press(code, false)
		return
	}
	if code != 0 && k.gives(code, sym) {
		k.press(code, true)
	} else if sym != 0 {
		k.pressSymbol(sym)
	}
}

// gives tells whether the key, as things are, gives the symbol. Whatever is no
// character, such as Escape or Shift, is left to the key; so is the keypad, which
// NumLock decides on.
func (k *keyboard) gives(code xproto.Keycode, sym xproto.Keysym) bool {
	if meaning(sym) == 0 || !k.refresh() {
		return true
	}
	if keypad(k.layout.symbol(code, true, false)) {
		return true
	}
	have := k.layout.symbol(code, k.shifted(), k.third())
	if same(have, sym) || unicode.ToLower(meaning(have)) != unicode.ToLower(meaning(sym)) {
		return same(have, sym)
	}
	pointer, err := xproto.QueryPointer(k.display.x, k.display.root).Reply()
	return err != nil || pointer.Mask&xproto.ModMaskLock != 0
}

// keypad tells the keysyms of the keypad's keys.
func keypad(sym xproto.Keysym) bool { return sym >= 0xff80 && sym <= 0xffbd }

func (k *keyboard) shifted() bool { return k.held[leftShift] || k.held[rightShift] }

// third tells whether AltGr is held: a key that the layout made it.
func (k *keyboard) third() bool {
	const level3 = 0xfe03 // ISO_Level3_Shift
	for code, held := range k.held {
		if held && k.layout.symbol(xproto.Keycode(code), false, false) == level3 {
			return true
		}
	}
	return false
}

func (k *keyboard) press(code xproto.Keycode, down bool) {
	if code == 0 || k.held[code] == down {
		return
	}
	k.held[code] = down
	k.fake(code, down)
}

func (k *keyboard) pressSymbol(sym xproto.Keysym) {
	if _, held := k.symbols[sym]; held || !k.refresh() {
		return
	}
	code, shifted, ok := k.layout.find(sym)
	if shift := k.shifted(); !ok || shift && !shifted || k.third() {
		if code, ok = k.layout.borrow(sym, &k.held); !ok {
			return
		}
		// The symbol stands on both levels, so that it does not depend on shift.
		xproto.ChangeKeyboardMapping(k.display.x, 1, code, 2, []xproto.Keysym{sym, sym})
	} else if shifted && !shift {
		k.fake(leftShift, true)
		defer k.fake(leftShift, false)
	}
	k.press(code, true)
	if k.symbols == nil {
		k.symbols = make(map[xproto.Keysym]xproto.Keycode)
	}
	k.symbols[sym] = code
}

// refresh reads the layout if it may have changed. It says whether there is one.
func (k *keyboard) refresh() bool {
	if k.layout != nil && !k.stale.Load() {
		return true
	}
	k.stale.Store(false)
	first, last := k.display.setup.MinKeycode, k.display.setup.MaxKeycode
	m, err := xproto.GetKeyboardMapping(k.display.x, first, byte(last-first)+1).Reply()
	if err != nil {
		return false
	}
	read := &layout{first: first, per: int(m.KeysymsPerKeycode), symbols: m.Keysyms}
	if k.layout != nil {
		// A key that means something else now was given it by somebody else.
		read.lent = slices.DeleteFunc(k.layout.lent, func(code xproto.Keycode) bool {
			return read.symbol(code, false, false) != k.layout.symbol(code, false, false)
		})
	}
	k.layout = read
	return true
}

func (k *keyboard) releaseAll() {
	for code, held := range k.held {
		if held {
			k.press(xproto.Keycode(code), false)
		}
	}
	clear(k.symbols)
}

func (k *keyboard) fake(code xproto.Keycode, down bool) {
	kind := byte(xproto.KeyRelease)
	if down {
		kind = xproto.KeyPress
	}
	xtest.FakeInput(k.display.x, kind, byte(code), 0, k.display.root, 0, 0, 0)
}
