package gateway

import (
	"math"
	"slices"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// Bounds of the video's rate, in bits per second.
const (
	lowestRate  = 300_000
	initialRate = 20_000_000
	highestRate = 50_000_000
	// fairRate is what those who only watch by narrow ways may bring the rate down to, while
	// others are at work: some loss of detail in a large movement. Whom that is too much for
	// loses frames.
	fairRate = 4_000_000
	// untold: a rate that differs by one part in so many from the last one is not told.
	untold = 20
	// ample is enough for all frames.
	ample = 1_500_000
)

const (
	// judgeEvery is the time over which packets are looked at together, at least.
	judgeEvery = 150 * time.Millisecond
	// queueing is the delay of the fastest of them that shows a queue on the way
	// which does not go away by itself.
	queueing = 30 * time.Millisecond
	// moved is the time after which that is no queue but a longer way: a queue would
	// have gone, by what is sent less.
	moved = 2 * time.Second
	// calm is the time without a queue after which more is tried.
	calm = time.Second
	// least and most are by how much more is tried at a time: the longer nothing waits, the
	// more was the way narrow for a moment only, or was never so narrow. haste is what a
	// second adds.
	least, most = 1.03, 1.25
	haste       = 0.03
	// large is a frame, in bytes, whose time says something of the way's width.
	large = 50_000
	// near is how long it is remembered what the way carried when it was full.
	near = 30 * time.Second
)

// estimate is what a road can carry, in bits per second. What arrives says how long
// it took: where even the fastest of a moment took longer than the distance
// explains, the way is full, and carries what arrived in that moment. It falls with
// heavy loss, too, and rises while the way is used and nothing waits. It is not safe
// for concurrent use.
type estimate struct {
	rate int

	sent    int // bits since
	since   time.Time
	perSec  int // bits sent per second, of late
	arrived []delivery
	began   time.Time // arrival of the first of them
	latest  time.Time // arrival of the last of all

	// The least delay of late: the distance, and a clock that is set otherwise.
	least, lesser time.Duration
	measured      time.Time

	waiting  time.Time // since when something waits; zero: nothing does
	full     time.Time // when the way was full last
	moments  []carried // of late when it was
	capacity int       // and what it carried then
}

// carried is what a way carried in a moment when it was full.
type carried struct {
	bitsPerSecond int
	at            time.Time
}

// delivery is something that arrived: how long it took, and when it was there.
type delivery struct {
	bytes int
	took  time.Duration
	at    time.Time
}

func newEstimate(now time.Time) *estimate { return &estimate{rate: initialRate, since: now} }

// count adds bytes that were sent.
func (e *estimate) count(bytes int, now time.Time) {
	e.sent += 8 * bytes
	if passed := now.Sub(e.since); passed >= time.Second/4 {
		e.perSec = int(float64(e.sent) / passed.Seconds())
		e.sent, e.since = 0, now
	}
}

// loss takes the share of packets lost since the last report: 256 is all. What was lost
// when the way was full says nothing of the rate since.
func (e *estimate) loss(of256 uint8, now time.Time) {
	if lost := float64(of256) / 256; lost > 0.10 && now.Sub(e.full) > calm {
		e.set(float64(e.rate) * (1 - lost/2))
		e.capacity, e.full = e.rate, now
	}
}

// deliver takes what arrived, in the order of its arrival.
func (e *estimate) deliver(d delivery) {
	e.near(d)
	alone := e.alone(d)
	e.latest = d.at
	if alone {
		e.filled(8*d.bytes, d.took-e.least, d.at)
		e.arrived = e.arrived[:0]
		return
	}
	if len(e.arrived) == 0 {
		e.began = d.at
	}
	e.arrived = append(e.arrived, d)
	if d.at.Sub(e.began) >= judgeEvery {
		e.judge(d.at)
		e.arrived = e.arrived[:0]
	}
}

// alone tells of a large frame that it was long under way on a way that was idle before, and
// longer than TCP takes to find its speed, a round trip each time it doubles what is under
// way (RFC 6928: from 14,600 bytes), with one to repeat what was lost: it says by itself
// what the way carries.
func (e *estimate) alone(d delivery) bool {
	if d.bytes < large || d.at.Add(-d.took).Before(e.latest) {
		return false
	}
	trips := 2 + math.Log2(float64(d.bytes)/14_600)
	return d.took-e.least >= max(judgeEvery, time.Duration(trips*float64(e.least)))
}

// near measures the distance.
func (e *estimate) near(d delivery) {
	if e.measured.IsZero() || d.took < e.least {
		e.least = d.took
	}
	if e.measured.IsZero() || d.took < e.lesser {
		e.lesser = d.took
	}
	switch {
	case e.measured.IsZero():
		e.measured = d.at
	case d.at.Sub(e.measured) > nearestFor:
		e.least, e.lesser, e.measured = e.lesser, d.took, d.at
	}
}

func (e *estimate) judge(now time.Time) {
	last := e.arrived[0]
	fastest, bits, busy := last.took, 0, time.Duration(0)
	for _, d := range e.arrived[1:] { // the first began its way before
		fastest = min(fastest, d.took)
		bits += 8 * d.bytes
		// Before a packet began its way that may have been idle.
		busy += max(0, min(d.at.Sub(last.at), d.took-e.least))
		last = d
	}
	if fastest-e.least > queueing {
		if e.waiting.IsZero() {
			e.waiting = now
		}
		if now.Sub(e.waiting) > moved {
			e.least, e.lesser, e.measured, e.waiting = fastest, fastest, now, time.Time{}
			return
		}
		e.filled(bits, busy, now)
		return
	}
	e.waiting = time.Time{}
	if now.Sub(e.full) < calm {
		return
	}
	used := e.perSec >= e.rate/3
	if now.Sub(e.full) < near && e.rate > e.capacity {
		used = e.perSec >= e.rate*3/4
	}
	// Where frames are few for want of rate, little is sent however much the way carries.
	if !used && e.rate > min(e.capacity, ample) {
		return
	}
	faster := most
	if e.rate > e.capacity*7/10 {
		faster = min(most, least+haste*(now.Sub(e.full)-calm).Seconds())
	}
	e.set(float64(e.rate) * faster)
}

// filled takes note that the way was full: so many bits took so long.
func (e *estimate) filled(bits int, busy time.Duration, now time.Time) {
	e.full = now
	if busy > 0 && e.carries(carried{int(float64(bits) / busy.Seconds()), now}) {
		e.set(min(float64(e.rate), 0.85*float64(e.capacity)))
	}
}

// carries takes what the way carried in a moment when it was full: of the moments of late
// the most, since in each it may have carried other things, too. It says no when that is
// not known.
func (e *estimate) carries(c carried) bool {
	if c.bitsPerSecond < lowestRate {
		return false
	}
	e.moments = append(slices.DeleteFunc(e.moments, func(m carried) bool { return c.at.Sub(m.at) > calm }), c)
	e.capacity = 0
	for _, m := range e.moments {
		e.capacity = max(e.capacity, m.bitsPerSecond)
	}
	return true
}

func (e *estimate) set(rate float64) { e.rate = int(min(max(rate, lowestRate), highestRate)) }

// pace is the rate to spread packets by, before headroom: on a way that was full of
// late a frame is not to fill it alone.
func (e *estimate) pace(now time.Time) int {
	if now.Sub(e.full) < near {
		return e.rate * 3 / 2 / headroom
	}
	return e.rate
}

// learn begins with what another way to the same page carried, if that was full of late.
func (e *estimate) learn(other *estimate, now time.Time) {
	if now.Sub(other.full) < near {
		e.rate, e.full, e.capacity = other.rate, other.full, other.capacity
	}
}

// framesPerSecond is the frame rate that a bit rate is enough for: fewer frames that
// can be looked at, rather than many that cannot. Of fewer pixels there are more.
func framesPerSecond(rate int, keep uint8) int {
	if keep == wire.KeepFrames {
		rate *= 3
	}
	switch {
	case rate < 600_000:
		return 15
	case rate < ample:
		return 30
	default:
		return 60
	}
}
