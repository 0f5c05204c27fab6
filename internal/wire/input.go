package wire

import "strings"

// From page to streamer by way of the gateway, which follow TypeReleaseAll.
const (
	TypePen Type = iota + 0x86
	TypeMotion
	TypeLayout
	TypeLocks
)

// Bounds of input. Decoders refuse what lies outside.
const (
	// MaxPenSamples is how many samples one Pen has at most.
	MaxPenSamples = 64
	// MaxTilt is the greatest tilt of a pen to either side, in degrees.
	MaxTilt = 90
	// MaxLayoutName is the length of a layout's name, and of a variant's, in bytes.
	MaxLayoutName = 32
)

// Pen is what a pen did since the last Pen, in order. Without samples it has left:
// it is neither on the surface nor near it.
type Pen struct{ Samples []PenSample }

// PenSample is where a pen is and how it is held.
type PenSample struct {
	// X and Y are parts of the screen's width and height in 1/65536: finer than pixels.
	X, Y uint16
	// Pressure is 65535 at its greatest.
	Pressure uint16
	// TiltX and TiltY lean the pen to the right and towards the user, in degrees.
	TiltX, TiltY int8
	// Buttons is which of PenTip and the others are down.
	Buttons uint8
}

// Bits of PenSample.Buttons: those of PointerEvent.buttons.
const (
	// PenTip: the tip is on the surface.
	PenTip = 1
	// PenBarrel: the button at the side is pressed.
	PenBarrel = 2
	// PenSecond: the second button at the side is pressed.
	PenSecond = 4
	// PenEraser: the eraser's end is on the surface, or its button is pressed.
	PenEraser = 32
)

// Motion moves the pointer by so many pixels from where it is, for programs that
// count the way and not the place. Positive is right and down.
type Motion struct{ DX, DY int16 }

// Layout asks for the keyboard layout of the viewer's keyboard, by its name and
// variant in XKB; an empty variant is the usual one. The streamer knows which there are.
type Layout struct{ Name, Variant string }

// Locks says which locks are on at the viewer's keyboard.
type Locks struct{ Caps, Num bool }

// Type is TypePen.
func (Pen) Type() Type { return TypePen }

// Type is TypeMotion.
func (Motion) Type() Type { return TypeMotion }

// Type is TypeLayout.
func (Layout) Type() Type { return TypeLayout }

// Type is TypeLocks.
func (Locks) Type() Type { return TypeLocks }

func (m Pen) write(w *writer) {
	samples := m.Samples[:min(len(m.Samples), MaxPenSamples)]
	w.b = append(w.b, uint8(len(samples)))
	for _, s := range samples {
		w.size(s.X, s.Y)
		w.u16(s.Pressure)
		w.b = append(w.b, uint8(s.TiltX), uint8(s.TiltY), s.Buttons)
	}
}

func (m Motion) write(w *writer) { w.size(uint16(m.DX), uint16(m.DY)) }

func (m Layout) write(w *writer) {
	w.text(m.Name)
	w.text(m.Variant)
}

func (m Locks) write(w *writer) {
	w.bool(m.Caps)
	w.bool(m.Num)
}

func (r *reader) pen() (m Pen) {
	n := r.u8()
	if n > MaxPenSamples {
		r.fail("too many samples")
	}
	for range n {
		if r.err != nil {
			break
		}
		s := PenSample{r.u16(), r.u16(), r.u16(), int8(r.u8()), int8(r.u8()), r.u8()}
		if s.TiltX < -MaxTilt || s.TiltX > MaxTilt || s.TiltY < -MaxTilt || s.TiltY > MaxTilt {
			r.fail("pen leans too far")
		}
		if s.Buttons&^(PenTip|PenBarrel|PenSecond|PenEraser) != 0 {
			r.fail("no such button")
		}
		m.Samples = append(m.Samples, s)
	}
	return m
}

func (r *reader) layout() Layout {
	m := Layout{r.text(), r.text()}
	if m.Name == "" || !layoutName(m.Name) || !layoutName(m.Variant) {
		r.fail("no name of a layout")
	}
	return m
}

func layoutName(s string) bool {
	return len(s) <= MaxLayoutName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}
