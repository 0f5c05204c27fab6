package gateway_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/logging"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/backlot/backlot/internal/wire"
)

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
	Stream string `json:"-"` // empty: the owner's
	Ticket string `json:"ticket,omitempty"`
	Resume string `json:"resume,omitempty"`
	Offer  string `json:"offer"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`

	only string // the transport of the candidates that it heeds; empty: all
}

// heeds is the answer without the candidates of other transports.
func (a ask) heeds(answer string) string {
	var b strings.Builder
	for line := range strings.Lines(answer) {
		if !strings.HasPrefix(line, "a=candidate:") || strings.Contains(line, " "+a.only) {
			b.WriteString(line)
		}
	}
	return b.String()
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
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
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
	address := s.public.JoinPath("stream", cmp.Or(asked.Stream, streamID), "connect").String()
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
				first <- pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: asked.heeds(r.Answer)})
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
