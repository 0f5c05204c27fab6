package gateway

import (
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// prefers takes what v's user wants the picture to keep, and to cost at most.
func (s *screen) prefers(v *viewer, m wire.Prefer) {
	v.preference = m
	s.choosePicture()
}

// choosePicture has the picture be as who leads wants it.
func (s *screen) choosePicture() {
	s.chooseProfile()
	var is wire.Prefer
	if leader := s.leader(); leader != nil {
		is = leader.preference
	}
	if is == s.preferred {
		return
	}
	if is.Keep != s.preferred.Keep {
		s.tell(wire.Keep{What: is.Keep})
	}
	s.preferred, s.rate = is, 0
	s.tellRate()
}

// pause is how long after so many bytes without loss v gets more, so that all that it gets
// keeps to the limit.
func (s *screen) pause(v *viewer, bytes int) time.Duration {
	most := int(s.preferred.MostBitsPerSecond)
	if most == 0 {
		return 0
	}
	left := max(most-v.way.perSec, most/8)
	return time.Duration(bytes) * 8 * time.Second / time.Duration(left)
}
