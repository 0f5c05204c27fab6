package gateway

import "time"

const (
	// mostAgain is how long what is sent again may take the way for: of more a key frame is
	// there sooner, and what is asked for once more while it waits would fill the way.
	mostAgain = 200 * time.Millisecond
	// freshEvery is the least time between key frames in place of it.
	freshEvery = time.Second
)

// repeats bounds what is sent again by a road.
type repeats struct {
	bits  float64 // not through yet
	at    time.Time
	fresh time.Time // when a key frame was asked for in its place
}

// take says whether so many packets may be sent again now.
func (r *repeats) take(packets, bitsPerSecond int, now time.Time) bool {
	rate := float64(bitsPerSecond)
	r.bits = max(0, r.bits-now.Sub(r.at).Seconds()*rate)
	r.at = now
	bits := float64(8 * maxPayload * packets)
	if r.bits+bits > mostAgain.Seconds()*rate {
		return false
	}
	r.bits += bits
	return true
}

// repeats says whether so many packets are to be sent again by a road. If they are too many
// it has a key frame made in their place.
func (s *screen) repeats(r *road, packets int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if r.again.take(packets, r.way.rate, now) {
		return true
	}
	if now.Sub(r.again.fresh) > freshEvery {
		r.again.fresh = now
		s.askKey()
	}
	return false
}
