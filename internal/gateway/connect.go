package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/rtcp"

	"github.com/backlot/backlot/internal/wire"
)

// signalBytes bounds a page's signalling message: an offer has some 6000 bytes.
const signalBytes = 64 << 10

// ask is all that a page says.
type ask struct {
	Ticket string `json:"ticket"`
	Resume string `json:"resume"`
	Offer  string `json:"offer"`
	Width  int    `json:"width"` // of its window, in device pixels
	Height int    `json:"height"`
	// Monitor is which one it shows; 0: the first.
	Monitor int `json:"monitor"`
}

// reply is the answer to it. Later messages carry only Desktop.
type reply struct {
	Answer  string `json:"answer,omitempty"`
	Resume  string `json:"resume,omitempty"`
	Title   string `json:"title,omitempty"`
	Desktop *bool  `json:"desktop,omitempty"` // whether there is one to show
}

// connect is the WebSocket that a page holds open for as long as it looks.
func (g *Gateway) connect(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: []string{g.cfg.PublicURL.Host}})
	if err != nil {
		return // Accept has answered.
	}
	defer c.CloseNow() //nolint:errcheck // it may be closed already
	c.SetReadLimit(signalBytes)

	// It ends after the last word: a read that is cut short takes the connection with it.
	ctx, cut := context.WithCancel(r.Context())
	defer cut()
	go func() {
		select {
		case <-ctx.Done():
		case <-g.late:
			cut()
		}
	}()
	streamID := r.PathValue("id")
	log := g.cfg.Log.With("stream_id", streamID)
	arrived, _ := ctx.Value(http.LocalAddrContextKey).(net.Addr)
	why := byeNotNow
	switch err := g.view(ctx, c, streamID, arrived, log); {
	case errors.As(err, &why):
		log.DebugContext(ctx, "viewer parted", "reason", why.reason)
	case ctx.Err() != nil:
		why = byeRestart
	default:
		log.ErrorContext(ctx, "cannot serve a viewer", "err", err)
	}
	_ = c.Close(why.code, why.reason)
}

// view serves one viewer to its end, which is the error: a bye, or what went wrong.
func (g *Gateway) view(ctx context.Context, c *websocket.Conn, streamID string, arrived net.Addr, log *slog.Logger) error {
	asked, err := readAsk(ctx, c)
	if err != nil {
		return err
	}
	monitor := max(asked.Monitor, 1) - 1
	if monitor >= wire.MaxMonitors {
		return byeBad
	}
	grant, err := g.admit(ctx, streamID, asked)
	if err != nil {
		return err
	}
	if !g.begin() {
		return byeRestart
	}
	defer g.running.Done()
	socket := newSocket(c, time.Now())
	v := newViewer(screenSize(asked.Width, asked.Height), socket.road)
	v.grant, v.control = grant, grant.Control
	var helpers sync.WaitGroup
	defer func() {
		v.end(byeLeft)
		helpers.Wait()
	}()
	joined := false
	s := g.enter(grant.SessionKey, func(s *session) {
		s.id, joined = grant.SessionID, s.screens[monitor].join(v)
	}).screens[monitor]
	defer g.leave(grant.SessionKey, s.session, func(*session) { s.part(v) })
	if !joined {
		return byeTooMuch
	}
	// Asked again now that Disconnect finds the viewer: the session may have been
	// stopped in between.
	if grant, err = g.admit(ctx, streamID, asked); err != nil {
		return err
	}
	s.admitted(v, grant)
	select {
	case <-v.done: // there is nothing for it to see
		return v.why
	default:
	}
	left := make(chan struct{})
	helpers.Go(func() { socket.talk(ctx, v) })
	helpers.Go(func() { socket.play(v, s) })
	helpers.Go(func() { socket.pump(ctx, v, s) })
	negotiate := func(ctx context.Context, offer string) (string, error) {
		return g.negotiate(ctx, v, s, offer, arrived, &helpers)
	}
	helpers.Go(func() { s.feed(v, func(b []byte) error { return writeBytes(ctx, c, b) }) })

	first := reply{Resume: g.resumeToken(streamID), Title: grant.Title}
	if asked.Offer == "" {
		s.travel(v, socket.road)
	} else if first.Answer, err = negotiate(ctx, asked.Offer); err != nil {
		return err
	} else {
		s.travel(v, v.peer.Load())
	}
	err = write(ctx, c, first)
	if err != nil {
		return byeLeft
	}
	log = log.With("session_id", grant.SessionID, "user_id", grant.UserID)
	log.InfoContext(ctx, "viewer connected")
	began := time.Now()
	go func() {
		socket.listen(ctx, v, s)
		close(left)
	}()
	helpers.Go(func() { socket.measure(ctx, s) })
	err = g.attend(ctx, socket, v, left, negotiate, func(ctx context.Context) { g.renew(ctx, v, s, streamID) }, func(ctx context.Context, ask wire.Ask) {
		g.fulfil(ctx, log, v, s, streamID, ask)
	})
	log.InfoContext(ctx, "viewer disconnected", "duration", time.Since(began), "reason", err)
	return err
}

// attend waits for the end of v, and tells its page what it should know until then.
func (g *Gateway) attend(ctx context.Context, t *socket, v *viewer, left <-chan struct{}, negotiate func(context.Context, string) (string, error), renew func(context.Context), fulfil func(context.Context, wire.Ask)) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		var err error
		select {
		case <-left:
			return byeLeft
		case <-g.stop:
			return byeRestart
		case <-v.done:
			return v.why
		case there := <-v.shown:
			err = write(ctx, t.conn, reply{Desktop: &there})
		case offer := <-t.offers:
			var answer string
			if answer, err = negotiate(ctx, offer); err != nil {
				return err
			}
			err = write(ctx, t.conn, reply{Answer: answer})
		case ask := <-v.asks:
			fulfil(ctx, ask)
		case <-v.stale:
			renew(ctx)
		case <-ping.C:
			renew(ctx)
			err = within(ctx, t.conn.Ping)
		}
		if err != nil {
			return byeLeft
		}
	}
}

// negotiate answers an offer of WebRTC; the connection before it, if any, is closed.
func (g *Gateway) negotiate(ctx context.Context, v *viewer, s *screen, offer string, arrived net.Addr, helpers *sync.WaitGroup) (string, error) {
	p, err := newPeer(g.webrtc)
	if err != nil {
		return "", err
	}
	p.serve(v, s)
	helpers.Go(func() { p.road.pump(v, s) })
	helpers.Go(func() { p.road.play(v, s) })
	helpers.Go(func() { p.reports(func(packet rtcp.Packet) { p.report(s, packet) }) })
	helpers.Go(func() {
		select {
		case <-v.done:
		case <-p.road.closed:
		}
		_ = p.pc.GracefulClose()
	})
	if before := v.peer.Swap(p.road); before != nil {
		s.leaves(v, before, p.road)
	}
	answer, err := p.answer(ctx, offer, g.addresses.candidates(ctx, arrived))
	if err != nil {
		// The page's doing. The error would print what it sent.
		return "", byeBad
	}
	agreed := payloadTypes(p.sender.GetParameters().Codecs)
	if agreed[profileBaseline] == 0 {
		return "", byeBad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.road.agreed = agreed
	return answer, nil
}

// readOffer reads a later message of a page.
func readOffer(b []byte) (string, error) {
	var asked ask
	err := json.Unmarshal(b, &asked)
	return asked.Offer, err
}

// admit finds out what the page may see.
func (g *Gateway) admit(ctx context.Context, streamID string, asked ask) (Grant, error) {
	grant, err := Grant{}, ErrNoSuchTicket
	if asked.Resume != "" && same(asked.Resume, g.resumeToken(streamID)) {
		grant, err = g.cfg.Studio.ResumeStream(ctx, streamID)
	}
	if errors.Is(err, ErrNoSuchTicket) && wellFormed(streamID, asked.Ticket) {
		grant, err = g.cfg.Studio.RedeemTicket(ctx, streamID, asked.Ticket)
	}
	if errors.Is(err, ErrNoSuchTicket) {
		return Grant{}, byeRefused
	}
	if err != nil {
		return Grant{}, fmt.Errorf("check ticket: %w", err)
	}
	return grant, nil
}

func readAsk(ctx context.Context, c *websocket.Conn) (asked ask, err error) {
	err = within(ctx, func(ctx context.Context) error {
		_, b, err := c.Read(ctx)
		if err != nil {
			return byeLeft
		}
		if json.Unmarshal(b, &asked) != nil {
			return byeBad
		}
		return nil
	})
	return asked, err
}

func write(ctx context.Context, c *websocket.Conn, r reply) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return within(ctx, func(ctx context.Context) error { return c.Write(ctx, websocket.MessageText, b) })
}

// writeBytes sends what is not urgent. It waits for a page that is slow, and gives up one
// that takes nothing for feedWithin.
func writeBytes(ctx context.Context, c *websocket.Conn, b []byte) error {
	ctx, cancel := context.WithTimeout(ctx, feedWithin)
	defer cancel()
	return c.Write(ctx, websocket.MessageBinary, b)
}

// within gives a page the time that helloWithin allows.
func within(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, helloWithin)
	defer cancel()
	return do(ctx)
}

// screenSize is the screen that fits a window, within what a screen can be; zero if
// the page does not say.
func screenSize(width, height int) wire.Resize {
	if width <= 0 || height <= 0 {
		return wire.Resize{}
	}
	return wire.Resize{
		Width:  uint16(min(max(width, wire.MinWidth), wire.MaxWidth) &^ 1),
		Height: uint16(min(max(height, wire.MinHeight), wire.MaxHeight) &^ 1),
	}
}
