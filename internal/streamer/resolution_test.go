package streamer

import (
	"testing"
	"time"
)

// stretch is a time in which pictures are alike.
type stretch struct {
	lasts     time.Duration
	gap       time.Duration // between changes of the screen; 0: nothing changes
	bytes     int           // of a picture with all pixels
	quantizer int           // with fewer pixels it is fair at most
	rate      int           // bits per second
	want      float64
}

// play lets a screen of 1920 x 1080 go through stretches, and returns how often the
// picture had another number of pixels.
func (r *resolution) play(t *testing.T, name string, all []stretch) (switches int) {
	t.Helper()
	const tick = time.Second / 60
	now := time.Unix(1000, 0)
	for i, s := range all {
		next, stirred := now, now
		for end := now.Add(s.lasts); now.Before(end); now = now.Add(tick) {
			if s.gap > 0 && !now.Before(stirred) {
				r.stir(now)
				stirred = now.Add(s.gap)
			}
			change := r.waits && !now.Before(next)
			u := unit{quantizer: s.quantizer}
			if step := r.wanted(now, 1920, 1080, s.rate); step != r.step {
				r.take(step)
				u.key = true
				switches++
			}
			if !change && !u.key {
				continue
			}
			if r.step > 0 {
				u.quantizer = min(u.quantizer, fair)
			}
			u.data = make([]byte, int(float64(s.bytes)*parts[r.step]*parts[r.step]))
			u.debt = takes(float64(8*len(u.data)), s.rate)
			r.made(now, change, u, s.rate)
			next = now.Add(u.debt)
		}
		if got := parts[r.step]; got != s.want {
			t.Errorf("%s: after stretch %d the sides are %.2f of the screen's, want %.2f", name, i+1, got, s.want)
		}
	}
	return switches
}

func TestResolution(t *testing.T) {
	t.Parallel()
	const frame = time.Second / 60
	for _, c := range []struct {
		name     string
		plays    []stretch
		switches int
	}{
		{"ample", []stretch{{10 * time.Second, frame, 3000, 27, 20_000_000, 1}}, 0},
		{"noise at an ample rate", []stretch{{10 * time.Second, frame, 30_000, 33, 20_000_000, 1}}, 0},
		{"a narrow way, then rest", []stretch{
			{2 * time.Second, frame, 40_000, 44, 2_000_000, 1. / 4},
			{200 * time.Millisecond, 0, 0, 0, 2_000_000, 1. / 4},
			{time.Second, 0, 50_000, 40, 2_000_000, 1},
		}, 3},
		{"somewhat too narrow", []stretch{{2 * time.Second, frame, 12_000, 42, 2_000_000, 3. / 4}}, 1},
		{"one change after the other, at leisure", []stretch{{10 * time.Second, 400 * time.Millisecond, 50_000, 44, 2_000_000, 1}}, 0},
		{"a large change", []stretch{{frame, frame, 50_000, 44, 2_000_000, 1}, {time.Second, 0, 0, 0, 2_000_000, 1}}, 0},
		{"typing", []stretch{{10 * time.Second, 50 * time.Millisecond, 800, 18, 2_000_000, 1}}, 0},
		{"movement that begins again", []stretch{
			{2 * time.Second, frame, 40_000, 44, 2_000_000, 1. / 4},
			{time.Second, 0, 50_000, 40, 2_000_000, 1},
			{600 * time.Millisecond, frame, 40_000, 44, 2_000_000, 1. / 4},
		}, 4},
		{"much later", []stretch{
			{2 * time.Second, frame, 40_000, 44, 2_000_000, 1. / 4},
			{2 * recall, 0, 50_000, 40, 2_000_000, 1},
			{600 * time.Millisecond, frame, 40_000, 44, 2_000_000, 1. / 2},
		}, 4},
		{"the way widens", []stretch{
			{2 * time.Second, frame, 40_000, 44, 2_000_000, 1. / 4},
			{16 * time.Second, frame, 4000, 27, 20_000_000, 1},
		}, 5},
		{"more pixels are too much again and again", []stretch{
			{time.Second, frame, 12_000, 42, 2_000_000, 3. / 4},
			{5 * time.Second, frame, 2000, 27, 2_000_000, 1},
			{time.Second, frame, 12_000, 42, 2_000_000, 3. / 4},
			{3 * time.Second, frame, 2000, 27, 2_000_000, 3. / 4},
		}, 3},
	} {
		r := &resolution{}
		if got := r.play(t, c.name, c.plays); got != c.switches {
			t.Errorf("%s: another number of pixels %d times, want %d", c.name, got, c.switches)
		}
	}
}

func TestResolutionOfSmallScreens(t *testing.T) {
	t.Parallel()
	r := &resolution{strained: time.Minute, bits: 1e9}
	for _, c := range []struct{ width, height, want int }{{1920, 1080, 3}, {1280, 720, 3}, {390, 844, 2}, {800, 300, 1}, {320, 200, 0}} {
		if got := r.wanted(time.Now(), c.width, c.height, 300_000); got != c.want {
			t.Errorf("%d x %d: step %d, want %d", c.width, c.height, got, c.want)
		}
	}
	r.take(1)
	if got := r.side(1366); got != 1024 {
		t.Errorf("3/4 of 1366 is %d, want 1024", got)
	}
}
