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
	video      *video
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
			s.video.wish(func(w *wishes) { w.greet = true })
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
	case wire.Watch:
		s.video.wish(func(w *wishes) { w.watch, w.leave = m.On, w.leave || !m.On })
	case wire.Hold:
		s.video.wish(func(w *wishes) { w.hold = &m.On })
	case wire.KeyFrame:
		s.video.wish(func(w *wishes) { w.key = true })
	case wire.Rate:
		s.video.wish(func(w *wishes) { w.rate = &m })
	case wire.Format:
		s.video.wish(func(w *wishes) { w.format = &m })
	case wire.Keep:
		s.video.wish(func(w *wishes) { w.keep = &m })
	case wire.Resize:
		s.video.wish(func(w *wishes) { w.resize = &m })
	case wire.Listen:
		s.sound.listen(m.On)
	case wire.Microphone:
		s.microphone.hear(m)
	case wire.Scale:
		s.scale.set(m)
	case wire.Exact:
		s.video.wish(func(w *wishes) { w.exact = &m })
	case wire.PipeOpen, wire.PipeData, wire.PipeRoom, wire.PipeEnd:
		s.transfers.handle(m)
	default:
		s.input.handle(m)
	}
}

// disconnected leaves nothing pressed that nobody is there to release.
func (s *session) disconnected() {
	s.video.wish(func(w *wishes) {
		w.watch, w.leave, w.greet, w.format, w.keep = false, true, false, &wire.Format{}, &wire.Keep{}
	})
	s.sound.listen(false)
	s.transfers.disconnected()
	s.input.releaseAll()
}
