package gateway_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"github.com/pion/webrtc/v4"

	"github.com/backlot/backlot/internal/wire"
)

// sounds opens the page's channel for sound.
func (p *page) sounds(t testing.TB) <-chan []byte {
	t.Helper()
	agreed, ordered, again, id := true, false, uint16(0), uint16(1)
	channel, err := p.pc.CreateDataChannel("sound", &webrtc.DataChannelInit{Negotiated: &agreed, ID: &id, Ordered: &ordered, MaxRetransmits: &again})
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan []byte, 1000)
	channel.OnMessage(func(m webrtc.DataChannelMessage) { heard <- m.Data })
	return heard
}

// told returns what a streamer by hand is told of sound, one after the other.
func told(t testing.TB, c *wire.Conn) func() wire.Message {
	t.Helper()
	all := make(chan wire.Message, 1000)
	go func() {
		defer close(all)
		for {
			m, err := c.ReadMessage()
			if err != nil {
				return
			}
			switch m := m.(type) {
			case wire.Listen:
				all <- m
			case wire.Microphone:
				m.Data = bytes.Clone(m.Data)
				all <- m
			}
		}
	}()
	return func() wire.Message {
		t.Helper()
		select {
		case m := <-all:
			return m
		case <-time.After(patience):
			t.Fatal("the streamer is told nothing")
			return nil
		}
	}
}

func TestSound(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	_, c := s.dial()
	if err := c.WriteMessage(wire.Ready{Width: 640, Height: 360}); err != nil {
		t.Fatal(err)
	}
	next := told(t, c)
	one, two := s.newPage(ask{Ticket: ticket}), s.newPage(ask{Ticket: ticket})
	atOne, atTwo := one.sounds(t), two.sounds(t)
	one.send(t, wire.Listen{On: true, Messages: true})
	if m := next(); m != (wire.Listen{On: true}) {
		t.Errorf("the streamer is told %v, want to be listened to", m)
	}
	// play sends until one hears, as the channel may open later at one end.
	play := func() {
		t.Helper()
		for i := range 500 {
			packet := wire.Sound{CapturedMicros: uint64(10_000 * i), Data: []byte{0xf4, byte(i)}}
			if err := c.WriteMessage(packet); err != nil {
				t.Fatal(err)
			}
			select {
			case b := <-atOne:
				m, err := wire.Decode(b)
				if heard, ok := m.(wire.Sound); !ok || len(heard.Data) != 2 {
					t.Errorf("heard %v, %v", m, err)
				}
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
		t.Fatal("no sound comes")
	}
	play()
	if len(atTwo) > 0 {
		t.Error("a page that does not listen hears")
	}
	// The streamer is told once, and when the last has left.
	two.send(t, wire.Listen{On: true, Messages: true})
	one.send(t, wire.Microphone{Sequence: 1, Data: []byte{0xf8, 1}})
	if diff := cmp.Diff(wire.Message(wire.Microphone{Sequence: 1, Data: []byte{0xf8, 1}}), next()); diff != "" {
		t.Errorf("the streamer is told (-want +got):\n%s", diff)
	}
	one.close()
	two.send(t, wire.Listen{})
	if m := next(); m != (wire.Listen{}) {
		t.Errorf("the streamer is told %v, want that nobody listens", m)
	}
}

// TestSoundAfterStreamer: who listens is told to a streamer that comes later.
func TestSoundAfterStreamer(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	p := s.newPage(ask{Ticket: ticket})
	p.send(t, wire.Listen{On: true})
	for range 3 {
		conn, c := s.dial()
		if m := told(t, c)(); m != (wire.Listen{On: true}) {
			t.Errorf("the streamer is told %v, want to be listened to", m)
		}
		_ = conn.Close()
	}
}

// TestOneSpeaks: while one microphone is heard, another is not.
func TestOneSpeaks(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	_, c := s.dial()
	next := told(t, c)
	one, two := s.newPage(ask{Ticket: ticket}), s.newPage(ask{Ticket: ticket})
	for i := range 50 {
		one.send(t, wire.Microphone{Sequence: uint16(i), Data: []byte{1}})
		if i > 0 {
			two.send(t, wire.Microphone{Sequence: uint16(i), Data: []byte{2}})
		}
		if m, ok := next().(wire.Microphone); !ok || m.Data[0] != 1 {
			t.Fatalf("the streamer is told %v, want the first microphone", m)
		}
	}
}

// TestSoundWaitsForAClick: a browser as people start it is quiet until then.
func TestSoundWaitsForAClick(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	w := newWindow(t, 800, 600, "", chromedp.Flag("allow-loopback-in-peer-connection", true), chromedp.Flag("autoplay-policy", "document-user-activation-required"))
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	for drained := false; !drained; {
		select {
		case m := <-d.heard:
			if m == (wire.Listen{On: true}) {
				t.Error("a page that may not play sound listens")
			}
		case <-time.After(300 * time.Millisecond):
			drained = true
		}
	}
	w.do(chromedp.MouseClickXY(400, 300))
	d.expectMessage(t, wire.Listen{On: true})
}
