package gateway

import (
	"bytes"

	"github.com/backlot/backlot/internal/wire"
)

// colours is what of a session's picture has to do with full colour.
type colours struct {
	asked bool   // the streamer for it
	told  []byte // what the viewers know
}

// wantsColour takes what a page says of full colour.
func (s *screen) wantsColour(v *viewer, m wire.Colour) {
	v.wantsColour, v.decodesColour = m.Full, m.Decodes
	s.chooseProfile()
}

// chooseProfile asks for full colour if who leads wants it and everybody who watches
// can show it, and says to all what there is; and it allows for main if everybody plays that.
func (s *screen) chooseProfile() {
	possible := s.everybodyPlays(profileFullColour)
	leader := s.leader()
	if full := possible && leader != nil && leader.wantsColour; full != s.colours.asked {
		s.colours.asked = full
		s.tell(wire.Format{FullColour: full})
	}
	if main := s.everybodyPlays(profileMain); main != s.main && s.watched() {
		s.main = main
		s.tell(wire.Main{On: main})
	}
	now := wire.Append(nil, wire.Colours{Full: s.profile == profileFullColour, Possible: possible})
	if !bytes.Equal(now, s.colours.told) {
		s.colours.told = now
		s.broadcast(now)
	}
}
