package streamer

import (
	"testing"

	"github.com/BurntSushi/xgb/xproto"
)

func TestLayout(t *testing.T) {
	t.Parallel()
	// Keys 8 to 12: a A, 1 !, nothing, nothing, a third level.
	l := &layout{first: 8, per: 3, symbols: []xproto.Keysym{'a', 'A', 0, '1', '!', 0, 0, 0, 0, 0, 0, 0, 'e', 'E', '€'}}
	for _, c := range []struct {
		sym         xproto.Keysym
		code        xproto.Keycode
		shifted, ok bool
	}{{'a', 8, false, true}, {'!', 9, true, true}, {'€', 0, false, false}} {
		code, shifted, ok := l.find(c.sym)
		if code != c.code || shifted != c.shifted || ok != c.ok {
			t.Errorf("find %c: %d, shifted %v, %v", c.sym, code, shifted, ok)
		}
	}

	var held [256]bool
	borrow := func(sym xproto.Keysym, want xproto.Keycode) {
		t.Helper()
		if code, ok := l.borrow(sym, &held); code != want || ok != (want != 0) {
			t.Errorf("borrow for %c: %d, %v, want %d", sym, code, ok, want)
		}
	}
	borrow('€', 10)
	if code, shifted, ok := l.find('€'); code != 10 || shifted || !ok {
		t.Errorf("a lent symbol: %d, %v, %v", code, shifted, ok)
	}
	borrow('ß', 11)
	borrow('ñ', 10)
	held[11] = true
	borrow('é', 10)
	held[10] = true
	borrow('ü', 0)
	if _, _, ok := l.find('€'); ok {
		t.Error("a symbol whose key was lent on is still there")
	}
}
