package streamer_test

import (
	"encoding/binary"
	"testing"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/wire"
)

// said is what the window manager says of the screen under a name.
func (s *xserver) said(t testing.TB, name string) (all []uint32) {
	t.Helper()
	list, err := xproto.InternAtom(s.x, false, uint16(len(name)), name).Reply()
	if err != nil {
		t.Fatal(err)
	}
	p, err := xproto.GetProperty(s.x, false, s.root, list.Atom, xproto.GetPropertyTypeAny, 0, 100).Reply()
	if err != nil {
		t.Fatal(err)
	}
	for b := p.Value; len(b) >= 4; b = b[4:] {
		all = append(all, binary.LittleEndian.Uint32(b))
	}
	return all
}

// TestWindowsStayOnTheirMonitors when another one grows, and come to the first when theirs
// is gone.
func TestWindowsStayOnTheirMonitors(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	g.send(of(2, wire.Resize{Width: 800, Height: 600}))
	awaitOf(g, 2, "the second monitor's size", anyOf[wire.Screen])
	eventually(t, "the window manager knows of it", func() bool {
		area := x.said(t, "_NET_WORKAREA")
		return len(area) >= 4 && area[2] == 2080
	})
	at := func(w xproto.Window) (left, top int16) {
		t.Helper()
		p, err := xproto.TranslateCoordinates(x.x, w, x.root, 0, 0).Reply()
		if err != nil {
			t.Fatal(err)
		}
		return p.DstX, p.DstY
	}
	x.run(t, "xeyes", "-geometry", "300x200+100+150")
	x.run(t, "xeyes", "-geometry", "300x200+1500+250")
	var first, second xproto.Window
	eventually(t, "both are where they belong", func() bool {
		first, second = 0, 0
		for _, id := range x.said(t, "_NET_CLIENT_LIST") {
			w := xproto.Window(id)
			switch left, _ := at(w); {
			case left >= 100 && left < 120:
				first = w
			case left >= 1500 && left < 1520:
				second = w
			}
		}
		return first != 0 && second != 0
	})
	left, top := at(first)
	secondLeft, secondTop := at(second)

	g.send(wire.Resize{Width: 1600, Height: 900})
	eventually(t, "the second window goes with its monitor", func() bool {
		l, t := at(second)
		return l == secondLeft+320 && t == secondTop
	})
	g.send(of(2, wire.Unplug{}))
	eventually(t, "it comes to the first", func() bool {
		l, t := at(second)
		return l == secondLeft-1280 && t == secondTop
	})
	if l, t2 := at(first); l != left || t2 != top {
		t.Errorf("the first window went from %d, %d to %d, %d", left, top, l, t2)
	}
}
