package wire

// TypeScaled is from streamer to gateway, which passes it on to the pages.
const TypeScaled Type = 0x25

// TypeScale is from viewer page to streamer.
const TypeScale Type = 0xa4

// Bounds of a scale in per cent.
const (
	MinScale = 50
	MaxScale = 400
)

// Scale has the desktop's programs draw text, and what goes by it, at so many per cent.
type Scale struct{ Percent uint16 }

// Scaled says at what scale they are to draw; 0: nobody has chosen.
type Scaled struct{ Percent uint16 }

// Type is TypeScale.
func (Scale) Type() Type { return TypeScale }

// Type is TypeScaled.
func (Scaled) Type() Type { return TypeScaled }

func (m Scale) write(w *writer)  { w.u16(m.Percent) }
func (m Scaled) write(w *writer) { w.u16(m.Percent) }

func (r *reader) scaled() Scaled {
	m := Scaled{r.u16()}
	if m.Percent != 0 {
		r.within(uint32(m.Percent), MinScale, MaxScale)
	}
	return m
}
