package streamer

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A screen of 1920x1080 and what changes on it between two pictures.
type scene struct {
	p       *picture
	screens [2][]byte
}

const sceneWidth, sceneHeight = 1920, 1080

// newScene makes two screens of coloured cells, as hard as text.
func newScene(tb testing.TB, full bool) *scene {
	tb.Helper()
	s := &scene{p: newPicture(sceneWidth, sceneHeight, full)}
	tb.Cleanup(s.p.close)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range s.screens {
		s.screens[i] = make([]byte, sceneWidth*sceneHeight*4)
		for y := range sceneHeight {
			for x := range sceneWidth {
				o := 4 * (y*sceneWidth + x)
				switch {
				case x%3 == 0 && y%4 == 0:
					shade := byte(240 - 200*(random.Uint32()&1))
					s.screens[i][o], s.screens[i][o+1], s.screens[i][o+2] = shade, shade, shade
				case x%3 != 0:
					copy(s.screens[i][o:o+3], s.screens[i][o-4:])
				default:
					copy(s.screens[i][o:o+3], s.screens[i][o-4*sceneWidth:])
				}
			}
		}
	}
	return s
}

// show makes the rectangle show the nth screen.
func (s *scene) show(tb testing.TB, n, x, y, width, height int) {
	tb.Helper()
	s.p.unmark()
	s.p.mark(x, y, width, height)
	for top, bottom := range s.p.bands() {
		if err := s.p.convert(s.screens[n%2], sceneWidth*4, top, bottom); err != nil {
			tb.Fatal(err)
		}
	}
	s.p.measure()
}

func openH264(tb testing.TB, p *picture, bitsPerSecond int) *h264Encoder {
	tb.Helper()
	e, err := newH264(p, newBudget(bitsPerSecond), coding{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(e.close)
	return e
}

func encodeTest(tb testing.TB, e encoder, p *picture, key bool, covers time.Duration) unit {
	tb.Helper()
	u, err := e.encode(p, key, covers)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

func TestH264(t *testing.T) {
	t.Parallel()
	s := newScene(t, false)
	e := openH264(t, s.p, 20_000_000)
	s.show(t, 0, 0, 0, sceneWidth, sceneHeight)
	u := encodeTest(t, e, s.p, false, 0)
	if !u.key {
		t.Error("the first picture is no key frame")
	}
	for n := 0; !u.sharp; n++ {
		if n > 60 {
			t.Fatal("a still picture does not become sharp")
		}
		s.p.unmark()
		u = encodeTest(t, e, s.p, false, time.Second/30)
	}
	s.p.unmark()
	if u = encodeTest(t, e, s.p, false, time.Second); len(u.data) > 100 || !u.sharp {
		t.Errorf("a sharp picture again: %d bytes, sharp %v", len(u.data), u.sharp)
	}
	s.show(t, 1, 160, 160, 64, 64)
	if u = encodeTest(t, e, s.p, false, time.Second); u.key || len(u.data) < 1000 || len(u.data) > 5000 {
		t.Errorf("a small change: key %v, %d bytes", u.key, len(u.data))
	}
	s.p.unmark()
	if u = encodeTest(t, e, s.p, true, time.Second); !u.key || len(u.data) < 100_000 {
		t.Errorf("a key frame on demand: key %v, %d bytes", u.key, len(u.data))
	}
}

func TestH264KeepsToItsRate(t *testing.T) {
	t.Parallel()
	s := newScene(t, false)
	e := openH264(t, s.p, 20_000_000)
	n, elapsed := 0, time.Duration(0)
	mbps := func(frames int) float64 {
		bits, took := 0, time.Duration(0)
		for range frames {
			n++
			s.show(t, n, 0, 0, sceneWidth, sceneHeight)
			u := encodeTest(t, e, s.p, false, elapsed)
			bits += 8 * len(u.data)
			elapsed = max(time.Second/60, u.debt)
			took += elapsed
		}
		return float64(bits) / took.Seconds() / 1e6
	}
	mbps(30)
	if got := mbps(60); got < 15 || got > 23 {
		t.Errorf("%.1f Mbit/s, want 20", got)
	}
	e.budget.set(4_000_000)
	mbps(30)
	if got := mbps(60); got < 2 || got > 5 {
		t.Errorf("%.1f Mbit/s, want 4", got)
	}
	e.budget.set(40_000_000)
	mbps(30)
	if got := mbps(60); got < 30 || got > 45 {
		t.Errorf("%.1f Mbit/s, want 40", got)
	}
}

// What follows movement may be another picture, or movement by more than x264 looks for.
func TestH264CutAfterMovement(t *testing.T) {
	t.Parallel()
	const rate = 2_000_000
	s := newScene(t, false)
	s.noise(25)
	another := slices.Clone(s.screens[1])
	s.noise(4)
	s.screens[1] = another
	e := openH264(t, s.p, rate)
	n, debt := 0, time.Duration(0)
	moves := func(frames int) (last unit) {
		for range frames {
			n++
			s.move(t, n)
			last = encodeTest(t, e, s.p, false, max(time.Second/60, debt))
			debt = last.debt
		}
		return last
	}
	before := moves(80)
	if bits := 8 * len(before.data); bits > rate/20 {
		t.Fatalf("movement costs %d bits a picture: the scene is too hard for this test", bits)
	}
	s.show(t, 1, 0, 0, sceneWidth, sceneHeight)
	cut := encodeTest(t, e, s.p, false, time.Second/60)
	if bits := 8 * len(cut.data); bits > rate/2 {
		t.Errorf("another picture takes %d bits of a way of %d a second", bits, rate)
	}
	debt = cut.debt
	if after := moves(80); after.key || after.quantizer > before.quantizer+3 {
		t.Errorf("movement after it: key %v, quantizer %d where it was %d", after.key, after.quantizer, before.quantizer)
	}
}

// noise makes the screens pictures with noise in every pixel, as a camera does: less than
// so much.
func (s *scene) noise(most int) {
	random := rand.New(rand.NewPCG(1, 1))
	for i := range s.screens {
		for y := range sceneHeight {
			for x := range sceneWidth {
				grain := random.IntN(most)
				o := 4 * (y*sceneWidth + x)
				for c := range 3 {
					s.screens[i][o+c] = byte(40 + (x*(1+c+i)+y*(3-i))/24 + grain)
				}
			}
		}
	}
}

// move shows the first screen, n steps of 4 pixels to the left.
func (s *scene) move(tb testing.TB, n int) {
	tb.Helper()
	s.p.unmark()
	s.p.mark(0, 0, sceneWidth, sceneHeight)
	from := 4 * 4 * (n % 100)
	if err := s.p.convert(s.screens[0][from:], sceneWidth*4, 0, (sceneHeight-1)&^1); err != nil {
		tb.Fatal(err)
	}
	s.p.measure()
}

func used(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkConvert(b *testing.B) {
	for name, full := range map[string]bool{"420": false, "444": true} {
		b.Run(name, func(b *testing.B) {
			s := newScene(b, full)
			for b.Loop() {
				s.show(b, 0, 0, 0, sceneWidth, sceneHeight)
			}
		})
	}
}

// BenchmarkEncode is what a picture costs: wall clock, CPU of all threads, bytes.
func BenchmarkEncode(b *testing.B) {
	change := func(width, height int) func(testing.TB, *scene, int) {
		return func(tb testing.TB, s *scene, n int) { s.show(tb, n, 160, 160, width, height) }
	}
	whole := func(tb testing.TB, s *scene, n int) { s.show(tb, n, 0, 0, sceneWidth, sceneHeight) }
	for _, c := range []struct {
		name  string
		full  bool
		noise bool
		pause time.Duration
		show  func(testing.TB, *scene, int)
	}{
		{name: "full", show: whole},
		{name: "noise", show: whole, noise: true},
		{name: "noise444", show: whole, noise: true, full: true},
		{name: "pan", show: func(tb testing.TB, s *scene, n int) { s.move(tb, n) }},
		{name: "pan444", show: func(tb testing.TB, s *scene, n int) { s.move(tb, n) }, full: true},
		{name: "window", show: change(800, 600)},
		{name: "small", show: change(64, 64)},
		{name: "nothing", show: change(0, 0)},
		{name: "rested", show: change(0, 0), pause: 100 * time.Millisecond},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newScene(b, c.full)
			if c.noise {
				s.noise(25)
			}
			e := openH264(b, s.p, 50_000_000)
			s.show(b, 0, 0, 0, sceneWidth, sceneHeight)
			for !encodeTest(b, e, s.p, false, time.Second).sharp {
				s.p.unmark()
			}
			bytes, n, cpu := 0, 0, time.Duration(0)
			for b.Loop() {
				b.StopTimer()
				n++
				c.show(b, s, n)
				time.Sleep(c.pause)
				before := used(b)
				b.StartTimer()
				u := encodeTest(b, e, s.p, false, time.Second/60)
				b.StopTimer()
				cpu += used(b) - before
				bytes += len(u.data)
				b.StartTimer()
			}
			b.ReportMetric(float64(bytes)/float64(n), "B/frame")
			b.ReportMetric(float64(cpu.Microseconds())/1000/float64(n), "cpu-ms/frame")
		})
	}
}
