//go:build linux

package streamer

import (
	"context"

	"github.com/backlot/backlot/internal/wire"
)

// session does what the gateway says.
type session struct {
	link       *link
	desktop    *desktop
	monitors   *monitors
	cursor     *cursor
	sound      *sound
	microphone *microphone
	input      *input
	transfers  *transfers
	scale      *scale
}

func (s *session) connected(ctx context.Context) {
	s.transfers.connected(ctx)
	go func() {
		select {
		case <-ctx.Done():
		case <-s.desktop.ready:
			s.monitors.tell()
			s.monitors.wish(func(w *wishes) { w.greet = true })
			poke(s.cursor.wake)
			poke(s.scale.wake)
			s.transfers.greet(ctx)
		}
	}()
}

func (s *session) handle(m wire.Message) {
	switch m := m.(type) {
	case wire.Ping:
		s.link.send(wire.Pong{})
	case wire.Monitor:
		s.about(m.Number, m.Message)
	case wire.Listen:
		s.sound.listen(m.On)
	case wire.Microphone:
		s.microphone.hear(m)
	case wire.Scale:
		s.scale.set(m)
	case wire.PipeOpen, wire.PipeData, wire.PipeRoom, wire.PipeEnd:
		s.transfers.handle(m)
	default:
		s.about(1, m)
	}
}

// about does what concerns a monitor.
func (s *session) about(number uint8, m wire.Message) {
	v := s.monitors.video(number)
	switch m.(type) {
	case wire.Resize:
		v = s.monitors.plug(number)
	case wire.Unplug:
		s.monitors.unplug(number)
		return
	}
	if v == nil || v.handle(m) {
		return
	}
	if m, there := s.monitors.whole(number, m); there {
		s.input.handle(m)
	}
}

// disconnected leaves nothing pressed that nobody is there to release.
func (s *session) disconnected() {
	s.monitors.wish(func(w *wishes) {
		w.watch, w.leave, w.greet, w.format, w.main, w.keep = false, true, false, &wire.Format{}, &wire.Main{}, &wire.Keep{}
	})
	s.sound.listen(false)
	s.transfers.disconnected()
	s.input.releaseAll()
}
