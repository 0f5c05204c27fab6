package gateway

import (
	"slices"
	"time"

	"github.com/pion/rtcp"

	"github.com/backlot/backlot/internal/wire"
)

// desktop is called when st can show a desktop.
func (s *screen) desktop(st *streamer, m wire.Ready) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	s.ready = true
	s.size = wire.Append(nil, wire.Screen(m))
	s.broadcast(s.size)
	s.tellDesktop()
}

func (s *session) tellDesktop() {
	for _, screen := range s.screens {
		for _, v := range screen.viewers {
			v.desktop(screen.shows())
		}
	}
}

// show passes the screen's size on to the viewers.
func (s *screen) show(st *streamer, m wire.Screen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	before := s.shows()
	s.size = wire.Append(nil, m)
	s.exact.clear()
	s.broadcast(s.size)
	if s.shows() != before {
		s.tellDesktop()
	}
}

// draws passes on a cursor, or the scale.
func (s *session) draws(st *streamer, m wire.Message) {
	b := wire.Append(nil, m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	if m.Type() == wire.TypeCursor {
		s.cursor = b
	} else {
		s.scaled = b
	}
	s.announce(b)
}

// pass tells the viewers what is of no use to those who come later.
func (s *screen) pass(st *streamer, m wire.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer == st {
		s.broadcast(wire.Append(nil, m))
	}
}

func (s *screen) broadcast(b []byte) {
	for _, v := range s.viewers {
		v.message(b)
	}
}

// video gives a frame to every viewer that has room for it. Who has none gets
// nothing before the next key frame.
func (s *screen) video(st *streamer, m wire.Video) {
	f := &frame{key: m.Key}
	if f.payloads, f.size = packetize(m.Data); len(f.payloads) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	m.CapturedMicros = s.clock.micros(m.CapturedMicros, time.Now())
	f.time = uint32(m.CapturedMicros * 9 / 100)
	if slices.ContainsFunc(s.viewers, func(v *viewer) bool { return v.socket }) {
		f.unit = wire.Append(nil, m)
	}
	if m.Key {
		s.keys.came()
		s.profile = profileOf(m.Data)
		s.chooseProfile()
	}
	f.profile = s.profile
	for _, v := range s.viewers {
		if !v.plays(f.profile) {
			v.needKey = true // of another profile, which was asked for
			continue
		}
		v.offer(f)
	}
	s.makeRoom()
}

// askKey has a key frame asked for, now or soon.
func (s *screen) askKey() {
	if s.streamer == nil || s.keys.pending != nil {
		return
	}
	wait := s.keys.wish(time.Now())
	if wait == 0 {
		s.tell(wire.KeyFrame{})
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.keys.pending == timer {
			s.keys.pending = nil
			s.askKey()
		}
	})
	s.keys.pending = timer
}

// report takes what the player at the end of r says of the video it gets.
func (s *screen) report(r *road, packet rtcp.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch packet := packet.(type) {
	case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
		s.askKey()
	case *rtcp.ReceiverReport:
		for _, report := range packet.Reports {
			r.way.loss(report.FractionLost, time.Now())
		}
		s.tellRate()
	}
}

// delivered takes what has arrived by a road.
func (s *screen) delivered(r *road, came []delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range came {
		r.way.deliver(d)
	}
	s.tellRate()
}

// near takes a round trip of something small.
func (s *screen) near(r *road, took time.Duration, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.way.near(delivery{took: took, at: now})
}

// tellRate asks for what the narrowest way carries and who leads allows, if that has changed.
// The ways of those who only watch count as far as is fair to those at work.
func (s *screen) tellRate() {
	rate := highestRate
	if most := int(s.preferred.MostBitsPerSecond); most > 0 {
		rate = min(rate, most)
	}
	atWork := slices.ContainsFunc(s.viewers, func(v *viewer) bool { return v.control })
	for _, v := range s.viewers {
		carries := v.way.rate
		if atWork && !v.control {
			carries = max(carries, fairRate)
		}
		rate = min(rate, carries)
	}
	if change := rate - s.rate; len(s.viewers) == 0 || max(change, -change) <= s.rate/untold {
		return
	}
	s.rate = rate
	s.tell(wire.Rate{BitsPerSecond: uint32(rate), FramesPerSecond: uint16(framesPerSecond(rate, s.preferred.Keep))})
}
