package gateway

import (
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/backlot/backlot/internal/wire"
)

const (
	// queuedFrames is how many frames wait for a viewer before it loses some.
	queuedFrames = 8
	// frameAhead is how many may wait without the streamer being told to pause.
	frameAhead = 1
	// heldKeys bounds what one viewer may hold down: nobody has more fingers.
	heldKeys = 64
	// silentFor is how long a page may say nothing while a key of its is down: it would go on
	// repeating. Pages say something at least every 0.7 s.
	silentFor = 1600 * time.Millisecond
	// inputPerSecond bounds a viewer's messages. A mouse makes 1000.
	inputPerSecond = 4000
)

// bye is the error that ends a viewer's connection: the close code and reason
// of its WebSocket. The page goes by the codes, see viewer/connection.ts.
type bye struct {
	code   websocket.StatusCode
	reason string
}

func (b bye) Error() string { return b.reason }

var (
	byeLeft     = bye{websocket.StatusNormalClosure, "the page left"}
	byeRestart  = bye{websocket.StatusServiceRestart, "the server restarts"}
	byeNotNow   = bye{websocket.StatusTryAgainLater, "try again later"}
	byeStopped  = bye{4000, "the session was stopped"}
	byeUnshared = bye{4001, "the session is shared no more"}
	byeClosed   = bye{4002, "the screen was closed"}
	byeBad      = bye{4400, "that was not understood"}
	byeRefused  = bye{4403, "this does not open a desktop"}
	byeLost     = bye{4408, "the media connection was lost"}
	byeTooMuch  = bye{4429, "too much at once"}
)

// viewer is one page that looks at a session. The session's lock guards the
// fields of the first group.
type viewer struct {
	person
	exchange
	*road               // in use
	listens wire.Listen // how it wants to hear the desktop
	// wantsColour: its user wants full colour; decodesColour: its page can show that of
	// frames that come as messages.
	wantsColour, decodesColour bool
	preference                 wire.Prefer
	size                       wire.Resize
	layout                     wire.Layout              // of its keyboard; zero: it did not say
	held                       map[holding]wire.Message // what lifts each key and button it holds down
	heard                      time.Time                // when the page said something last
	silence                    *time.Timer              // until keys of a page that says nothing are lifted; nil: none are down
	supply                     supply

	peer   atomic.Pointer[road] // the latest by WebRTC, if any
	left   atomic.Bool          // the page was closed, or left by its user
	hunger chan struct{}        // holds one: there may be something to feed
	shown  chan bool            // whether there is a desktop: the latest news only
	done   chan struct{}
	finish sync.Once
	why    bye // good once done is closed
}

func newViewer(size wire.Resize, by *road) *viewer {
	return &viewer{
		person:   newPerson(),
		exchange: exchange{key: rand.Text()},
		road:     by,
		size:     size,
		held:     map[holding]wire.Message{},
		hunger:   make(chan struct{}, 1),
		shown:    make(chan bool, 1),
		done:     make(chan struct{}),
	}
}

// end has the viewer's connection closed. The first reason counts.
func (v *viewer) end(why bye) {
	v.finish.Do(func() {
		v.why = why
		close(v.done)
	})
}

// desktop tells the page whether there is a desktop to show.
func (v *viewer) desktop(there bool) {
	select {
	case <-v.shown:
	default:
	}
	v.shown <- there // the session's lock makes this the only sender
}

// message sends what the page draws or counts by. A page that takes nothing any more is given up.
func (v *viewer) message(b []byte) {
	if v.talks && v.send(b) != nil {
		v.end(byeLost)
	}
}

// holding names a key or button that is down. A key with a code is known by that alone.
type holding struct {
	button uint8
	code   uint16
	keysym uint32
	pen    bool // that is near
}

// repeats says whether it goes on doing something while it is down: a key that is no modifier.
func (h holding) repeats() bool {
	switch h.code {
	case 29, 42, 54, 56, 97, 100, 125, 126: // Control, Shift, Alt and Meta, as evdev numbers them
		return false
	case 0:
		return h.keysym != 0 && (h.keysym < 0xffe1 || h.keysym > 0xffee) // Shift_L to Hyper_R
	}
	return true
}

// hold remembers what is down, and says no to what is too much.
func (v *viewer) hold(m wire.Message) bool {
	var id holding
	var down bool
	switch in := m.(type) {
	case wire.Key:
		if id.code = in.Code; id.code == 0 {
			id.keysym = in.Keysym
		}
		down, in.Down = in.Down, false
		m = in
	case wire.Button:
		id.button = in.Button
		down, in.Down = in.Down, false
		m = in
	case wire.Pen:
		id.pen = true
		down, m = len(in.Samples) > 0, wire.Pen{}
	default:
		return true
	}
	if !down {
		delete(v.held, id)
		return true
	}
	if len(v.held) >= heldKeys {
		return false
	}
	v.held[id] = m
	return true
}
