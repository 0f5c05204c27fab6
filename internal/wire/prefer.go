package wire

// TypeKeep is from gateway to streamer.
const TypeKeep Type = 0x46

// TypePrefer is from viewer page to gateway.
const TypePrefer Type = 0xa2

// What the picture keeps where the way is too narrow for what moves.
const (
	KeepBoth   = iota // fewer pixels before it stutters
	KeepPixels        // all of them: fewer frames
	KeepFrames        // fewer pixels sooner
)

// Keep says what the picture is to keep, KeepBoth to begin with.
type Keep struct{ What uint8 }

// Prefer says what a page's user wants the picture to keep, and how many bits a second
// it may cost at most; 0: as many as the way carries.
type Prefer struct {
	Keep              uint8
	MostBitsPerSecond uint32
}

// Type is TypeKeep.
func (Keep) Type() Type { return TypeKeep }

// Type is TypePrefer.
func (Prefer) Type() Type { return TypePrefer }

func (m Keep) write(w *writer) { w.b = append(w.b, m.What) }

func (m Prefer) write(w *writer) {
	w.b = append(w.b, m.Keep)
	w.u32(m.MostBitsPerSecond)
}

func (r *reader) keep() uint8 {
	what := r.u8()
	if what > KeepFrames {
		r.fail("no such thing to keep")
	}
	return what
}

func (r *reader) prefer() Prefer {
	m := Prefer{r.keep(), r.u32()}
	if m.MostBitsPerSecond != 0 {
		r.within(m.MostBitsPerSecond, MinBitsPerSecond, MaxBitsPerSecond)
	}
	return m
}
