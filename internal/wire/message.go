package wire

// Versions of the protocol between streamer and gateway that this code speaks. A
// message keeps its bytes for ever; a later version adds types, which who speaks an
// earlier one skips. So a server can be upgraded while sessions stream on.
const (
	LowestVersion  = 1
	HighestVersion = 2
)

// Bounds of what messages carry. Decoders refuse what lies outside.
const (
	// MaxMessage is the largest message in bytes, its type included.
	MaxMessage = 16 << 20
	// MaxText is the length of Hello's strings in bytes.
	MaxText = 255

	// MinWidth is the narrowest screen to ask for, in pixels.
	MinWidth = 320
	// MinHeight is the lowest screen to ask for, in pixels.
	MinHeight = 200
	// MaxWidth is the widest screen to ask for, in pixels.
	MaxWidth = 7680
	// MaxHeight is the highest screen to ask for, in pixels.
	MaxHeight = 4320
	// MinSide is the smallest width or height of a screen in pixels, whoever
	// made it: programs in the desktop can resize it too.
	MinSide = 16
	// MaxSide is the largest width or height of a screen in pixels, whoever made it.
	MaxSide = 16384
	// MaxCursorSide is the largest width and height of a cursor in pixels:
	// browsers ignore larger ones.
	MaxCursorSide = 128

	// MinBitsPerSecond is the lowest rate of the video.
	MinBitsPerSecond = 50_000
	// MaxBitsPerSecond is the highest rate of the video.
	MaxBitsPerSecond = 1_000_000_000
	// MaxFramesPerSecond is the highest frame rate of the video; the lowest is 1.
	MaxFramesPerSecond = 240

	// MaxKeyCode is the highest evdev code of a key (KEY_MAX).
	MaxKeyCode = 0x2ff
	// MaxKeysym is the highest keysym that X allows.
	MaxKeysym = 0x1fff_ffff
)

// Type is the first byte of a message.
type Type uint8

// From streamer to gateway: 0x01 to 0x3f. The gateway passes TypeCursor and
// TypeScreen on to the page.
const (
	TypeHello Type = iota + 1
	TypeReady
	TypeVideo
	TypeCursor
	TypeScreen
	TypePong
)

// From gateway to streamer: 0x40 to 0x7f.
const (
	TypeWelcome Type = iota + 0x40
	TypeWatch
	TypeKeyFrame
	TypeRate
	TypePing
)

// From viewer page to gateway, and from there to the streamer: 0x80 to 0xbf. What
// gateway and page say to each other alone has 0xc0 to 0xff.
const (
	TypeResize Type = iota + 0x80
	TypePointer
	TypeButton
	TypeWheel
	TypeKey
	TypeReleaseAll
)

// FromViewer says whether a viewer may send messages of this type.
func (t Type) FromViewer() bool {
	switch {
	case t >= TypeResize && t <= TypeReleaseAll, t >= TypePen && t <= TypeLocks, t == TypeMicrophone, t == TypeListen,
		t == TypeAsk, t == TypeEcho, t == TypeRoad, t == TypeProgress,
		t == TypeExact, t == TypeTaken, t == TypeColour, t == TypePrefer, t == TypeScale:
		return true
	}
	return false
}

// Message is one of the message structs of this package, by value.
type Message interface {
	// Type is the message's first byte.
	Type() Type
	write(*writer)
}

// Hello opens the connection: which versions the streamer speaks, whose
// desktop it shows, and the proof that it may.
type Hello struct {
	Lowest, Highest uint16
	Session         string
	Credential      string
}

// Ready says that the desktop can be shown: X answers and a window manager is
// there. It comes once on each connection, after Welcome.
type Ready struct{ Width, Height uint16 }

// Video is one H.264 access unit in Annex B form. A key frame carries SPS and PPS.
type Video struct {
	Key bool
	// CapturedMicros is when the picture was taken, in µs since the streamer's start.
	CapturedMicros uint64
	// Width and Height are the picture's, which may be smaller than the screen.
	Width, Height uint16
	// Data lies in the Conn's buffer after ReadMessage: it is good until the next ReadMessage.
	Data []byte
}

// Cursor is the picture of the pointer, which is not part of the video. The
// viewer draws it where its own pointer is. Width and Height are 0 when the
// desktop hides the pointer.
type Cursor struct {
	// Serial is the same for the same picture.
	Serial        uint32
	HotX, HotY    uint16
	Width, Height uint16
	// Pixels are rows of straight (not premultiplied) R, G, B, A: what ImageData
	// takes. As Video.Data they are good until the next ReadMessage.
	Pixels []byte
}

// Screen says how large the desktop is: after Ready only when it has changed.
// Pointer coordinates live in this space.
type Screen struct{ Width, Height uint16 }

// Pong answers Ping.
type Pong struct{}

// Welcome answers Hello with the version to speak.
type Welcome struct{ Version uint16 }

// Watch says whether anybody looks. While nobody does, no video is sent.
type Watch struct{ On bool }

// KeyFrame asks for a key frame soon. Asking too often is harmless.
type KeyFrame struct{}

// Rate sets what the video may cost.
type Rate struct {
	BitsPerSecond   uint32
	FramesPerSecond uint16
}

// Ping asks for Pong.
type Ping struct{}

// Resize asks for a screen of this size; the answer, if it becomes another
// size, is Screen. The screen may be rounded to even numbers.
type Resize struct{ Width, Height uint16 }

// Pointer moves the pointer to a pixel of the screen. Outside, it goes to the edge.
type Pointer struct{ X, Y int16 }

// Button presses or releases a pointer button by its X number: 1 left, 2 middle,
// 3 right, 8 back, 9 forward. (4 to 7 are the wheel's.)
type Button struct {
	Button uint8
	Down   bool
}

// Wheel turns the wheel by 1/120 of a notch; positive is right and down.
type Wheel struct{ DX, DY int16 }

// Key presses or releases a key. A held key repeats by itself: pressing it again
// changes nothing.
type Key struct {
	// Code is the evdev code of the physical key (KEY_A is 30); 0 if unknown.
	Code uint16
	// Keysym is used when Code is 0 or beyond what X can say; 0 if unknown. A
	// release carries what its press did.
	Keysym uint32
	Down   bool
}

// ReleaseAll releases every key and button that is held.
type ReleaseAll struct{}

// Type is TypeHello.
func (Hello) Type() Type { return TypeHello }

// Type is TypeReady.
func (Ready) Type() Type { return TypeReady }

// Type is TypeVideo.
func (Video) Type() Type { return TypeVideo }

// Type is TypeCursor.
func (Cursor) Type() Type { return TypeCursor }

// Type is TypeScreen.
func (Screen) Type() Type { return TypeScreen }

// Type is TypePong.
func (Pong) Type() Type { return TypePong }

// Type is TypeWelcome.
func (Welcome) Type() Type { return TypeWelcome }

// Type is TypeWatch.
func (Watch) Type() Type { return TypeWatch }

// Type is TypeKeyFrame.
func (KeyFrame) Type() Type { return TypeKeyFrame }

// Type is TypeRate.
func (Rate) Type() Type { return TypeRate }

// Type is TypePing.
func (Ping) Type() Type { return TypePing }

// Type is TypeResize.
func (Resize) Type() Type { return TypeResize }

// Type is TypePointer.
func (Pointer) Type() Type { return TypePointer }

// Type is TypeButton.
func (Button) Type() Type { return TypeButton }

// Type is TypeWheel.
func (Wheel) Type() Type { return TypeWheel }

// Type is TypeKey.
func (Key) Type() Type { return TypeKey }

// Type is TypeReleaseAll.
func (ReleaseAll) Type() Type { return TypeReleaseAll }
