// Package x11 connects to X servers, with an xgb that outlives them.
//
// When its X server goes away, xgb closes its queue of requests, twice, and panics; it
// would with each later request, too. So it does not come to know: from then on every
// request that has no answer is refused, and WaitForEvent returns a Gone. Of an answer that
// was cut short the rest is zeros.
package x11

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/BurntSushi/xgb"
)

// Gone is the event that an X server has gone away. It is the last.
type Gone struct{}

// Bytes returns nothing: no X server sends this event.
func (Gone) Bytes() []byte { return nil }

func (Gone) String() string { return "the X server has gone" }

// The first byte of what an X server sends (X Window System Protocol, appendix B):
// events of the core protocol end at 35, those of extensions begin at 64.
const (
	anError = 0
	aReply  = 1
	aGone   = 63
)

// implementation is the error of a server that can't do what it should.
const implementation = 17

var prepare = sync.OnceFunc(func() {
	xgb.NewEventFuncs[aGone] = func([]byte) xgb.Event { return Gone{} }
	xgb.Logger.SetOutput(io.Discard) // what it has to say comes back as errors, too
})

// Dial connects to the X server of a display of this machine, such as ":0", with the
// cookie for any host and display in the file that XAUTHORITY names.
func Dial(ctx context.Context, display string) (x *xgb.Conn, hangUp func(), err error) {
	number, _, _ := strings.Cut(strings.TrimPrefix(display, ":"), ".")
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", "/tmp/.X11-unix/X"+number)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to display %q: %w", display, err)
	}
	return Open(conn)
}

// Open speaks to an X server by a connection, which it closes if it fails. To hang up,
// from any goroutine and as often as one likes, has the X server be gone; xgb's own
// Close must not be used. Xgb's goroutines stay. Where many unchecked requests follow a
// Gone, somebody has to take the events that refuse them.
func Open(conn net.Conn) (x *xgb.Conn, hangUp func(), err error) {
	prepare()
	l := &line{Conn: conn}
	l.wrote.L = &l.mu
	if x, err = xgb.NewConnNet(l); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return x, func() { _ = conn.Close() }, nil
}

// line is a connection that does not break. One goroutine of xgb writes requests, each
// by one call; another reads answers and events: 32 bytes, then what else there is.
type line struct {
	net.Conn

	mu    sync.Mutex
	wrote sync.Cond
	asked uint16 // the last request's number
	begun bool   // the connection has been set up, or is about to: that request has no number

	// The reader's own.
	greetings int    // parts of the answer to the set-up that were read
	answered  uint16 // the last request's number that came back
	rest      bool   // the next bytes belong to a reply
	gone      bool
	told      bool // of it
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	if l.begun {
		l.asked++
	}
	l.begun = true
	l.mu.Unlock()
	l.wrote.Signal()
	_, _ = l.Conn.Write(p) // what doesn't get there is refused
	return len(p), nil
}

func (l *line) Read(p []byte) (int, error) {
	if l.greetings < 2 {
		l.greetings++
		return io.ReadFull(l.Conn, p)
	}
	if !l.gone {
		if _, err := io.ReadFull(l.Conn, p); err == nil {
			l.follow(p)
			return len(p), nil
		}
		l.gone = true
	}
	clear(p)
	switch {
	case l.rest:
		l.rest = false
	case !l.told:
		l.told = true
		p[0] = aGone
	default:
		l.refuse(p)
	}
	return len(p), nil
}

// follow notes which request is answered, and whether its answer goes on.
func (l *line) follow(p []byte) {
	switch {
	case l.rest:
		l.rest = false
	case p[0] == anError || p[0] == aReply:
		l.answered = binary.LittleEndian.Uint16(p[2:])
		l.rest = p[0] == aReply && binary.LittleEndian.Uint32(p[4:]) > 0
	}
}

// refuse waits for a request, and answers it with an error.
func (l *line) refuse(p []byte) {
	l.mu.Lock()
	for l.asked == l.answered {
		l.wrote.Wait()
	}
	l.mu.Unlock()
	l.answered++
	p[0], p[1] = anError, implementation
	binary.LittleEndian.PutUint16(p[2:], l.answered)
}
