package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/wire"
)

const (
	// helloWithin is how long a streamer, or a page, may take to say who it is.
	helloWithin = 10 * time.Second
	// helloBytes bounds what is read of a streamer that has not said so.
	helloBytes = 4 << 10
	// pingEvery and aliveWithin find a streamer that hangs.
	pingEvery   = 5 * time.Second
	aliveWithin = 15 * time.Second
	// missedAfter is how long a streamer that left may take to dial again.
	missedAfter = 100 * time.Millisecond
	// earlyPause is the time until a desktop that came early is told again.
	earlyPause = 10 * time.Millisecond
	// queuedMessages is how many messages wait for a streamer before it counts as hung.
	queuedMessages = 4096
	// messagesPerSecond bounds what a streamer says: frames, cursors and answers.
	messagesPerSecond = 2000 * wire.MaxMonitors
)

// streamer is one connection of a session's streamer.
type streamer struct {
	conn net.Conn
	out  chan wire.Message
	// pipes carry clipboard and files, the latter by HTTP.
	pipes *wire.Pipes
	files *http.Transport
}

// send queues m without waiting. A streamer that takes nothing any more is dropped: it dials again.
func (st *streamer) send(m wire.Message) {
	select {
	case st.out <- m:
	default:
		st.close()
	}
}

func (st *streamer) close() { _ = st.conn.Close() }

// ServeStreamers lets streamers in from ln until ctx ends, then closes ln and all of them.
func (g *Gateway) ServeStreamers(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	var streamers sync.WaitGroup
	defer streamers.Wait()
	for {
		conn, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept streamers: %w", err)
		case err != nil:
			// Out of file descriptors, most likely: those already open go on.
			g.cfg.Log.ErrorContext(ctx, "cannot accept a streamer", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		streamers.Go(func() {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			defer conn.Close()
			sessionKey, err := g.serveStreamer(ctx, conn)
			if err != nil && ctx.Err() == nil {
				g.logOf(sessionKey).WarnContext(ctx, "streamer dropped", "err", err)
			}
			if sessionKey != "" {
				g.missStreamer(ctx, sessionKey)
			}
		})
	}
}

// serveStreamer serves one connection until it ends, and returns the session it
// was of; "" when it did not prove that.
func (g *Gateway) serveStreamer(ctx context.Context, conn net.Conn) (sessionKey string, err error) {
	if err := conn.SetDeadline(time.Now().Add(helloWithin)); err != nil {
		return "", err
	}
	limit := &io.LimitedReader{R: conn, N: helloBytes}
	c := wire.NewConn(struct {
		io.Reader
		io.Writer
	}{limit, conn})
	first, err := c.ReadMessage()
	if err != nil {
		return "", fmt.Errorf("read hello: %w", err)
	}
	hello, ok := first.(wire.Hello)
	if !ok {
		return "", fmt.Errorf("message of type 0x%02x where hello belongs", uint8(first.Type()))
	}
	if !same(hello.Credential, Credential(g.cfg.Secret, hello.Session)) {
		return "", errors.New("hello without the session's credential")
	}
	version, err := hello.Version()
	if err != nil {
		return "", fmt.Errorf("streamer of session %s: %w", hello.Session, err)
	}
	if err := c.WriteMessage(wire.Welcome{Version: version}); err != nil {
		return "", fmt.Errorf("welcome streamer of session %s: %w", hello.Session, err)
	}
	limit.N = math.MaxInt64

	st := &streamer{conn: conn, out: make(chan wire.Message, queuedMessages)}
	st.pipes = wire.NewPipes(st.send)
	defer st.pipes.Close()
	st.files = filesRoad(st.pipes)
	defer st.files.CloseIdleConnections()
	s := g.enter(hello.Session, func(s *session) { s.attach(st) })
	defer g.leave(hello.Session, s, func(s *session) { s.detach(st) })
	log := g.logOf(hello.Session)
	log.DebugContext(ctx, "streamer connected")

	ctx, cancel := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer cancel()
	helpers.Go(func() { st.talk(ctx, c) })
	ready := func() { helpers.Go(func() { g.desktopReady(ctx, log, hello.Session) }) }
	if err := st.listen(c, s, ready); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		return hello.Session, fmt.Errorf("read from streamer of session %s: %w", hello.Session, err)
	}
	log.DebugContext(ctx, "streamer left")
	return hello.Session, nil
}

// missStreamer tells the domain when a streamer that left does not come back.
func (g *Gateway) missStreamer(ctx context.Context, sessionKey string) {
	select {
	case <-ctx.Done():
		return // it is we who leave
	case <-time.After(missedAfter):
	}
	g.mu.Lock()
	s := g.sessions[sessionKey]
	g.mu.Unlock()
	if s != nil && s.streaming() {
		return
	}
	if err := g.cfg.Studio.DesktopLost(ctx, sessionKey); err != nil && ctx.Err() == nil {
		g.logOf(sessionKey).ErrorContext(ctx, "cannot tell that a desktop is lost", "err", err)
	}
}

// listen takes the streamer's messages until the connection ends.
func (st *streamer) listen(c *wire.Conn, s *session, ready func()) error {
	allowed := newBudget(messagesPerSecond, time.Now())
	for {
		if err := st.conn.SetReadDeadline(time.Now().Add(aliveWithin)); err != nil {
			return err
		}
		m, err := c.ReadMessage()
		if err != nil {
			return err
		}
		if !allowed.take(time.Now()) {
			return fmt.Errorf("more than %d messages a second", messagesPerSecond)
		}
		switch m := m.(type) {
		case wire.Ready:
			s.screens[0].desktop(st, m)
			if ready != nil {
				ready()
				ready = nil
			}
		case wire.Sound:
			s.screens[0].sound(st, m)
		case wire.Cursor, wire.Scaled:
			s.draws(st, m)
		case wire.Monitors:
			s.plugged(st, m)
		case wire.Allows:
			s.offers(st, m)
		case wire.Copied:
			s.copies(st, m)
		case wire.PipeData, wire.PipeRoom, wire.PipeEnd:
			err = st.pipes.Handle(m)
		case wire.Pong:
		case wire.Monitor:
			err = s.screens[m.Number-1].take(st, m.Message)
		default:
			err = s.screens[0].take(st, m)
		}
		if err != nil {
			return err
		}
	}
}

// take takes what is seen of a monitor.
func (s *screen) take(st *streamer, m wire.Message) error {
	switch m := m.(type) {
	case wire.Video:
		s.video(st, m)
	case wire.Change:
		s.change(st, m)
	case wire.Tile, wire.Still:
		s.tile(st, m)
	case wire.Screen:
		s.show(st, m)
	case wire.Stats:
		s.pass(st, m)
	default:
		return fmt.Errorf("message of type 0x%02x is not for streamers to send", uint8(m.Type()))
	}
	return nil
}

// talk writes what is queued, and a Ping now and then, until ctx ends.
func (st *streamer) talk(ctx context.Context, c *wire.Conn) {
	defer st.close()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		var m wire.Message
		select {
		case <-ctx.Done():
			return
		case m = <-st.out:
		case <-ping.C:
			m = wire.Ping{}
		}
		if st.conn.SetWriteDeadline(time.Now().Add(aliveWithin)) != nil || c.WriteMessage(m) != nil {
			return
		}
	}
}

// desktopReady tells the domain, until it has heard or the streamer has gone.
func (g *Gateway) desktopReady(ctx context.Context, log *slog.Logger, sessionKey string) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := g.cfg.Studio.DesktopReady(ctx, sessionKey)
		switch {
		case err == nil || ctx.Err() != nil:
			return
		case errors.Is(err, studio.ErrEarly):
			wait = earlyPause
		default:
			log.WarnContext(ctx, "cannot record that the desktop is ready", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
