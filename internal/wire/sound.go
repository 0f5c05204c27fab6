package wire

// MaxSound bounds an Opus packet in bytes: 120 ms at the highest rate (RFC 6716 section 3.4).
const MaxSound = 7662

// TypeSound is from streamer to gateway.
const TypeSound Type = 0x10

// From viewer page to gateway, and from there to the streamer.
const (
	TypeMicrophone Type = iota + 0xa8
	TypeListen
)

// Sound is one Opus packet of what the desktop plays: 10 ms, stereo. While it plays
// nothing there are none.
type Sound struct {
	// CapturedMicros is when its first sample was played, on the clock of Video.
	CapturedMicros uint64
	// Data is good until the next ReadMessage, as that of Video.
	Data []byte
}

// Microphone is one Opus packet of what a viewer's microphone hears.
type Microphone struct {
	// Sequence counts packets, so that lost ones are seen. It wraps around.
	Sequence uint16
	Data     []byte
}

// Listen says whether anybody hears the desktop: a viewer to the gateway, that it
// does; the gateway to the streamer, that one does. While nobody does, no sound is sent.
type Listen struct {
	On bool
	// Messages: a viewer wants sound as messages, by WebRTC, too.
	Messages bool
}

// Type is TypeSound.
func (Sound) Type() Type { return TypeSound }

// Type is TypeMicrophone.
func (Microphone) Type() Type { return TypeMicrophone }

// Type is TypeListen.
func (Listen) Type() Type { return TypeListen }

func (m Sound) write(w *writer) {
	w.u32(uint32(m.CapturedMicros >> 32))
	w.u32(uint32(m.CapturedMicros))
	w.b = append(w.b, m.Data...)
}

func (m Microphone) write(w *writer) {
	w.u16(m.Sequence)
	w.b = append(w.b, m.Data...)
}

func (m Listen) write(w *writer) {
	w.bool(m.On)
	w.bool(m.Messages)
}

// opus takes the rest, which is one packet.
func (r *reader) opus() []byte {
	if len(r.b) == 0 || len(r.b) > MaxSound {
		r.fail("no packet of sound")
	}
	return r.rest()
}
