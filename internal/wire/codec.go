package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrUnknownType is what Decode returns for a type it does not know: the
// message of a later version, to be skipped.
var ErrUnknownType = errors.New("unknown message type")

// Append appends the bytes of m: its type, then its fields. This is a whole
// message of a data channel or WebSocket.
func Append(b []byte, m Message) []byte {
	w := writer{append(b, byte(m.Type()))}
	m.write(&w)
	return w.b
}

// Decode reads one whole message. Byte slices in it lie in b.
func Decode(b []byte) (Message, error) {
	if len(b) == 0 || len(b) > MaxMessage {
		return nil, fmt.Errorf("message of %d bytes, want 1 to %d", len(b), MaxMessage)
	}
	t, r := Type(b[0]), &reader{b: b[1:]}
	m := read(t, r)
	if m == nil {
		return nil, fmt.Errorf("type 0x%02x: %w", uint8(t), ErrUnknownType)
	}
	if len(r.b) > 0 {
		r.fail("bytes left over")
	}
	if r.err != nil {
		return nil, fmt.Errorf("message of type 0x%02x: %w", uint8(t), r.err)
	}
	return m, nil
}

// DecodeViewer is Decode for what comes from a viewer page: a message of a type
// that viewers must not send is an error.
func DecodeViewer(b []byte) (Message, error) {
	if len(b) > 0 && !Type(b[0]).FromViewer() {
		return nil, fmt.Errorf("type 0x%02x is not for viewers to send", b[0])
	}
	return Decode(b)
}

// Version is the highest version that both the sender of Hello and this code speak.
func (h Hello) Version() (uint16, error) {
	v := min(h.Highest, HighestVersion)
	if v < max(h.Lowest, LowestVersion) {
		return 0, fmt.Errorf("streamer speaks versions %d to %d, this gateway %d to %d", h.Lowest, h.Highest, LowestVersion, HighestVersion)
	}
	return v, nil
}

func read(t Type, r *reader) Message {
	switch t {
	case TypeHello:
		return Hello{r.u16(), r.u16(), r.text(), r.text()}
	case TypeReady:
		return Ready{r.side(), r.side()}
	case TypeVideo:
		return Video{r.bool(), r.u64(), r.side(), r.side(), r.rest()}
	case TypeCursor:
		return r.cursor()
	case TypeScreen:
		return Screen{r.side(), r.side()}
	case TypePong:
		return Pong{}
	case TypeWelcome:
		return Welcome{r.u16()}
	case TypeWatch:
		return Watch{r.bool()}
	case TypeKeyFrame:
		return KeyFrame{}
	case TypeRate:
		return Rate{r.within(r.u32(), MinBitsPerSecond, MaxBitsPerSecond), r.u16In(1, MaxFramesPerSecond)}
	case TypePing:
		return Ping{}
	case TypeResize:
		return Resize{r.u16In(MinWidth, MaxWidth), r.u16In(MinHeight, MaxHeight)}
	case TypePointer:
		return Pointer{r.i16(), r.i16()}
	case TypeButton:
		return r.button()
	case TypeWheel:
		return Wheel{r.i16(), r.i16()}
	case TypeKey:
		return r.key()
	case TypeReleaseAll:
		return ReleaseAll{}
	case TypePen:
		return r.pen()
	case TypeMotion:
		return Motion{r.i16(), r.i16()}
	case TypeLayout:
		return r.layout()
	case TypeLocks:
		return Locks{r.bool(), r.bool()}
	case TypeSound:
		return Sound{r.u64(), r.opus()}
	case TypeMicrophone:
		return Microphone{r.u16(), r.opus()}
	case TypeListen:
		return Listen{r.bool(), r.bool()}
	case TypeAllows:
		return Allows{r.bool(), r.bool()}
	case TypeCopied:
		return Copied{r.u32(), r.bool(), r.bool()}
	case TypePipeOpen:
		return r.pipeOpen()
	case TypePipeData:
		return r.pipeData()
	case TypePipeRoom:
		return r.pipeRoom()
	case TypePipeEnd:
		return PipeEnd{r.u16(), r.bool()}
	case TypeViewerKey:
		return ViewerKey{r.text()}
	case TypeStats:
		return Stats{r.u16(), r.u32(), r.u32(), r.u32()}
	case TypeStanding:
		return r.standing()
	case TypePeople:
		return r.people()
	case TypeShared:
		return Shared{r.bool(), r.text()}
	case TypeLooked:
		return Looked{r.u32(), r.text()}
	case TypeNotice:
		return Notice{r.text()}
	case TypeAsk:
		return r.ask()
	case TypeHold:
		return Hold{r.bool()}
	case TypeRoad:
		return Road{r.bool()}
	case TypeProgress:
		return Progress{r.u32(), r.u32(), r.u32()}
	case TypeEcho:
		return Echo{r.u32()}
	case TypeChange:
		return r.change()
	case TypeTile:
		return r.tile()
	case TypeStill:
		return Still{r.u64(), r.side(), r.side(), r.u64()}
	case TypeExact:
		return Exact{r.u64()}
	case TypeFormat:
		return Format{r.bool()}
	case TypeMain:
		return Main{r.bool()}
	case TypeColour:
		return Colour{r.bool(), r.bool()}
	case TypeKeep:
		return Keep{r.keep()}
	case TypePrefer:
		return r.prefer()
	case TypeColours:
		return Colours{r.bool(), r.bool()}
	case TypeMonitor:
		return r.monitor()
	case TypeUnplug:
		return Unplug{}
	case TypeMonitors:
		return Monitors{r.u8()}
	case TypeScale:
		return Scale{r.u16In(MinScale, MaxScale)}
	case TypeScaled:
		return r.scaled()
	case TypeTaken:
		return Taken{r.u32()}
	case TypePart:
		return Part{r.rest()}
	}
	return nil
}

func (h Hello) write(w *writer) {
	w.u16(h.Lowest)
	w.u16(h.Highest)
	w.text(h.Session)
	w.text(h.Credential)
}

func (m Ready) write(w *writer) { w.size(m.Width, m.Height) }

func (m Video) write(w *writer) {
	w.bool(m.Key)
	w.u64(m.CapturedMicros)
	w.size(m.Width, m.Height)
	w.b = append(w.b, m.Data...)
}

func (m Cursor) write(w *writer) {
	w.u32(m.Serial)
	w.size(m.HotX, m.HotY)
	w.size(m.Width, m.Height)
	w.b = append(w.b, m.Pixels...)
}

func (m Screen) write(w *writer)   { w.size(m.Width, m.Height) }
func (m Pong) write(*writer)       {}
func (m Welcome) write(w *writer)  { w.u16(m.Version) }
func (m Watch) write(w *writer)    { w.bool(m.On) }
func (m KeyFrame) write(*writer)   {}
func (m Ping) write(*writer)       {}
func (m Resize) write(w *writer)   { w.size(m.Width, m.Height) }
func (m ReleaseAll) write(*writer) {}

func (m Rate) write(w *writer) {
	w.u32(m.BitsPerSecond)
	w.u16(m.FramesPerSecond)
}

func (m Pointer) write(w *writer) { w.size(uint16(m.X), uint16(m.Y)) }
func (m Wheel) write(w *writer)   { w.size(uint16(m.DX), uint16(m.DY)) }

func (m Button) write(w *writer) {
	w.b = append(w.b, m.Button)
	w.bool(m.Down)
}

func (m Key) write(w *writer) {
	w.u16(m.Code)
	w.u32(m.Keysym)
	w.bool(m.Down)
}

func (r *reader) cursor() Cursor {
	m := Cursor{r.u32(), r.u16(), r.u16(), r.u16(), r.u16(), r.rest()}
	switch {
	case m.Width > MaxCursorSide || m.Height > MaxCursorSide:
		r.fail("cursor too large")
	case (m.Width == 0) != (m.Height == 0):
		r.fail("cursor of one side 0")
	case m.HotX > m.Width || m.HotY > m.Height:
		r.fail("hot spot outside the cursor")
	case len(m.Pixels) != 4*int(m.Width)*int(m.Height):
		r.fail("pixels do not fill the cursor")
	}
	return m
}

func (r *reader) button() Button {
	m := Button{r.u8(), r.bool()}
	switch m.Button {
	case 1, 2, 3, 8, 9:
	default:
		r.fail("no such button")
	}
	return m
}

func (r *reader) key() Key {
	m := Key{r.u16(), r.u32(), r.bool()}
	switch {
	case m.Code > MaxKeyCode || m.Keysym > MaxKeysym:
		r.fail("no such key")
	case m.Code == 0 && m.Keysym == 0:
		r.fail("neither code nor keysym")
	}
	return m
}

// writer appends fields.
type writer struct{ b []byte }

func (w *writer) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }

func (w *writer) size(a, b uint16) {
	w.u16(a)
	w.u16(b)
}

func (w *writer) bool(v bool) {
	var b byte
	if v {
		b = 1
	}
	w.b = append(w.b, b)
}

// text writes at most MaxText bytes: the caller's strings are shorter by contract.
func (w *writer) text(s string) {
	s = s[:min(len(s), MaxText)]
	w.b = append(append(w.b, byte(len(s))), s...)
}

// reader takes fields off the front of b and remembers the first thing wrong.
// After that, and beyond the end, every field is zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = errors.New(what)
	}
}

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.fail("cut short")
		r.b = nil
		return make([]byte, n)
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) rest() []byte { return r.take(len(r.b)) }
func (r *reader) u8() uint8    { return r.take(1)[0] }
func (r *reader) u16() uint16  { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) u32() uint32  { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64  { return binary.BigEndian.Uint64(r.take(8)) }
func (r *reader) i16() int16   { return int16(r.u16()) }

func (r *reader) bool() bool {
	v := r.u8()
	if v > 1 {
		r.fail("neither true nor false")
	}
	return v == 1
}

func (r *reader) text() string {
	b := r.take(int(r.u8()))
	if !utf8.Valid(b) {
		r.fail("text is not UTF-8")
	}
	return string(b)
}

func (r *reader) within(v, low, high uint32) uint32 {
	if v < low || v > high {
		r.fail("number out of bounds")
	}
	return v
}

func (r *reader) u16In(low, high uint16) uint16 {
	return uint16(r.within(uint32(r.u16()), uint32(low), uint32(high)))
}

func (r *reader) side() uint16 { return r.u16In(MinSide, MaxSide) }
