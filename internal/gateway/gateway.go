package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	streampage "github.com/backlot/backlot/internal/gateway/viewer"
)

// ErrNoSuchTicket is what Studio answers when a stream does not open: the ticket
// is unknown or expired, or the session is not READY. Which of these is not said.
var ErrNoSuchTicket = errors.New("no such ticket")

// Studio is what the gateway asks of the domain.
type Studio interface {
	// RedeemTicket returns what a ticket opens, as often as wanted. The error Is
	// ErrNoSuchTicket when the ticket opens nothing.
	RedeemTicket(ctx context.Context, streamID, ticket string) (Grant, error)
	// ResumeStream returns what a stream opens that was opened before: its ticket
	// may have expired since. The error Is ErrNoSuchTicket when its session is not
	// READY, or was stopped in between.
	ResumeStream(ctx context.Context, streamID string) (Grant, error)
	// DesktopReady records that the session's desktop can be shown. It is called
	// each time that a streamer connects, and again after an error.
	DesktopReady(ctx context.Context, sessionKey string) error
	// DesktopLost records that a session's streamer left and does not come back: it
	// may have died, and the desktop with it.
	DesktopLost(ctx context.Context, sessionKey string) error
	// StopSession stops the session of a stream in the name of who opened it.
	StopSession(ctx context.Context, streamID string) error
	// ShareSession has the link of the session of a stream let others in, or nobody
	// any more, in the name of who opened the stream.
	ShareSession(ctx context.Context, streamID string, sharing Sharing) error
}

// Grant is what a viewer may see and do.
type Grant struct {
	// SessionKey names the session to streamers, SessionID to people.
	SessionKey, SessionID string
	// UserID is who opened the stream, Name what others in the session call them.
	UserID, Name string
	// Title names the desktop in the page's title; empty: "Desktop".
	Title string
	// Control lets keys, pointer and whatever else changes something through.
	Control bool
	// Guest came by a link of the owner's. A Visitor is neither guest nor owner.
	Guest, Visitor bool
	// Share and Stop tell that ShareSession and StopSession are there for this person.
	Share, Stop bool
	// Sharing and Link are for those who may share.
	Sharing Sharing
	Link    string
	// Ends is when the session ends by itself, zero: it does not. It Keeps what is in it, then.
	Ends  time.Time
	Keeps bool
}

// Config is what a Gateway needs.
type Config struct {
	// PublicURL is where viewers find the server. Its host is offered to them as
	// an address for media, beside the machine's own.
	PublicURL *url.URL
	// UDP carries the media of all sessions. The gateway closes it.
	UDP net.PacketConn
	// TCP, from Split, has connections with media, for viewers whom UDP does not reach.
	// The gateway closes it. Nil: none.
	TCP net.Listener
	// SkipInterface names network interfaces whose addresses no viewer can reach,
	// such as those of workstations. Nil skips none.
	SkipInterface func(name string) bool
	// Secret signs what streamers and returning pages show. It must outlive the process.
	Secret []byte
	Studio Studio
	Log    *slog.Logger
}

// Gateway pairs viewers with streamers.
type Gateway struct {
	cfg       Config
	webrtc    *webrtc.API
	mux       *udpMux
	tcp       ice.TCPMux // nil: none
	addresses *addresses
	page      *streampage.Page

	mu       sync.Mutex
	sessions map[string]*session
	stop     chan struct{} // closed by Run's end
	late     chan struct{} // closed partWithin later
	stopped  bool
	running  sync.WaitGroup // viewers
}

// New makes a Gateway. It shows nothing before Handler, ServeStreamers and Run are in use.
func New(cfg Config) (*Gateway, error) {
	if len(cfg.Secret) < 16 {
		return nil, errors.New("gateway secret is shorter than 16 bytes")
	}
	mux, err := newUDPMux(cfg.UDP)
	if err != nil {
		return nil, err
	}
	var tcp ice.TCPMux
	var tcpPort uint16
	if cfg.TCP != nil {
		tcp, tcpPort = newTCPMux(cfg.TCP)
	}
	api, err := newAPI(mux, tcp)
	if err != nil {
		return nil, fmt.Errorf("set up WebRTC: %w", err)
	}
	page, err := streampage.New()
	if err != nil {
		return nil, err
	}
	return &Gateway{
		cfg:       cfg,
		webrtc:    api,
		mux:       mux,
		tcp:       tcp,
		addresses: &addresses{public: cfg.PublicURL, udp: mux.local, tcp: tcpPort, skip: cfg.SkipInterface, lookUp: net.DefaultResolver.LookupNetIP},
		page:      page,
		sessions:  map[string]*session{},
		stop:      make(chan struct{}),
		late:      make(chan struct{}),
	}, nil
}

// partWithin is how long pages may take to be parted with: one that has gone without a
// word does not hold up the end.
const partWithin = time.Second

// Run lets viewers in until ctx ends, then parts with all of them (their pages
// try again by themselves) and closes the ports for media.
func (g *Gateway) Run(ctx context.Context) error {
	<-ctx.Done()
	g.mu.Lock()
	if !g.stopped {
		g.stopped = true
		close(g.stop)
	}
	g.mu.Unlock()
	defer time.AfterFunc(partWithin, func() { close(g.late) }).Stop()
	g.running.Wait()
	err := g.mux.Close()
	if g.tcp != nil {
		err = errors.Join(err, g.tcp.Close())
	}
	if err != nil {
		return fmt.Errorf("close media ports: %w", err)
	}
	return nil
}

// Sessions are the keys of those that somebody looks at, or that a streamer shows.
func (g *Gateway) Sessions() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Keys(g.sessions))
}

// StandBy parts with all streamers and viewers, who try again by themselves: to be
// called when they are another gateway's from now on.
func (g *Gateway) StandBy() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.sessions {
		s.disconnect(byeRestart)
	}
}

// Disconnect ends every stream of a session and drops its streamer: to be called
// when the session is READY no more.
func (g *Gateway) Disconnect(sessionKey string) {
	g.mu.Lock()
	s := g.sessions[sessionKey]
	g.mu.Unlock()
	if s != nil {
		s.disconnect(byeStopped)
	}
}

// begin says whether a viewer may start; if so, running.Done must follow.
func (g *Gateway) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return false
	}
	g.running.Add(1)
	return true
}

// enter applies join to the session, which exists from the first join on.
func (g *Gateway) enter(sessionKey string, join func(*session)) *session {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.sessions[sessionKey]
	if s == nil {
		s = newSession()
		g.sessions[sessionKey] = s
	}
	join(s)
	return s
}

// logOf names a session in every line, by its id as far as that is known; "" is none.
func (g *Gateway) logOf(sessionKey string) *slog.Logger {
	if sessionKey == "" {
		return g.cfg.Log
	}
	log := g.cfg.Log.With("session_key", sessionKey)
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.sessions[sessionKey]; s != nil && s.id != "" {
		log = log.With("session_id", s.id)
	}
	return log
}

// leave applies part to the session, and forgets it once nobody is left.
func (g *Gateway) leave(sessionKey string, s *session, part func(*session)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	part(s)
	if s.empty() {
		delete(g.sessions, sessionKey)
	}
}
