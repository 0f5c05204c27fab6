package gateway

import "github.com/backlot/backlot/internal/wire"

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
