package gateway

import "time"

// Bounds of a window, in bytes, and how much longer than at best what is sent may take
// until it is dealt with: what lies in queues on the way delays everybody else's.
const (
	windowLeast  = 4 << 10
	windowFirst  = 16 << 10
	windowMost   = 2 << 20
	windowWithin = 30 * time.Millisecond
)

// window bounds how many bytes are on their way to a page besides its video, so that
// these take only what is left over. It is told what happens, and not safe for
// concurrent use.
type window struct {
	size  int
	sent  uint32 // bytes so far; wraps around
	taken uint32
	way   []flight // what is on it, oldest first
	best  time.Duration
	cut   time.Time // when the window was made smaller
}

// flight is a message on its way.
type flight struct {
	end uint32 // sent, with it
	at  time.Time
}

// room is how many bytes may be sent now.
func (w *window) room() int {
	if w.size == 0 {
		w.size = windowFirst
	}
	return max(0, w.size-int(w.sent-w.taken))
}

// send records a message.
func (w *window) send(bytes int, now time.Time) {
	w.sent += uint32(bytes)
	w.way = append(w.way, flight{w.sent, now})
}

// take records that the page has dealt with so many bytes in all. What makes no sense
// is ignored.
func (w *window) take(taken uint32, now time.Time) {
	got := int(taken - w.taken)
	if got <= 0 || got > int(w.sent-w.taken) {
		return
	}
	w.taken = taken
	var took time.Duration
	for len(w.way) > 0 && int32(w.way[0].end-taken) <= 0 {
		took = now.Sub(w.way[0].at)
		w.way = w.way[1:]
	}
	if took <= 0 {
		return
	}
	if w.best == 0 || took < w.best {
		w.best = took
	}
	switch {
	case took < w.best+windowWithin:
		w.size = min(w.size+got, windowMost)
	case now.Sub(w.cut) > took:
		w.size = max(w.size/2, windowLeast)
		w.cut = now
	}
}
