package gateway_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/backlot/backlot/internal/wire"
)

func TestPictureAndInput(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	if key := <-s.studio.ready; key != sessionKey {
		t.Errorf("desktop of session %q is ready, want %q", key, sessionKey)
	}
	p := s.newPage(ask{Ticket: ticket, Width: 1281, Height: 801})
	d.expectMessage(t, wire.Resize{Width: 1280, Height: 800})
	d.expect(t, "a rate", func(m wire.Message) bool { return m.Type() == wire.TypeRate })
	d.expectMessage(t, wire.Watch{On: true})
	for _, packet := range p.keyFrame(t) {
		if packet.Header.MarshalSize()+len(packet.Payload) > 1200 {
			t.Errorf("packet of %d bytes", packet.Header.MarshalSize()+len(packet.Payload))
		}
		if got := extension(packet, 3); string(got) != "\x00\x00\x00" {
			t.Errorf("extensions of 3 bytes: %x, want playout delay 0", got)
		}
	}

	told := map[wire.Message]bool{}
	for len(told) < 2 {
		m, err := wire.Decode(<-p.heard)
		if err != nil {
			t.Fatal(err)
		}
		if cursor, ok := m.(wire.Cursor); ok {
			if !cmp.Equal(cursor, testCursor) {
				t.Errorf("page was told %v, want %v", cursor, testCursor)
			}
			m = wire.Pong{} // comparable, for a map
		}
		if m.Type() >= wire.TypeStanding || m.Type() == wire.TypeAllows {
			continue
		}
		if m != (wire.Screen{Width: 640, Height: 360}) { // before it was resized
			told[m] = true
		}
	}
	if want := map[wire.Message]bool{wire.Screen{Width: 1280, Height: 800}: true, wire.Pong{}: true}; !cmp.Equal(told, want) {
		t.Errorf("page was told %v, want %v", told, want)
	}

	for _, m := range []wire.Message{
		wire.Pointer{X: 10, Y: 20},
		wire.Button{Button: 1, Down: true},
		wire.Button{Button: 1},
		wire.Wheel{DY: -120},
		wire.Key{Code: 30, Keysym: 'a', Down: true},
		wire.Key{Code: 30, Keysym: 'a'},
		wire.Resize{Width: 640, Height: 360},
	} {
		p.send(t, m)
		d.expectMessage(t, m)
	}
}

func TestNothingStaysDown(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	p := s.newPage(ask{Ticket: ticket})
	shift, button := wire.Key{Code: 42, Keysym: 0xffe1}, wire.Button{Button: 1}

	p.send(t, wire.Key{Code: 42, Keysym: 0xffe1, Down: true})
	p.send(t, wire.ReleaseAll{})
	d.expectMessage(t, shift)

	p.send(t, wire.Key{Code: 42, Keysym: 0xffe1, Down: true})
	p.send(t, wire.Button{Button: 1, Down: true})
	d.expectMessage(t, wire.Button{Button: 1, Down: true})
	other := s.newPage(ask{Ticket: ticket})
	other.send(t, wire.ReleaseAll{}) // of what the other holds: nothing
	p.close()
	lifted := map[wire.Message]bool{}
	d.expect(t, "to lift both", func(m wire.Message) bool {
		lifted[m] = true
		return lifted[shift] && lifted[button]
	})
}

func TestTwoViewers(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	one := s.newPage(ask{Ticket: ticket, Width: 1000, Height: 600})
	one.keyFrame(t)
	two := s.newPage(ask{Ticket: ticket, Width: 800, Height: 500})
	two.keyFrame(t)
	d.expectMessage(t, wire.Resize{Width: 800, Height: 500})
	one.keyFrame(t)

	// Who does something leads; whoever does not may look as they like.
	one.send(t, wire.Key{Code: 30, Down: true})
	d.expectMessage(t, wire.Resize{Width: 1000, Height: 600})
	two.send(t, wire.Resize{Width: 320, Height: 200})
	one.close()
	d.expectMessage(t, wire.Resize{Width: 320, Height: 200})
	two.keyFrame(t)
	two.close()
	d.expectMessage(t, wire.Watch{On: false})
}

func TestKeyFramesAreRationed(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	p := s.newPage(ask{Ticket: ticket})
	first := p.keyFrame(t)
	for range 200 {
		if err := p.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: first[0].SSRC}}); err != nil {
			t.Fatal(err)
		}
	}
	d.expectMessage(t, wire.KeyFrame{})
	p.send(t, wire.Key{Code: 1, Down: true})
	asked := 1
	d.expect(t, "a key", func(m wire.Message) bool {
		if m.Type() == wire.TypeKeyFrame {
			asked++
		}
		return m.Type() == wire.TypeKey
	})
	if asked > 4 {
		t.Errorf("streamer was asked %d times for a key frame, want at most 4", asked)
	}
}

func TestLostPacketsComeAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	p := s.newPage(ask{Ticket: ticket})
	lost := p.keyFrame(t)[1]
	err := p.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{
		MediaSSRC: lost.SSRC, Nacks: []rtcp.NackPair{{PacketID: lost.SequenceNumber}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for late := time.After(patience); ; {
		select {
		case packet := <-p.packets:
			if packet.SequenceNumber == lost.SequenceNumber {
				return
			}
		case <-late:
			t.Fatal("the packet does not come again")
		}
	}
}

func TestRateFollowsLoss(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	p := s.newPage(ask{Ticket: ticket})
	ssrc := p.keyFrame(t)[0].SSRC
	report := &rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: ssrc, FractionLost: 128}}}
	var before uint32
	d.expect(t, "a rate", func(m wire.Message) bool {
		rate, ok := m.(wire.Rate)
		before = rate.BitsPerSecond
		return ok
	})
	if err := p.pc.WriteRTCP([]rtcp.Packet{report}); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "a lower rate", func(m wire.Message) bool {
		rate, ok := m.(wire.Rate)
		return ok && rate.BitsPerSecond < before
	})
}

func TestReadinessIsToldAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.studio.set(func() { s.studio.err = errors.New("the disk is full") })
	s.newDesktop()
	for tried := false; !tried; time.Sleep(time.Millisecond) {
		s.studio.set(func() {
			if tried = s.studio.failed > 0; tried {
				s.studio.err = nil
			}
		})
	}
	select {
	case <-s.studio.ready:
	case <-time.After(patience):
		t.Error("the domain does not hear that the desktop is ready")
	}
}

func TestStreamerComesBack(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	first := s.newDesktop()
	p := s.newPage(ask{Ticket: ticket, Width: 640, Height: 360})
	p.expectDesktop(t, true)
	last := p.keyFrame(t)[0].Timestamp
	first.stop()
	p.expectDesktop(t, false)
	drain(p.packets)

	second := s.newDesktop()
	p.expectDesktop(t, true)
	second.expectMessage(t, wire.Resize{Width: 640, Height: 360})
	if now := p.keyFrame(t)[0].Timestamp; int32(now-last) <= 0 {
		t.Errorf("time stamp %d after %d", now, last)
	}
}

func TestLostDesktopIsTold(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	// One that dials again at once is not missed, one that stays away is.
	s.newDesktop().stop()
	again := s.newDesktop()
	time.Sleep(600 * time.Millisecond)
	select {
	case key := <-s.studio.lost:
		t.Errorf("%s is told as lost while its streamer is there", key)
	default:
	}
	again.stop()
	select {
	case key := <-s.studio.lost:
		if key != sessionKey {
			t.Errorf("%s is told as lost, not %s", key, sessionKey)
		}
	case <-time.After(10 * time.Second):
		t.Error("a lost desktop is not told")
	}
}

func TestNewestStreamerWins(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	p := s.newPage(ask{Ticket: ticket})
	old, oldWire := s.dial()
	defer old.Close()
	if _, err := oldWire.ReadMessage(); err != nil { // it has its place when it is told what to do
		t.Fatal(err)
	}
	conn, c := s.dial()
	defer conn.Close()
	for {
		if _, err := oldWire.ReadMessage(); err != nil {
			break
		}
	}
	p.send(t, wire.Key{Code: 30, Down: true})
	for {
		m, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if m == (wire.Key{Code: 30, Down: true}) {
			return
		}
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	refused := func(name string, want websocket.StatusCode, asked ask) {
		t.Helper()
		p, err := s.connect(asked)
		if !errors.Is(err, errRefused) {
			t.Errorf("%s: let in", name)
			return
		}
		p.expectEnd(t, want)
		p.close()
	}
	refused("no ticket", 4403, ask{})
	refused("made-up ticket", 4403, ask{Ticket: "made-up"})
	refused("long ticket", 4403, ask{Ticket: strings.Repeat("x", 5000)})
	refused("made-up token", 4403, ask{Resume: "made-up"})
	for _, offer := range []string{"x", "v=0", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 1\r\n"} {
		refused("no offer", 4400, ask{Ticket: ticket, Offer: offer})
	}
	mute := s.newPage(ask{Ticket: ticket})
	refused("no H.264", 4400, ask{Ticket: ticket, Offer: strings.ReplaceAll(mute.pc.LocalDescription().SDP, "H264", "H263")})
	s.studio.set(func() { s.studio.err = errors.New("the disk is full") })
	refused("error", 1013, ask{Ticket: ticket})
	s.studio.set(func() { s.studio.err = nil })

	p := s.newPage(ask{Ticket: ticket})
	token := (<-p.replies).Resume
	s.studio.set(func() { s.studio.expired = true })
	refused("expired ticket", 4403, ask{Ticket: ticket})
	s.newPage(ask{Ticket: ticket, Resume: token}).close()
	s.studio.set(func() { s.studio.stopped = true })
	refused("stopped session", 4403, ask{Ticket: ticket, Resume: token})
}

func TestStopWhileConnecting(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	// The session stops after the ticket was looked at, and Disconnect finds nobody.
	s.studio.set(func() { s.studio.stopAfter = 1 })
	p, err := s.connect(ask{Ticket: ticket})
	if !errors.Is(err, errRefused) {
		t.Fatal("let in")
	}
	p.expectEnd(t, 4403)
}

func TestDisconnect(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	conn, c := s.dial()
	defer conn.Close()
	one, two := s.newPage(ask{Ticket: ticket}), s.newPage(ask{Ticket: ticket})
	s.gateway.Disconnect("another session")
	s.gateway.Disconnect(sessionKey)
	one.expectEnd(t, 4000)
	two.expectEnd(t, 4000)
	for {
		if _, err := c.ReadMessage(); err != nil {
			return
		}
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	p := s.newPage(ask{Ticket: ticket})
	token := (<-p.replies).Resume
	p.keyFrame(t)
	s.studio.set(func() { s.studio.expired = true })
	s.restart()
	p.expectEnd(t, 1012)

	began := time.Now()
	again := s.newPage(ask{Resume: token})
	if title := (<-again.replies).Title; title != "Compositing" {
		t.Errorf("title %q", title)
	}
	again.keyFrame(t)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("picture back after %v", took)
	}
}

func TestTooManyViewers(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	for range 32 {
		s.newPage(ask{Ticket: ticket})
	}
	p, err := s.connect(ask{Ticket: ticket})
	if !errors.Is(err, errRefused) {
		t.Fatal("let in")
	}
	p.expectEnd(t, 4429)
}

// expectDesktop waits for the news that there is a desktop, or none.
func (p *page) expectDesktop(t testing.TB, want bool) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case r := <-p.replies:
			if r.Desktop != nil && *r.Desktop == want {
				return
			}
		case <-late:
			t.Fatalf("page was not told %v", want)
		}
	}
}

// extension returns the header extension of that many bytes whose content is the least.
func extension(packet *rtp.Packet, size int) []byte {
	var least []byte
	for _, id := range packet.GetExtensionIDs() {
		if b := packet.GetExtension(id); len(b) == size && (least == nil || string(b) < string(least)) {
			least = b
		}
	}
	return least
}

func drain(packets <-chan *rtp.Packet) {
	for {
		select {
		case <-packets:
		default:
			return
		}
	}
}
