//go:build linux

package streamer

import (
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// stats counts what the frames of about a second cost.
type stats struct {
	since           time.Time
	frames, bytes   int
	capture, encode time.Duration
}

func (s *stats) made(encode time.Duration, bytes int) {
	s.frames++
	s.encode += encode
	s.bytes += bytes
}

// tell sends what was counted, once a second, and begins anew. A streamer that
// makes no frames, not even those that keep a picture alive, says nothing.
func (s *stats) tell(send func(wire.Message), now time.Time) {
	if s.since.IsZero() {
		s.since = now
	}
	passed := now.Sub(s.since)
	if passed < time.Second || s.frames == 0 {
		return
	}
	mean := func(d time.Duration) uint32 { return uint32(d.Microseconds() / int64(s.frames)) }
	perSecond := func(n int) int { return int(float64(n) / passed.Seconds()) }
	send(wire.Stats{
		Frames: uint16(perSecond(s.frames)), CaptureMicros: mean(s.capture), EncodeMicros: mean(s.encode),
		Bytes: uint32(perSecond(s.bytes)),
	})
	*s = stats{since: now}
}
