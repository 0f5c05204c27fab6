//go:build linux

package streamer

import (
	"sync/atomic"

	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"

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
	stale   atomic.Bool // the layout may have changed
}

// handle presses or releases a key. What no key can say is ignored.
func (k *keyboard) handle(m wire.Key) {
	sym := xproto.Keysym(m.Keysym)
	switch {
	case m.Code != 0 && m.Code <= 255-evdevOffset:
		k.press(xproto.Keycode(m.Code+evdevOffset), m.Down)
	case sym != 0 && m.Down:
		k.pressSymbol(sym)
	case sym != 0:
		k.press(k.symbols[sym], false)
		delete(k.symbols, sym)
	}
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
	if shift := k.held[leftShift] || k.held[rightShift]; !ok || shift && !shifted {
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
	var lent []xproto.Keycode
	if k.layout != nil {
		lent = k.layout.lent
	}
	k.layout = &layout{first: first, per: int(m.KeysymsPerKeycode), symbols: m.Keysyms, lent: lent}
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
