package streamer_test

import (
	"strings"
	"testing"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/wire"
)

func (s *xserver) resources(t testing.TB) string {
	t.Helper()
	p, err := xproto.GetProperty(s.x, false, s.root, xproto.AtomResourceManager, xproto.AtomString, 0, 1<<20).Reply()
	if err != nil {
		t.Fatal(err)
	}
	return string(p.Value)
}

func (s *xserver) setResources(t testing.TB, text string) {
	t.Helper()
	if err := xproto.ChangePropertyChecked(s.x, xproto.PropModeReplace, s.root, xproto.AtomResourceManager,
		xproto.AtomString, 8, uint32(len(text)), []byte(text)).Check(); err != nil {
		t.Fatal(err)
	}
}

func scaled(percent uint16) func(wire.Scaled) bool {
	return func(m wire.Scaled) bool { return m.Percent == percent }
}

func TestScaleIsWhatProgramsRead(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	await(g, "word that nobody has chosen", scaled(0))
	x.setResources(t, "XTerm*font:\tfixed\nXft.antialias:\t1")
	g.send(wire.Scale{Percent: 150})
	await(g, "the scale that was asked for", scaled(150))
	if want := "XTerm*font:\tfixed\nXft.antialias:\t1\nXft.dpi:\t144\nXcursor.size:\t36\n"; x.resources(t) != want {
		t.Errorf("the resources are %q, want %q", x.resources(t), want)
	}
	g.send(wire.Scale{Percent: 100})
	await(g, "another", scaled(100))
	if got := x.resources(t); strings.Count(got, "Xft.dpi") != 1 || !strings.Contains(got, "Xft.dpi:\t96\n") {
		t.Errorf("the resources are %q", got)
	}

	g.kill()
	await(startStreamer(t, x), "what the X server kept, from another streamer", scaled(100))
}

// TestScaleOfOthers: what programs of the desktop say is told as far as it makes sense.
func TestScaleOfOthers(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	await(g, "word that nobody has chosen", scaled(0))
	for _, c := range []struct {
		resources string
		want      uint16
	}{
		{" Xft.dpi : 120.4\n", 125},
		{"Xft.dpi:\n", 0},
		{"Xft.dpi: 1e308", wire.MaxScale},
		{"Xft.dpi: NaN", 0},
		{"Xft.dpi: 1", wire.MinScale},
		{"Xft.dpi: -96", 0},
		{"Xft.dpi: 96\nXft.dpi: 192\n", 200},
	} {
		x.setResources(t, c.resources)
		await(g, c.resources, scaled(c.want))
	}
	// More than any desktop has is left as it is.
	long := strings.Repeat("x", 1<<20+1)
	for part := range 17 {
		mode := byte(xproto.PropModeAppend)
		if part == 0 {
			mode = xproto.PropModeReplace
		}
		xproto.ChangeProperty(x.x, mode, x.root, xproto.AtomResourceManager, xproto.AtomString, 8, 1<<16, []byte(long[:1<<16]))
	}
	g.send(wire.Scale{Percent: 150}, wire.Ping{})
	await(g, "an answer", anyOf[wire.Pong])
	if got := x.resources(t); len(got) != 17<<16 || strings.Contains(got, "Xft") {
		t.Errorf("%d bytes of resources, want those that were there", len(got))
	}
}
