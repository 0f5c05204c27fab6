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

	ctx, streamID := r.Context(), r.PathValue("id")
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
	grant, err := g.admit(ctx, streamID, asked)
	if err != nil {
		return err
	}
	if !g.begin() {
		return byeRestart
	}
	defer g.running.Done()
	p, err := newPeer(g.webrtc)
	if err != nil {
		return err
	}
	v := newViewer(screenSize(asked.Width, asked.Height), time.Now())
	v.send, v.write = p.message, p.track.write
	v.grant, v.control = grant, grant.Control
	var helpers sync.WaitGroup
	defer func() {
		v.end(byeLeft)
		_ = p.pc.GracefulClose()
		helpers.Wait()
	}()
	joined := false
	s := g.enter(grant.SessionKey, func(s *session) { s.id, joined = grant.SessionID, s.join(v) })
	defer g.leave(grant.SessionKey, s, func(s *session) { s.part(v) })
	if !joined {
		return byeTooMuch
	}
	// Asked again now that Disconnect finds the viewer: the session may have been
	// stopped in between.
	if grant, err = g.admit(ctx, streamID, asked); err != nil {
		return err
	}
	s.admitted(v, grant)
	p.serve(v, s)
	helpers.Go(func() { v.pump(func(sent int) int { return s.sent(v, sent) }) })
	helpers.Go(func() { p.reports(func(packet rtcp.Packet) { s.report(v, packet) }) })

	answer, err := p.answer(ctx, asked.Offer, g.addresses.candidates(ctx, arrived))
	if err != nil {
		// The page's doing. The error would print what it sent.
		return byeBad
	}
	err = write(ctx, c, reply{Answer: answer, Resume: g.resumeToken(streamID), Title: grant.Title})
	if err != nil {
		return byeLeft
	}
	log = log.With("session_id", grant.SessionID, "user_id", grant.UserID)
	log.InfoContext(ctx, "viewer connected")
	began := time.Now()
	err = g.attend(ctx, c, v, func(ctx context.Context) { g.renew(ctx, v, s, streamID) }, func(ctx context.Context, ask wire.Ask) {
		g.fulfil(ctx, log, v, s, streamID, ask)
	})
	log.InfoContext(ctx, "viewer disconnected", "duration", time.Since(began), "reason", err)
	return err
}

// attend waits for the end of v, and tells its page what it should know until then.
func (g *Gateway) attend(ctx context.Context, c *websocket.Conn, v *viewer, renew func(context.Context), fulfil func(context.Context, wire.Ask)) error {
	// The page says no more; its leaving and its answers to pings are read there.
	left := c.CloseRead(ctx).Done()
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
			err = write(ctx, c, reply{Desktop: &there})
		case ask := <-v.asks:
			fulfil(ctx, ask)
		case <-v.stale:
			renew(ctx)
		case <-ping.C:
			renew(ctx)
			err = within(ctx, c.Ping)
		}
		if err != nil {
			return byeLeft
		}
	}
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
