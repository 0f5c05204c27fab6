package gateway

import "time"

// Bounds of the video's rate, in bits per second.
const (
	lowestRate  = 300_000
	initialRate = 20_000_000
	highestRate = 50_000_000

	framesPerSecond = 60
)

// estimate is what one viewer's way can carry, in bits per second. It falls with
// loss, and with the receiver's own estimate (REMB) while the way is being used: a
// desktop at rest sends next to nothing, and of that the receiver knows next to
// nothing. It is not safe for concurrent use.
type estimate struct {
	rate int

	counted int // bits sent since
	since   time.Time
	sent    int // bits per second in the last full second
}

func newEstimate(now time.Time) *estimate { return &estimate{rate: initialRate, since: now} }

// count adds bytes that were sent.
func (e *estimate) count(bytes int, now time.Time) {
	e.roll(now)
	e.counted += 8 * bytes
}

// loss takes the share of packets lost since the last report: 256 is all.
func (e *estimate) loss(of256 uint8) {
	switch lost := float64(of256) / 256; {
	case lost > 0.10:
		e.set(float64(e.rate) * (1 - lost/2))
	case lost < 0.02:
		e.set(float64(e.rate) * 1.08)
	}
}

// remb takes the receiver's estimate.
func (e *estimate) remb(bitsPerSecond float32, now time.Time) {
	e.roll(now)
	if e.sent > e.rate/2 {
		e.set(min(float64(bitsPerSecond), float64(e.rate)))
	}
}

func (e *estimate) set(rate float64) { e.rate = int(min(max(rate, lowestRate), highestRate)) }

func (e *estimate) roll(now time.Time) {
	if passed := now.Sub(e.since); passed >= time.Second {
		e.sent = int(float64(e.counted) / passed.Seconds())
		e.counted, e.since = 0, now
	}
}
