//go:build linux

package streamer

import (
	"slices"

	"github.com/BurntSushi/xgb/xproto"
)

// layout is which symbols the keys have.
type layout struct {
	first   xproto.Keycode
	per     int // symbols of a key
	symbols []xproto.Keysym
	// lent are the keys that had no symbol of their own and were given one, the
	// one lent longest ago first.
	lent []xproto.Keycode
}

func (l *layout) keys() int { return len(l.symbols) / max(l.per, 1) }

// of returns the symbols of the nth key.
func (l *layout) of(n int) []xproto.Keysym { return l.symbols[n*l.per : (n+1)*l.per] }

// symbol returns what a key stands for, with shift and AltGr or without. A key that has
// four levels has the third and fourth behind those of a second group (XKB protocol,
// core keyboard mapping).
func (l *layout) symbol(code xproto.Keycode, shifted, third bool) xproto.Keysym {
	n := int(code) - int(l.first)
	if n < 0 || n >= l.keys() {
		return 0
	}
	own := l.of(n)
	if third && len(own) > 5 && own[4] != 0 {
		own = own[4:]
	}
	if shifted && len(own) > 1 && own[1] != 0 {
		return own[1]
	}
	return own[0]
}

// find returns a key that has the symbol, and whether it takes shift.
func (l *layout) find(sym xproto.Keysym) (code xproto.Keycode, shifted, ok bool) {
	for level := range min(l.per, 2) {
		for n := range l.keys() {
			if same(l.of(n)[level], sym) {
				return l.first + xproto.Keycode(n), level == 1, true
			}
		}
	}
	return 0, false, false
}

// borrow gives the symbol to a key that is not held and has none of its own;
// when there are no more such keys, to the one lent longest ago.
func (l *layout) borrow(sym xproto.Keysym, held *[256]bool) (xproto.Keycode, bool) {
	free := func(code xproto.Keycode) bool { return !held[code] }
	for n := range l.keys() {
		code := l.first + xproto.Keycode(n)
		own := slices.ContainsFunc(l.of(n), func(s xproto.Keysym) bool { return s != 0 })
		if !own && free(code) && !slices.Contains(l.lent, code) {
			return l.lend(code, sym), true
		}
	}
	if i := slices.IndexFunc(l.lent, free); i >= 0 {
		code := l.lent[i]
		l.lent = slices.Delete(l.lent, i, i+1)
		return l.lend(code, sym), true
	}
	return 0, false
}

func (l *layout) lend(code xproto.Keycode, sym xproto.Keysym) xproto.Keycode {
	l.lent = append(l.lent, code)
	own := l.of(int(code - l.first))
	for level := range min(len(own), 2) {
		own[level] = sym
	}
	return code
}
