package streamer

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/backlot/backlot/internal/wire"
)

// Whatever changes when: what viewers have as exact is what the screen shows.
func TestStillKeepsViewersExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		width, height := 2*rapid.IntRange(8, 250).Draw(t, "half width"), 2*rapid.IntRange(8, 250).Draw(t, "half height")
		now := time.Unix(0, 0)
		s := newStill(width, height, now)
		screen := make([]int, len(s.exact)) // a number for what each area shows
		viewer := make([]int, len(s.exact)) // what it has of it; -1: nothing
		for i := range viewer {
			viewer[i] = -1
		}
		send := func() {
			turn := s.next(now, rapid.IntRange(1, 12).Draw(t, "tiles"), nil)
			for _, i := range turn {
				s.sent(i, 0, rapid.IntRange(0, 1<<20).Draw(t, "bytes"))
				x, y, w, h := s.place(i)
				for ay := y / 16; ay*16 < y+h; ay++ {
					for ax := x / 16; ax*16 < x+w; ax++ {
						viewer[ay*s.across+ax] = screen[ay*s.across+ax]
					}
				}
			}
			s.all()
		}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "ms")) * time.Millisecond)
			if rapid.Bool().Draw(t, "send") {
				send()
				continue
			}
			same := make([]byte, len(screen))
			for i := range same {
				same[i] = 1
			}
			for range rapid.IntRange(0, 400).Draw(t, "changes") {
				i := rapid.IntRange(0, len(same)-1).Draw(t, "area")
				same[i] = 0
				screen[i]++
			}
			areas := s.change(now, same)
			if len(areas) > wire.MaxAreas {
				t.Fatalf("%d areas", len(areas))
			}
			for _, a := range areas {
				for y := a.Y; y < a.Y+a.Height; y++ {
					for x := a.X; x < a.X+a.Width; x++ {
						viewer[int(y)*s.across+int(x)] = -1
					}
				}
			}
			for i, has := range viewer {
				if has != -1 && has != screen[i] {
					t.Fatalf("area %d is shown as it was", i)
				}
			}
		}
		for range 10_000 {
			due, ok := s.due()
			if !ok {
				break
			}
			if due.After(now) {
				now = due
			}
			send()
		}
		for i, has := range viewer {
			if has != screen[i] {
				t.Fatalf("area %d is not exact in the end", i)
			}
		}
	})
}

func TestStillWaitsAndRests(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	s := newStill(256, 128, now)
	if got := s.next(now.Add(stillAfter-time.Millisecond), 9, nil); got != nil {
		t.Errorf("tiles %v are sent before they have rested", got)
	}
	now = now.Add(stillAfter)
	for _, i := range s.next(now, 9, nil) {
		s.sent(i, uint64(i), 100)
	}
	if sums := s.all(); len(sums) != 2 {
		t.Errorf("sums %v, want two", sums)
	}
	if due, ok := s.due(); ok {
		t.Errorf("something is due at %v, want nothing until something changes", due)
	}

	// What moves is not sent in between, however slowly.
	same := make([]byte, len(s.exact))
	for i := range 10 {
		now = now.Add(120 * time.Millisecond)
		if got := s.next(now, 9, nil); got != nil && i > 1 {
			t.Errorf("tiles %v of a movement are sent", got)
		}
		s.change(now, same)
	}

	// What changes again and again gets no more than its share.
	bytes := 0
	const span = 60 * time.Second
	for end := now.Add(span); now.Before(end); now = now.Add(200 * time.Millisecond) {
		s.change(now, same)
		for _, i := range s.next(now.Add(150*time.Millisecond), 9, nil) {
			s.sent(i, 0, 1<<20)
			bytes += 1 << 20
		}
	}
	if most := stillBurst + int(span.Seconds())*stillRate + 4<<20; bytes > most {
		t.Errorf("%d bytes in %v, want at most %d", bytes, span, most)
	}
}
