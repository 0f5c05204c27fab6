package wire

// TypeFormat is from gateway to streamer.
const TypeFormat Type = 0x45

// TypeMain is from gateway to streamer.
const TypeMain Type = 0x4a

// TypeColour is from viewer page to gateway.
const TypeColour Type = 0xa1

// TypeColours is from gateway to page.
const TypeColours Type = 0xd2

// Format says how the video is to be coded from the next frame on, which is a key
// frame: in full colour (High 4:4:4 Predictive), or with half the colour each way
// (constrained baseline, or main where Main allows it), as it begins. The frames tell by their SPS.
type Format struct{ FullColour bool }

// Main says whether frames may be coded in the main profile, too, which everybody who
// watches plays then: it takes fewer bits than constrained baseline, and longer.
type Main struct{ On bool }

// Colour says whether a page's user wants full colour, and whether the page can show
// it where frames come to it as messages. Of WebRTC the gateway knows by itself.
type Colour struct{ Full, Decodes bool }

// Colours says whether the picture is in full colour, and whether it can be: everybody
// who watches can show it.
type Colours struct{ Full, Possible bool }

// Type is TypeFormat.
func (Format) Type() Type { return TypeFormat }

// Type is TypeMain.
func (Main) Type() Type { return TypeMain }

// Type is TypeColour.
func (Colour) Type() Type { return TypeColour }

// Type is TypeColours.
func (Colours) Type() Type { return TypeColours }

func (m Format) write(w *writer) { w.bool(m.FullColour) }

func (m Main) write(w *writer) { w.bool(m.On) }

func (m Colour) write(w *writer) {
	w.bool(m.Full)
	w.bool(m.Decodes)
}

func (m Colours) write(w *writer) {
	w.bool(m.Full)
	w.bool(m.Possible)
}
