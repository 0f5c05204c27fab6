package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/backlot/backlot/internal/wire"
)

// offersPerSecond bounds how often a page may start WebRTC anew.
const offersPerSecond = 2

// While a frame is under way nothing may follow it, nor anything what the page says of the
// one before. But TCP finds out that a packet was lost, or was lost again when it was
// repeated, by what comes after it (RFC 8985, section 6); else it waits for its timer, each
// time twice as long. So when it is quiet the page is pinged, and its browser answers.
const (
	nudgeAfter = 50 * time.Millisecond
	mostNudges = 40 // then the page is away
)

// socket is a page's WebSocket: it brings what the page says, offers of WebRTC first of
// all, and is a road itself where nothing but HTTPS gets through.
type socket struct {
	*road
	conn   *websocket.Conn
	offers chan string

	out    chan []byte
	queued atomic.Int64 // bytes in out

	mu   sync.Mutex
	flow flow
	room chan struct{} // something was acknowledged
}

func newSocket(conn *websocket.Conn, now time.Time) *socket {
	t := &socket{
		road: newRoad(now), conn: conn,
		offers: make(chan string, 1),
		out:    make(chan []byte, queuedMessages),
		room:   make(chan struct{}, 1),
	}
	t.socket = true
	t.send, t.murmur = t.message, t.message
	return t
}

// message queues b for the page.
func (t *socket) message(b []byte) error {
	if t.queued.Add(int64(len(b))) > queuedBytes {
		return errHung
	}
	select {
	case t.out <- b:
		return nil
	default:
		return errHung
	}
}

// talk writes queued messages until v ends.
func (t *socket) talk(ctx context.Context, v *viewer) {
	for {
		select {
		case <-v.done:
			return
		case b := <-t.out:
			t.queued.Add(-int64(len(b)))
			if t.put(ctx, b) != nil {
				v.end(byeLeft)
				return
			}
		}
	}
}

func (t *socket) put(ctx context.Context, b []byte) error {
	return within(ctx, func(ctx context.Context) error { return t.conn.Write(ctx, websocket.MessageBinary, b) })
}

// pump writes frames until v ends, each as soon as there is room for it.
func (t *socket) pump(ctx context.Context, v *viewer, s *screen) {
	rate, last, nudges := initialRate, 0, 0
	for {
		// Whether there is room is told before the streamer makes a frame.
		full, quiet := t.state(rate, nudges < mostNudges)
		rate, _ = s.room(t.road, full, last)
		last = 0
		frames := t.frames
		if full {
			frames = nil
		}
		select {
		case <-v.done:
			return
		case <-t.room:
			nudges = 0
		case <-quiet:
			nudges++
			go func() { _ = t.conn.Ping(ctx) }()
		case f := <-frames:
			t.mu.Lock()
			t.flow.depart(len(f.unit), time.Now())
			t.mu.Unlock()
			if t.put(ctx, f.unit) != nil {
				v.end(byeLeft)
				return
			}
			last = len(f.unit)
		}
	}
}

// measure tells the distance by something small, before a first frame that may take long.
func (t *socket) measure(ctx context.Context, s *screen) {
	began := time.Now()
	if t.conn.Ping(ctx) != nil {
		return
	}
	now := time.Now()
	took := now.Sub(began)
	t.mu.Lock()
	t.flow.near(took)
	t.mu.Unlock()
	s.near(t.road, took, now)
}

// state says whether a frame would have to wait, and when it has been quiet for long
// although frames are under way: if none are, or nobody listens, never.
func (t *socket) state(rate int, listens bool) (full bool, quiet <-chan time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if listens && len(t.flow.way) > 0 {
		quiet = time.After(nudgeAfter)
	}
	return !t.flow.room(rate), quiet
}

// listen takes what the page says until the WebSocket ends.
func (t *socket) listen(ctx context.Context, v *viewer, s *screen) {
	allowed, offers := newBudget(inputPerSecond, time.Now()), newBudget(offersPerSecond, time.Now())
	for {
		kind, b, err := t.conn.Read(ctx)
		if err != nil {
			v.left.Store(websocket.CloseStatus(err) != -1)
			return
		}
		if !allowed.take(time.Now()) {
			v.end(byeTooMuch)
			return
		}
		if kind == websocket.MessageText {
			offer, err := readOffer(b)
			if err != nil {
				v.end(byeBad)
				return
			}
			if !offers.take(time.Now()) {
				v.end(byeTooMuch)
				return
			}
			select {
			case t.offers <- offer:
			case <-v.done:
				return
			}
			continue
		}
		// What is not known is dropped: a page of ours sends none.
		if m, err := wire.DecodeViewer(b); err == nil {
			t.hear(v, s, m)
		}
	}
}

func (t *socket) hear(v *viewer, s *screen, m wire.Message) {
	switch m := m.(type) {
	case wire.Road:
		switch {
		case m.Socket:
			s.travel(v, t.road)
		case v.peer.Load() != nil:
			s.travel(v, v.peer.Load())
		}
	case wire.Progress:
		t.progress(v, s, m)
	case wire.Echo:
		// It measures this road, whichever is in use.
		if t.message(wire.Append(nil, m)) != nil {
			v.end(byeLost)
		}
	default:
		s.hears(v, t.road, m)
	}
}

func (t *socket) progress(v *viewer, s *screen, p wire.Progress) {
	now := time.Now()
	var came []delivery
	t.mu.Lock()
	ok := t.flow.progress(p, now, func(d departed, took time.Duration) {
		came = append(came, delivery{bytes: d.bytes, took: took, at: now})
	})
	t.mu.Unlock()
	if !ok {
		v.end(byeBad)
		return
	}
	s.delivered(t.road, came)
	select {
	case t.room <- struct{}{}:
	default:
	}
}
