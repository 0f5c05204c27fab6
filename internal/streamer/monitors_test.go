package streamer_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/wire"
)

// of is a message about a monitor other than the first.
func of(number uint8, m wire.Message) wire.Monitor { return wire.Monitor{Number: number, Message: m} }

// awaitOf returns the next message of type M that suits, about that monitor.
func awaitOf[M wire.Message](g *gateway, number uint8, what string, suits func(M) bool) M {
	g.t.Helper()
	return await(g, what, func(m wire.Monitor) bool {
		inner, ok := m.Message.(M)
		return ok && m.Number == number && suits(inner)
	}).Message.(M)
}

// monitors are those that programs of the desktop see, as xrandr writes them: "800x600+1280+0".
func (s *xserver) monitors(t testing.TB) string {
	t.Helper()
	need(t, "xrandr")
	out, err := exec.CommandContext(t.Context(), "xrandr", "-d", s.display, "--listactivemonitors").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		// As " 1: +DUMMY1 800/211x600/158+1280+0  DUMMY1".
		fields := strings.Fields(line)
		if len(fields) != 4 {
			continue
		}
		width, rest, _ := strings.Cut(fields[2], "/")
		_, rest, _ = strings.Cut(rest, "x")
		height, rest, _ := strings.Cut(rest, "/")
		_, at, _ := strings.Cut(rest, "+")
		all = append(all, width+"x"+height+"+"+at)
	}
	return strings.Join(all, " ")
}

// part is a part of what luma grabs of a screen that many pixels wide.
func part(luma []byte, wide, x, width, height int) (out []byte) {
	for row := range slices.Chunk(luma[:wide*height], wide) {
		out = append(out, row[x:x+width]...)
	}
	return out
}

func TestMonitors(t *testing.T) {
	t.Parallel()
	need(t, "ffmpeg")
	x, g := desktop(t)
	at := func() (x16, y16 int16) {
		p, err := xproto.QueryPointer(x.x, x.root).Reply()
		if err != nil {
			t.Fatal(err)
		}
		return p.RootX, p.RootY
	}
	points := func(m wire.Message, wantX, wantY int16) {
		t.Helper()
		g.send(m)
		eventually(t, "the pointer is there", func() bool {
			x, y := at()
			return x == wantX && y == wantY
		})
	}
	g.send(watch(true))
	g.still()

	g.send(of(2, wire.Pointer{X: 5, Y: 5}), of(2, watch(true))) // of what is not there
	g.send(of(2, wire.Resize{Width: 800, Height: 600}), of(2, watch(true)))
	awaitOf(g, 2, "the second monitor's size", func(m wire.Screen) bool { return m == wire.Screen{Width: 800, Height: 600} })
	if got, want := x.monitors(t), "1280x720+0+0 800x600+1280+0"; got != want {
		t.Errorf("programs see monitors %s, want %s", got, want)
	}

	// What is drawn on it is its own picture.
	x.paint(t, 1280, 0, 800, 600, 3)
	var video []wire.Video
	sum := awaitOf(g, 2, "all of it without loss", func(m wire.Still) bool { return m.Width == 800 && m.Height == 600 })
	g.send(of(2, wire.Exact{Sum: sum.Sum}))
	g.send(of(2, wire.KeyFrame{}))
	awaitOf(g, 2, "two frames after a key frame", func(v wire.Video) bool {
		if v.Key {
			video = nil
		}
		video = append(video, v)
		return video[0].Key && len(video) == 3
	})
	want := part(x.luma(t), 2080, 1280, 800, 600)
	if db := psnr(decodeLast(t, video, 800*600), want); db < 35 {
		t.Errorf("the second monitor's picture has %.1f dB", db)
	}
	// And the first one's business not at all.
	g.video = nil
	g.still()
	for range 20 {
		x.paint(t, 1400, 100, 64, 64, 4)
	}
	began := g.video[len(g.video)-1].CapturedMicros
	await(g, "later frames of the first", func(v wire.Video) bool {
		if len(v.Data) > 100 {
			t.Errorf("a frame of %d bytes of the first monitor, where nothing changed", len(v.Data))
		}
		return v.CapturedMicros > began+1_500_000
	})

	points(of(2, wire.Pointer{X: 10, Y: 20}), 1290, 20)
	points(wire.Pointer{X: 10, Y: 20}, 10, 20)
	points(of(2, wire.Pointer{X: -3, Y: 20}), 1277, 20)
	points(of(2, wire.Pen{Samples: []wire.PenSample{{X: 32768, Y: 32768}}}), 1280+400, 300)
	points(wire.Pen{Samples: []wire.PenSample{{X: 32768, Y: 32768}}}, 640, 360)

	// The first one grows; the second makes room, and keeps its size.
	g.send(wire.Resize{Width: 1600, Height: 900})
	await(g, "the first monitor's size", func(m wire.Screen) bool { return m == wire.Screen{Width: 1600, Height: 900} })
	eventually(t, "the second lies beside it", func() bool { return x.monitors(t) == "1600x900+0+0 800x600+1600+0" })
	points(of(2, wire.Pointer{X: 1, Y: 2}), 1601, 2)

	// A streamer that comes after a crash finds them as they are.
	g.kill()
	g = startStreamer(t, x)
	awaitOf(g, 2, "the second from another streamer", func(m wire.Screen) bool { return m == wire.Screen{Width: 800, Height: 600} })
	g.send(of(2, watch(true)))
	awaitOf(g, 2, "a frame of the second", anyOf[wire.Video])

	g.send(of(2, wire.Unplug{}), of(2, wire.Unplug{}), of(3, wire.Unplug{}))
	eventually(t, "it is gone", func() bool { return x.monitors(t) == "1600x900+0+0" })
	if w, h := x.size(t); w != 1600 || h != 900 {
		t.Errorf("the screen is %dx%d", w, h)
	}
	points(wire.Pen{Samples: []wire.PenSample{{X: 32768, Y: 32768}}}, 800, 450)
}

// TestFourMonitors of different sizes, plugged in one after another and taken away from
// the middle.
func TestFourMonitors(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	for i, size := range []wire.Resize{{Width: 1000, Height: 700}, {Width: 640, Height: 400}, {Width: 1000, Height: 700}} {
		g.send(of(uint8(i+2), size), of(uint8(i+2), watch(true)))
	}
	for i := range 3 {
		awaitOf(g, uint8(i+2), "a frame", anyOf[wire.Video])
	}
	eventually(t, "all are there", func() bool {
		return x.monitors(t) == "1280x720+0+0 1000x700+1280+0 640x400+2280+0 1000x700+2920+0"
	})
	g.send(of(3, wire.Unplug{}))
	eventually(t, "the others move up", func() bool { return x.monitors(t) == "1280x720+0+0 1000x700+1280+0 1000x700+2280+0" })
	x.paint(t, 2280, 0, 1000, 700, 7)
	awaitOf(g, 4, "a frame of the fourth", func(v wire.Video) bool { return len(v.Data) > 10_000 })

	for n := uint8(2); n <= 4; n++ {
		g.send(of(n, wire.Unplug{}))
	}
	eventually(t, "the first is alone", func() bool { return x.monitors(t) == "1280x720+0+0" })
	// A program of the desktop may change what it shows, and then all of that is shown.
	g.send(watch(true))
	if err := exec.CommandContext(t.Context(), "xrandr", "-d", x.display, "--fb", "1500x800").Run(); err != nil {
		t.Fatal(err)
	}
	await(g, "its size", func(m wire.Screen) bool { return m == wire.Screen{Width: 1500, Height: 800} })
}
