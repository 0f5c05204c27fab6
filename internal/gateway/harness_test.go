package gateway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/wire"
)

const (
	streamID                   = "stream-1" // the owner's
	guestStream, visitorStream = "stream-2", "stream-3"
	ticket                     = "a-ticket"
	sessionKey                 = "session-key"
	patience                   = 20 * time.Second
)

// studio is a domain with one session and one stream.
type studio struct {
	mu      sync.Mutex
	expired bool
	stopped bool
	err     error
	// stopAfter counts the questions until the session stops; 0: it does not.
	stopAfter int
	ready     chan string // every DesktopReady
	lost      chan string // every DesktopLost
	failed    int         // those that got an error
	ends      time.Time
	sharing   gateway.Sharing
}

func (s *studio) link() string {
	if s.sharing == gateway.NotShared {
		return ""
	}
	return "https://studio.example/share/a-link"
}

var errNotYours = errors.New("that is the owner's to do")

func (s *studio) StopSession(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == guestStream {
		return errNotYours
	}
	s.stopped = true
	return s.err
}

func (s *studio) ShareSession(_ context.Context, id string, sharing gateway.Sharing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == guestStream {
		return errNotYours
	}
	s.sharing = sharing
	return s.err
}

func (s *studio) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// grantOf is what a stream opens: that of the owner, a guest's, an administrator's.
func (s *studio) grantOf(id string, ok bool) (gateway.Grant, error) {
	g, err := s.grant(ok)
	switch {
	case err != nil:
	case id == guestStream && s.sharing == gateway.NotShared:
		return gateway.Grant{}, gateway.ErrNoSuchTicket
	case id == guestStream:
		g.UserID, g.Name, g.Guest = "user-2", "Zoé", true
		g.Control, g.Share, g.Stop, g.Link = s.sharing == gateway.SharedToControl, false, false, ""
	case id == visitorStream:
		g.UserID, g.Name, g.Visitor = "user-3", "Root", true
	}
	return g, err
}

func (s *studio) grant(ok bool) (gateway.Grant, error) {
	switch {
	case s.err != nil:
		return gateway.Grant{}, s.err
	case !ok || s.stopped:
		return gateway.Grant{}, gateway.ErrNoSuchTicket
	}
	if s.stopAfter > 0 {
		s.stopAfter--
		s.stopped = s.stopAfter == 0
	}
	return gateway.Grant{
		SessionKey: sessionKey, SessionID: "session-1", UserID: "user-1", Name: "Ada", Title: "Compositing",
		Control: true, Share: true, Stop: true, Keeps: true, Ends: s.ends, Sharing: s.sharing, Link: s.link(),
	}, nil
}

func (s *studio) RedeemTicket(_ context.Context, id, shown string) (gateway.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grantOf(id, known(id) && shown == ticket && !s.expired)
}

func (s *studio) ResumeStream(_ context.Context, id string) (gateway.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grantOf(id, known(id))
}

func known(id string) bool { return id == streamID || id == guestStream || id == visitorStream }

func (s *studio) DesktopReady(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		s.failed++
		return s.err
	}
	select {
	case s.ready <- key:
	default:
	}
	return nil
}

func (s *studio) DesktopLost(_ context.Context, key string) error {
	select {
	case s.lost <- key:
	default:
	}
	return nil
}

// server is a gateway on real sockets, which can be killed and started again on the same ones.
type server struct {
	t      testing.TB
	studio *studio
	public *url.URL
	udp    string
	socket string

	gateway *gateway.Gateway
	kill    func()
	logged  logged
}

// logged keeps what is logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// line is the first that has all these words; "" while there is none.
func (l *logged) line(words ...string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return line
		}
	}
	return ""
}

// newServer starts a gateway whose media port is open on host.
func newServer(t testing.TB, host string) *server {
	t.Helper()
	s := &server{
		t:      t,
		studio: &studio{ready: make(chan string, 16), lost: make(chan string, 16)},
		socket: filepath.Join(t.TempDir(), "gateway.sock"),
	}
	s.start("127.0.0.1:0", net.JoinHostPort(host, "0"))
	t.Cleanup(func() { s.kill() })
	return s
}

func (s *server) restart() {
	s.t.Helper()
	s.kill()
	s.start(s.public.Host, s.udp)
}

func (s *server) start(tcp, udp string) {
	t := s.t
	t.Helper()
	lc := net.ListenConfig{}
	var ln, streamers net.Listener
	var media net.PacketConn
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	ln, err = lc.Listen(t.Context(), "tcp", tcp)
	must(err)
	media, err = lc.ListenPacket(t.Context(), "udp4", udp)
	must(err)
	streamers, err = lc.Listen(t.Context(), "unix", s.socket)
	must(err)
	s.public = &url.URL{Scheme: "http", Host: ln.Addr().String()}
	s.udp = media.LocalAddr().String()
	ln, overTCP := gateway.Split(ln)
	s.gateway, err = gateway.New(gateway.Config{
		PublicURL: s.public,
		UDP:       media,
		TCP:       overTCP,
		Secret:    []byte("the secret of this installation"),
		Studio:    s.studio,
		Log:       slog.New(slog.NewTextHandler(io.MultiWriter(t.Output(), &s.logged), &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	must(err)

	ctx, cancel := context.WithCancel(context.Background())
	web := &http.Server{Handler: s.gateway.Handler(), ReadHeaderTimeout: time.Minute}
	var running sync.WaitGroup
	running.Go(func() { _ = web.Serve(ln) })
	running.Go(func() { _ = s.gateway.Run(ctx) })
	running.Go(func() { _ = s.gateway.ServeStreamers(ctx, streamers) })
	s.kill = sync.OnceFunc(func() {
		cancel()
		_ = web.Close()
		running.Wait()
	})
}

func (s *server) url() string { return gateway.StreamURL(s.public, streamID, ticket, sessionKey) }

// dial connects a streamer by hand, past its Welcome.
func (s *server) dial() (net.Conn, *wire.Conn) {
	s.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(s.t.Context(), "unix", s.socket)
	if err != nil {
		s.t.Fatal(err)
	}
	c := wire.NewConn(conn)
	if err := c.WriteMessage(hello(s.gateway.Credential(sessionKey))); err != nil {
		s.t.Fatal(err)
	}
	if m, err := c.ReadMessage(); err != nil || m != (wire.Welcome{Version: wire.HighestVersion}) {
		s.t.Fatalf("streamer got %v, %v, want welcome", m, err)
	}
	return conn, c
}

func hello(credential string) wire.Hello {
	return wire.Hello{Lowest: wire.LowestVersion, Highest: wire.HighestVersion, Session: sessionKey, Credential: credential}
}
