package streamer_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/streamer"
	"github.com/backlot/backlot/internal/wire"
)

// layoutOf is the display's layout as programs are told.
func layoutOf(t *testing.T, x *xserver) string {
	t.Helper()
	const name = "_XKB_RULES_NAMES"
	atom, err := xproto.InternAtom(x.x, false, uint16(len(name)), name).Reply()
	if err != nil {
		t.Fatal(err)
	}
	p, err := xproto.GetProperty(x.x, false, x.root, atom.Atom, xproto.AtomString, 0, 64).Reply()
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(p.Value), "\x00")
	if len(parts) < 4 {
		return ""
	}
	return strings.TrimSuffix(parts[2]+"("+parts[3]+")", "()")
}

// TestEveryLayout loads all that viewers can choose: the X server says nothing of a
// layout that it does not have, and gives the keyboard no letters.
func TestEveryLayout(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	for _, l := range streamer.Layouts() {
		g.send(l)
		want := strings.TrimSuffix(l.Name+"("+l.Variant+")", "()")
		eventually(t, want, func() bool { return layoutOf(t, x) == want })
		m, err := xproto.GetKeyboardMapping(x.x, 30+8, 1).Reply()
		if err != nil || m.Keysyms[0] == 0 {
			t.Errorf("%s: the key of A has %v, %v", want, m, err)
		}
	}
}

func TestLayoutStaysAsSomebodySetIt(t *testing.T) {
	t.Parallel()
	need(t, "setxkbmap")
	x, g := desktop(t)
	g.send(wire.Layout{Name: "de", Variant: "nodeadkeys"})
	eventually(t, "a German keyboard", func() bool { return layoutOf(t, x) == "de(nodeadkeys)" })
	set := exec.CommandContext(t.Context(), "setxkbmap", "-display", x.display, "-layout", "it", "-variant", "")
	if out, err := set.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// Neither the same wish again nor one for what there is not changes it.
	g.send(wire.Layout{Name: "de", Variant: "nodeadkeys"}, wire.Layout{Name: "xx"}, wire.Layout{Name: "de", Variant: "intl"}, wire.Ping{})
	await(g, "pong", anyOf[wire.Pong])
	if now := layoutOf(t, x); now != "it" {
		t.Errorf("the layout is %s", now)
	}
	g.send(wire.Layout{Name: "fr"})
	eventually(t, "a French keyboard", func() bool { return layoutOf(t, x) == "fr" })
}

func TestLocksAreAsTheViewers(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	locks := func() uint16 {
		p, err := xproto.QueryPointer(x.x, x.root).Reply()
		if err != nil {
			t.Fatal(err)
		}
		return p.Mask & (xproto.ModMaskLock | xproto.ModMask2)
	}
	for _, c := range []struct {
		told wire.Locks
		want uint16
	}{
		{wire.Locks{Caps: true, Num: true}, xproto.ModMaskLock | xproto.ModMask2},
		{wire.Locks{Num: true}, xproto.ModMask2},
		{wire.Locks{Caps: true}, xproto.ModMaskLock},
		{wire.Locks{}, 0},
	} {
		g.send(c.told)
		eventually(t, "the locks", func() bool { return locks() == c.want })
	}
	// The key of the lock does what it says, and what was told then is so already.
	const capsLock = 58
	g.send(wire.Key{Code: capsLock, Down: true}, wire.Key{Code: capsLock}, wire.Locks{Caps: true})
	eventually(t, "CapsLock", func() bool { return locks() == xproto.ModMaskLock })
	g.send(wire.Key{Code: capsLock, Down: true}, wire.Key{Code: capsLock}, wire.Locks{})
	eventually(t, "no CapsLock", func() bool { return locks() == 0 })
}
