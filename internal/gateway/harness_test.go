package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/logging"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/wire"
)

const (
	streamID   = "stream-1"
	ticket     = "a-ticket"
	sessionKey = "session-key"
	patience   = 20 * time.Second
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
	failed    int         // those that got an error
}

func (s *studio) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
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
	return gateway.Grant{SessionKey: sessionKey, SessionID: "session-1", Title: "Compositing"}, nil
}

func (s *studio) RedeemTicket(_ context.Context, id, shown string) (gateway.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant(id == streamID && shown == ticket && !s.expired)
}

func (s *studio) ResumeStream(_ context.Context, id string) (gateway.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant(id == streamID)
}

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

// server is a gateway on real sockets, which can be killed and started again on the same ones.
type server struct {
	t      testing.TB
	studio *studio
	public *url.URL
	udp    string
	socket string

	gateway *gateway.Gateway
	kill    func()
}

// newServer starts a gateway whose media port is open on host.
func newServer(t testing.TB, host string) *server {
	t.Helper()
	s := &server{
		t:      t,
		studio: &studio{ready: make(chan string, 16)},
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
	s.gateway, err = gateway.New(gateway.Config{
		PublicURL: s.public,
		UDP:       media,
		Secret:    []byte("the secret of this installation"),
		Studio:    s.studio,
		Log:       slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
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

// clip is one of testdata, cut into access units.
func clip(t testing.TB, name string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".264"))
	if err != nil {
		t.Fatal(err)
	}
	var frames [][]byte
	shown := true // the frame so far has a slice: what is not another one begins the next
	for _, unit := range bytes.Split(b, []byte{0, 0, 1})[1:] {
		unit = bytes.TrimRight(unit, "\x00")
		kind := unit[0] & 0x1f
		slice := kind == 1 || kind == 5
		if shown && (!slice || unit[1]&0x80 != 0) { // the slice begins with macroblock 0
			frames, shown = append(frames, nil), false
		}
		last := &frames[len(frames)-1]
		*last = append(append(*last, 0, 0, 0, 1), unit...)
		shown = shown || slice
	}
	return frames
}

// desktop is a streamer that shows clips and remembers what it is told.
type desktop struct {
	heard chan wire.Message // all but Ping
	clips map[wire.Resize][][]byte
	stop  func()
}

var testCursor = wire.Cursor{
	Serial: 1, HotX: 1, HotY: 2, Width: 4, Height: 4, Pixels: bytes.Repeat([]byte{255, 0, 0, 255}, 16),
}

// newDesktop dials the server as a streamer does, again and again, until the test ends.
func (s *server) newDesktop() *desktop {
	d := &desktop{
		heard: make(chan wire.Message, 1<<16),
		clips: map[wire.Resize][][]byte{{Width: 640, Height: 360}: clip(s.t, "640x360"), {Width: 1280, Height: 800}: clip(s.t, "1280x800")},
	}
	credential := s.gateway.Credential(sessionKey)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			if conn, err := (&net.Dialer{}).DialContext(ctx, "unix", s.socket); err == nil {
				d.serve(ctx, conn, credential)
				_ = conn.Close()
			}
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	d.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	s.t.Cleanup(d.stop)
	return d
}

func (d *desktop) serve(ctx context.Context, conn net.Conn, credential string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	c := wire.NewConn(conn)
	if c.WriteMessage(hello(credential)) != nil {
		return
	}
	if _, err := c.ReadMessage(); err != nil {
		return
	}
	size := wire.Resize{Width: 640, Height: 360}
	_ = c.WriteMessage(wire.Ready(size))
	_ = c.WriteMessage(testCursor)
	told := make(chan wire.Message)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer cancel()
	reader.Go(func() {
		defer cancel()
		for {
			m, err := c.ReadMessage()
			if err != nil {
				return
			}
			if m == (wire.Ping{}) {
				_ = c.WriteMessage(wire.Pong{})
				continue
			}
			select {
			case d.heard <- m:
			default:
			}
			select {
			case told <- m:
			case <-ctx.Done():
				return
			}
		}
	})
	began := time.Now()
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	watched, next := false, 0
	show := func() {
		frames := d.clips[size]
		_ = c.WriteMessage(wire.Video{
			Key: next == 0, CapturedMicros: uint64(time.Since(began).Microseconds()),
			Width: size.Width, Height: size.Height, Data: frames[next],
		})
		next = (next + 1) % len(frames)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if watched {
				show()
			}
		case m := <-told:
			switch m := m.(type) {
			case wire.Watch:
				watched, next = m.On, 0
			case wire.KeyFrame:
				next = 0
				show()
			case wire.Resize:
				if d.clips[m] != nil && m != size {
					size, next = m, 0
					_ = c.WriteMessage(wire.Screen(size))
				}
			}
		}
	}
}

// expect waits for a message that the streamer is told.
func (d *desktop) expect(t testing.TB, what string, is func(wire.Message) bool) {
	t.Helper()
	late := time.After(patience)
	var seen []wire.Message
	for {
		select {
		case m := <-d.heard:
			if is(m) {
				return
			}
			seen = append(seen, m)
		case <-late:
			t.Fatalf("streamer was not told %s, only %v", what, seen)
		}
	}
}

func (d *desktop) expectMessage(t testing.TB, want wire.Message) {
	t.Helper()
	d.expect(t, "", func(m wire.Message) bool { return m == want })
}

// page is a viewer page in Go.
type page struct {
	socket  *websocket.Conn
	pc      *webrtc.PeerConnection
	input   *webrtc.DataChannel
	opened  chan struct{}
	packets chan *rtp.Packet
	heard   chan []byte // on the data channel
	replies chan reply
	ended   chan websocket.StatusCode
	close   func()
}

type reply struct {
	Answer, Resume, Title string
	Desktop               *bool
}

type ask struct {
	Ticket string `json:"ticket,omitempty"`
	Resume string `json:"resume,omitempty"`
	Offer  string `json:"offer"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
}

var errRefused = errors.New("refused")

// newPage opens the stream and waits until input gets through.
func (s *server) newPage(asked ask) *page {
	s.t.Helper()
	p, err := s.connect(asked)
	if err != nil {
		s.t.Fatal(err)
	}
	p.await(s.t)
	return p
}

func (p *page) await(t testing.TB) {
	t.Helper()
	select {
	case <-p.opened:
	case code := <-p.ended:
		t.Fatalf("closed with %d before anything got through", code)
	case <-time.After(patience):
		t.Fatal("nothing gets through")
	}
}

// connect opens the stream; the error says that the gateway would not.
func (s *server) connect(asked ask) (*page, error) {
	s.t.Helper()
	settings := webrtc.SettingEngine{LoggerFactory: logging.NewDefaultLoggerFactory()}
	settings.SetIncludeLoopbackCandidate(true)
	settings.DisableSRTPReplayProtection(true) // or a packet sent again would not be seen
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		s.t.Fatal(err)
	}
	for _, uri := range []string{"http://www.webrtc.org/experiments/rtp-hdrext/playout-delay", "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"} {
		if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			s.t.Fatal(err)
		}
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		s.t.Fatal(err)
	}
	address := s.public.JoinPath("stream", streamID, "connect").String()
	socket, _, err := websocket.Dial(s.t.Context(), address, nil) //nolint:bodyclose // Dial says it needs no closing
	if err != nil {
		s.t.Fatal(err)
	}
	p := &page{
		socket: socket, pc: pc,
		opened:  make(chan struct{}),
		packets: make(chan *rtp.Packet, 1<<16),
		heard:   make(chan []byte, 256),
		replies: make(chan reply, 256),
		ended:   make(chan websocket.StatusCode, 1),
	}
	var running sync.WaitGroup
	p.close = sync.OnceFunc(func() {
		_ = socket.CloseNow()
		_ = pc.GracefulClose()
		running.Wait()
	})
	s.t.Cleanup(p.close)
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		s.t.Fatal(err)
	}
	agreed, id := true, uint16(0)
	if p.input, err = pc.CreateDataChannel("input", &webrtc.DataChannelInit{Negotiated: &agreed, ID: &id}); err != nil {
		s.t.Fatal(err)
	}
	p.input.OnOpen(func() { close(p.opened) })
	p.input.OnMessage(func(m webrtc.DataChannelMessage) { p.heard <- m.Data })
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			select {
			case p.packets <- packet:
			default:
			}
		}
	})
	if asked.Offer == "" {
		offer, err := pc.CreateOffer(nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := pc.SetLocalDescription(offer); err != nil {
			s.t.Fatal(err)
		}
		asked.Offer = offer.SDP
	}
	b, err := json.Marshal(asked)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := socket.Write(s.t.Context(), websocket.MessageText, b); err != nil {
		s.t.Fatal(err)
	}
	first := make(chan error, 1)
	running.Go(func() {
		for {
			_, b, err := socket.Read(context.Background())
			if err != nil {
				select {
				case first <- err:
				default:
				}
				p.ended <- websocket.CloseStatus(err)
				return
			}
			var r reply
			if err := json.Unmarshal(b, &r); err != nil {
				s.t.Errorf("reply %q: %v", b, err)
			}
			if r.Answer != "" {
				first <- pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.Answer})
			}
			p.replies <- r
		}
	})
	if err := <-first; err != nil {
		return p, errors.Join(errRefused, err)
	}
	return p, nil
}

func (p *page) send(t testing.TB, m wire.Message) {
	t.Helper()
	if err := p.input.Send(wire.Append(nil, m)); err != nil {
		t.Fatal(err)
	}
}

// keyFrame waits for a whole key frame and returns its packets.
func (p *page) keyFrame(t testing.TB) []*rtp.Packet {
	t.Helper()
	var frame []*rtp.Packet
	late := time.After(patience)
	for {
		select {
		case packet := <-p.packets:
			if len(frame) > 0 && frame[0].Timestamp != packet.Timestamp {
				frame = nil
			}
			frame = append(frame, packet)
			if packet.Marker && frame[0].Payload[0]&0x1f == 7 {
				return frame
			}
		case <-late:
			t.Fatal("no key frame comes")
		}
	}
}

// expectEnd waits for the gateway to close the connection.
func (p *page) expectEnd(t testing.TB, want websocket.StatusCode) {
	t.Helper()
	select {
	case code := <-p.ended:
		if code != want {
			t.Errorf("closed with %d, want %d", code, want)
		}
	case <-time.After(patience):
		t.Errorf("not closed, want %d", want)
	}
}
