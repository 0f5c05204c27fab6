package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/backlot/backlot/internal/wire"
)

// queuedBytes is how much may wait for a page on its data channel before it
// counts as hung.
const queuedBytes = 1 << 20

// queuedMurmurs is how much sound, in bytes, may wait for a page: a fifth of a second.
const queuedMurmurs = 4 << 10

var (
	errHung   = errors.New("page takes no messages")
	errNoH264 = errors.New("page plays no H.264")
)

// newAPI sets WebRTC up: H.264, one port, and no help from other servers.
func newAPI(mux *udpMux, tcp ice.TCPMux) (*webrtc.API, error) {
	media := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{
		{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: "transport-cc"},
	}
	for profile := range profiles {
		if err := media.RegisterCodec(profile.codec(feedback), webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	for _, uri := range []string{playoutDelayURI, transportURI} {
		if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	err := media.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
			SDPFmtpLine: "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1",
		},
		PayloadType: 111,
	}, webrtc.RTPCodecTypeAudio)
	if err != nil {
		return nil, err
	}
	// Not ICE lite: to a lite server browsers say only with their second check, 50 ms
	// later, which way they take.
	settings := webrtc.SettingEngine{LoggerFactory: quiet{}}
	settings.SetICEUDPMux(mux)
	if tcp != nil {
		settings.SetICETCPMux(tcp)
		settings.SetNetworkTypes([]webrtc.NetworkType{
			webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
		})
		// One address per family stands for all, see mediaConn.
		settings.SetIncludeLoopbackCandidate(true)
		settings.SetIPFilter(net.IP.IsLoopback)
	}
	settings.SetICEMulticastDNSMode(0)
	settings.SetICETimeouts(5*time.Second, 10*time.Second, 2*time.Second)
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(&interceptor.Registry{}), webrtc.WithSettingEngine(settings)), nil
}

// peer is the WebRTC side of one viewer.
type peer struct {
	pc     *webrtc.PeerConnection
	track  *track
	sender *webrtc.RTPSender
	sound  *track
	input  *webrtc.DataChannel
	// murmurs carries sound to pages that play it themselves.
	murmurs *webrtc.DataChannel
	road    *road
}

func newPeer(api *webrtc.API) (*peer, error) {
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, fmt.Errorf("make peer connection: %w", err)
	}
	p := &peer{pc: pc, track: &track{mime: webrtc.MimeTypeH264}, sound: &track{mime: webrtc.MimeTypeOpus}, road: newRoad(time.Now())}
	p.road.send, p.road.murmur, p.road.write, p.road.hear, p.road.next = p.message, p.murmur, p.track.write, p.sound.write, p.track.next
	if p.sender, err = pc.AddTrack(p.track); err != nil {
		_ = pc.Close()
		return nil, fmt.Errorf("add video: %w", err)
	}
	if _, err = pc.AddTrack(p.sound); err != nil {
		_ = pc.Close()
		return nil, fmt.Errorf("add sound: %w", err)
	}
	// Agreed beforehand (RFC 8832 section 1), it costs no round trip.
	agreed, id := true, uint16(0)
	if p.input, err = pc.CreateDataChannel("input", &webrtc.DataChannelInit{Negotiated: &agreed, ID: &id}); err != nil {
		_ = pc.Close()
		return nil, fmt.Errorf("add data channel: %w", err)
	}
	// What is late is of no use, and must not hold up what follows.
	unordered, again, second := false, uint16(0), uint16(1)
	if p.murmurs, err = pc.CreateDataChannel("sound", &webrtc.DataChannelInit{
		Negotiated: &agreed, ID: &second, Ordered: &unordered, MaxRetransmits: &again,
	}); err != nil {
		_ = pc.Close()
		return nil, fmt.Errorf("add data channel: %w", err)
	}
	return p, nil
}

// serve ties the connection's events to a viewer of a session.
func (p *peer) serve(v *viewer, s *screen) {
	p.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			// Pion says so a moment before it can encrypt, and drops what is sent
			// until then. It holds a lock meanwhile, which State waits for.
			_ = p.sender.Transport().State()
			s.watches(v, p.road)
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			s.lost(v, p.road)
		case webrtc.PeerConnectionStateUnknown, webrtc.PeerConnectionStateNew,
			webrtc.PeerConnectionStateConnecting, webrtc.PeerConnectionStateDisconnected:
		}
	})
	p.microphone(v, s)
	allowed := newBudget(inputPerSecond, time.Now())
	p.input.OnOpen(func() { s.talks(v, p.road) })
	p.input.OnMessage(func(m webrtc.DataChannelMessage) {
		if !allowed.take(time.Now()) {
			v.end(byeTooMuch)
			return
		}
		// What is not input is dropped: a page of ours sends none.
		if in, err := wire.DecodeViewer(m.Data); err == nil {
			s.hears(v, p.road, in)
		}
	})
}

// answer takes the page's offer and returns the answer to it. Addresses in the
// offer are not looked at: the page finds us, we do not look for it.
func (p *peer) answer(ctx context.Context, offer string, reachable []candidate) (string, error) {
	// Pion would answer that there is no video, and the page wait for it.
	if !strings.Contains(offer, " H264/90000") {
		return "", errNoH264
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: advertise(offer, nil)}); err != nil {
		return "", fmt.Errorf("take offer: %w", err)
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("make answer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("take answer: %w", err)
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-gathered:
	}
	return advertise(p.pc.LocalDescription().SDP, reachable), nil
}

// message sends b to the page without waiting.
func (p *peer) message(b []byte) error {
	if p.input.BufferedAmount() > queuedBytes {
		return errHung
	}
	return p.input.Send(b)
}

// murmur sends sound as a message, if there is room for it.
func (p *peer) murmur(b []byte) error {
	if p.murmurs.ReadyState() != webrtc.DataChannelStateOpen || p.murmurs.BufferedAmount() > queuedMurmurs {
		return nil
	}
	return p.murmurs.Send(b)
}

// reports reads the receiver's reports until the connection is closed.
func (p *peer) reports(each func(rtcp.Packet)) {
	for {
		packets, _, err := p.sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			each(packet)
		}
	}
}

// report takes what the receiver says of what it gets.
func (p *peer) report(s *screen, packet rtcp.Packet) {
	switch packet := packet.(type) {
	case *rtcp.TransportLayerCC:
		s.delivered(p.road, p.track.arrivals(packet))
	case *rtcp.TransportLayerNack:
		var lost []uint16
		for _, pair := range packet.Nacks {
			lost = append(lost, pair.PacketList()...)
		}
		if s.repeats(p.road, len(lost)) {
			p.track.again(lost)
		}
	default:
		s.report(p.road, packet)
	}
}

// quiet keeps Pion's own log out of ours: it would print addresses and SDP.
type quiet struct{}

// NewLogger returns a logger that prints nothing.
func (quiet) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, nil)
}
