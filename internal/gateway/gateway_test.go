package gateway_test

import (
	"errors"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

func TestPictureAndInput(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	if key := <-s.studio.ready; key != sessionKey {
		t.Errorf("desktop of session %q is ready, want %q", key, sessionKey)
	}
	began := time.Now()
	p := s.newPage(ask{Ticket: ticket, Width: 1281, Height: 801})
	d.expectMessage(t, wire.Resize{Width: 1280, Height: 800})
	d.expect(t, "a rate", func(m wire.Message) bool { return m.Type() == wire.TypeRate })
	d.expectMessage(t, wire.Watch{On: true})
	p.keyFrame(t)
	t.Logf("key frame after %v", time.Since(began))

	for _, m := range []wire.Message{
		wire.Pointer{X: 10, Y: 20}, wire.Button{Button: 1, Down: true}, wire.Button{Button: 1}, wire.Wheel{DY: -120},
		wire.Key{Code: 30, Keysym: 'a', Down: true}, wire.Key{Code: 30, Keysym: 'a'},
	} {
		p.send(t, m)
		d.expectMessage(t, m)
	}
	got := map[wire.Type]bool{}
	for range 2 {
		m, err := wire.Decode(<-p.heard)
		if err != nil {
			t.Fatal(err)
		}
		got[m.Type()] = true
	}
	if !got[wire.TypeScreen] || !got[wire.TypeCursor] {
		t.Errorf("page was told %v, want screen and cursor", got)
	}

	p.send(t, wire.Key{Code: 42, Keysym: 0xffe1, Down: true})
	d.expectMessage(t, wire.Key{Code: 42, Keysym: 0xffe1, Down: true})
	p.close()
	d.expectMessage(t, wire.Key{Code: 42, Keysym: 0xffe1})
	d.expectMessage(t, wire.Watch{})
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	for name, asked := range map[string]ask{
		"no ticket":     {},
		"made up":       {Ticket: "made-up"},
		"made-up token": {Resume: "made-up"},
	} {
		p, err := s.connect(asked)
		if !errors.Is(err, errRefused) {
			t.Errorf("%s: %v, want refusal", name, err)
			continue
		}
		p.expectEnd(t, 4403)
	}
}
