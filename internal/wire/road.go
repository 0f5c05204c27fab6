package wire

// TypeHold is from gateway to streamer.
const TypeHold Type = 0x60

// From page to gateway, on the WebSocket. What passes by it after a Road of the
// same kind is as on a data channel, and Video as it comes from the streamer.
const (
	TypeRoad Type = iota + 0xc0
	TypeProgress
)

// Hold says to make no frame: there is no room for one on the way to anybody. So no
// frame is made in vain, and the first one after it is fresh.
type Hold struct{ On bool }

// Road says by which road a page wants frames and messages from now on, beginning with
// a key frame: the WebSocket, or WebRTC. Asking for the road that it has already gets
// it a key frame.
type Road struct{ Socket bool }

// Progress acknowledges what came over the WebSocket, counted since that began.
type Progress struct {
	// Received are the frames that the page has, Shown those that it is done with.
	Received, Shown uint32
	// FrameMicros is how long the page takes for one, in the mean.
	FrameMicros uint32
}

// Type is TypeHold.
func (Hold) Type() Type { return TypeHold }

// Type is TypeRoad.
func (Road) Type() Type { return TypeRoad }

// Type is TypeProgress.
func (Progress) Type() Type { return TypeProgress }

func (m Hold) write(w *writer) { w.bool(m.On) }
func (m Road) write(w *writer) { w.bool(m.Socket) }

func (m Progress) write(w *writer) {
	w.u32(m.Received)
	w.u32(m.Shown)
	w.u32(m.FrameMicros)
}
