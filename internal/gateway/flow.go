package gateway

import (
	"time"

	"github.com/backlot/backlot/internal/wire"
)

const (
	// pageAhead is for how long a page may have frames to decode.
	pageAhead = 20 * time.Millisecond
	// wayAhead is how much more may be under way than the distance explains.
	wayAhead = 40 * time.Millisecond
	// nearestFor is how long the shortest round trip counts.
	nearestFor = 10 * time.Second
)

// flow decides when the next frame may go to a page over its WebSocket: so that none
// waits long, neither on the way, where TCP would queue any number of them, nor in
// the page.
type flow struct {
	way      []departed // frames the page has not got yet, oldest first
	sent     uint32     // frames since the WebSocket was opened
	bytes    int        // of those on the way
	page     wire.Progress
	nearest  time.Duration // the shortest round trip of late
	nearer   time.Duration // the shortest since that was measured
	measured time.Time
}

type departed struct {
	bytes int
	at    time.Time
}

// room says whether a frame sent now would not have to wait.
func (f *flow) room(bitsPerSecond int) bool {
	perFrame := time.Duration(f.page.FrameMicros) * time.Microsecond
	if ahead := f.sent - f.page.Shown; ahead > 0 && time.Duration(ahead)*perFrame > pageAhead+f.nearest {
		return false
	}
	carries := float64(bitsPerSecond) / 8 * (f.nearest + wayAhead).Seconds()
	return len(f.way) == 0 || float64(f.bytes) < carries
}

func (f *flow) depart(bytes int, now time.Time) {
	f.sent++
	f.bytes += bytes
	f.way = append(f.way, departed{bytes, now})
}

// near takes a round trip.
func (f *flow) near(took time.Duration) {
	if f.nearest == 0 || took < f.nearest {
		f.nearest = took
	}
	if f.nearer == 0 || took < f.nearer {
		f.nearer = took
	}
}

// progress takes what a page acknowledges; it tells arrived of each frame that it has
// now, and says no to what cannot be.
func (f *flow) progress(p wire.Progress, now time.Time, arrived func(d departed, took time.Duration)) bool {
	if f.sent-p.Received > uint32(len(f.way)) || p.Received-p.Shown > f.sent || p.Shown-f.page.Shown > f.sent-f.page.Shown {
		return false
	}
	for uint32(len(f.way)) > f.sent-p.Received {
		d := f.way[0]
		f.way = f.way[1:]
		f.bytes -= d.bytes
		took := now.Sub(d.at)
		f.near(took)
		arrived(d, took)
	}
	if now.Sub(f.measured) > nearestFor {
		f.nearest, f.nearer, f.measured = f.nearer, 0, now
	}
	f.page = p
	return true
}
