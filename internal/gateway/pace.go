package gateway

import "time"

// Pacing: a key frame sent at once overruns the receiver's socket, even on
// loopback. So at most burst bytes go out together, the rest at headroom times
// the rate of the video, and no faster than a browser can read.
const (
	burst    = 24 << 10
	headroom = 24
	fastest  = 64 << 20 // bytes per second
)

// pacer spreads what is sent over time.
type pacer struct {
	until time.Time // when what was sent so far is through
}

// take counts n bytes sent at now and returns how long to wait before the next.
func (p *pacer) take(n, bitsPerSecond int, now time.Time) time.Duration {
	perSecond := min(bitsPerSecond/8*headroom, fastest)
	if p.until.Before(now) {
		p.until = now
	}
	p.until = p.until.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
	allowed := time.Duration(burst) * time.Second / time.Duration(perSecond)
	// Timers wake late by about a millisecond: shorter waits add up to one.
	if wait := p.until.Sub(now) - allowed; wait > time.Millisecond {
		return wait
	}
	return 0
}

// budget bounds how many messages a peer may send: so many a second, and as many at once.
type budget struct {
	perSecond int
	left      float64
	at        time.Time
}

func newBudget(perSecond int, now time.Time) *budget {
	return &budget{perSecond, float64(perSecond), now}
}

func (b *budget) take(now time.Time) bool {
	b.left = min(b.left+now.Sub(b.at).Seconds()*float64(b.perSecond), float64(b.perSecond))
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
