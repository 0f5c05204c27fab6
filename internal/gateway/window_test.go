package gateway

import (
	"testing"
	"time"
)

// carry has a window work on a way that carries so many bytes a second, after a delay.
func carry(w *window, perSecond int, delay, span time.Duration) (longest time.Duration) {
	now := time.Unix(0, 0)
	free := now // when all that was sent is through
	type message struct {
		end uint32
		at  time.Time // when the answer is back
	}
	var way []message
	for end := now.Add(span); now.Before(end); now = now.Add(time.Millisecond) {
		for len(way) > 0 && !way[0].at.After(now) {
			w.take(way[0].end, now)
			way = way[1:]
		}
		for w.room() >= windowLeast/2 {
			n := max(windowLeast/2, w.size/4)
			w.send(n, now)
			if free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
			if now.Sub(time.Unix(0, 0)) > span/2 {
				longest = max(longest, free.Sub(now))
			}
			way = append(way, message{w.sent, free.Add(delay)})
		}
	}
	return longest
}

func TestWindowTakesWhatIsLeft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		perSecond     int
		delay, queued time.Duration
		part          float64 // of what the way carries
	}{
		"fast":            {100_000_000, time.Millisecond, 60 * time.Millisecond, 0.8},
		"far":             {2_500_000, 80 * time.Millisecond, 150 * time.Millisecond, 0.6},
		"narrow":          {250_000, 10 * time.Millisecond, 100 * time.Millisecond, 0.6},
		"far and narrow":  {250_000, 150 * time.Millisecond, 150 * time.Millisecond, 0.15},
		"next to nothing": {40_000, 20 * time.Millisecond, 350 * time.Millisecond, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w window
			const span = 10 * time.Second
			queued := carry(&w, c.perSecond, c.delay, span)
			part := float64(w.taken) / (float64(c.perSecond) * span.Seconds())
			t.Logf("%.2f of the way used, up to %v in its queue, window of %d", part, queued, w.size)
			if part < c.part || queued > c.queued {
				t.Errorf("want at least %.2f used, at most %v in the queue", c.part, c.queued)
			}
		})
	}
}

func TestWindowIgnoresNonsense(t *testing.T) {
	t.Parallel()
	var w window
	now := time.Unix(0, 0)
	w.take(5, now)
	w.room()
	w.send(1000, now)
	for _, taken := range []uint32{0, 2000, 0xffff_ffff} {
		w.take(taken, now.Add(time.Second))
	}
	if w.room() != windowFirst-1000 || len(w.way) != 1 {
		t.Errorf("room for %d, %d on the way", w.room(), len(w.way))
	}
	w.take(1000, now.Add(time.Millisecond))
	if w.room() <= windowFirst || len(w.way) != 0 {
		t.Errorf("room for %d, %d on the way after all was taken", w.room(), len(w.way))
	}
}
