package gateway

import (
	"bytes"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/backlot/backlot/internal/wire"
)

const (
	// queuedSounds is how many packets of sound wait for a viewer before it loses some:
	// what is later than this is of no use.
	queuedSounds = 16
	// microphonePerSecond bounds a microphone's packets; most browsers make 50.
	microphonePerSecond = 400
	// speakFor is how long a microphone that says nothing keeps others out.
	speakFor = 500 * time.Millisecond
	// soundGap is how far apart in time packets are that do not follow each other, in 1/48000 s.
	soundGap = 48 * 20
)

// sounds is what a session knows of its sound. Its lock guards it.
type sounds struct {
	clock timeline
	last  uint32 // time of the last packet
	// speaker is whose microphone the desktop hears; spoke is when it last did.
	speaker *viewer
	spoke   time.Time
}

// sound is one packet. All viewers share it.
type sound struct {
	time  uint32 // in 1/48000 s
	first bool   // after silence
	data  []byte // nil: only for who gets it as a message
	// message is the packet for a page that gets its sound as messages.
	message []byte
}

// sound gives a packet to every viewer that listens and has room for it.
func (s *screen) sound(st *streamer, m wire.Sound) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	m.CapturedMicros = s.sounds.clock.micros(m.CapturedMicros, time.Now())
	p := &sound{time: uint32(m.CapturedMicros * 48 / 1000), message: wire.Append(nil, m)}
	p.data = p.message[len(p.message)-len(m.Data):]
	p.first = p.time-s.sounds.last > soundGap
	s.sounds.last = p.time
	asMessage := &sound{message: p.message}
	for _, v := range s.viewers {
		if !v.listens.On {
			continue
		}
		p := p
		if v.listens.Messages {
			p = asMessage
		}
		select {
		case v.sounds <- p:
		default:
		}
	}
}

// listens takes whether v wants to hear the desktop.
func (s *screen) listens(v *viewer, how wire.Listen) {
	before := s.heard()
	v.listens = how
	s.tellHeard(before)
}

func (s *screen) heard() bool {
	return slices.ContainsFunc(s.viewers, func(v *viewer) bool { return v.listens.On })
}

// tellHeard tells the streamer whether somebody listens, if that has changed.
func (s *screen) tellHeard(before bool) {
	if now := s.heard(); now != before {
		s.tell(wire.Listen{On: now})
	}
}

// speak passes on what v's microphone hears, unless another speaks.
func (s *screen) speak(v *viewer, m wire.Microphone, now time.Time) {
	if s.sounds.speaker != v && now.Sub(s.sounds.spoke) < speakFor {
		return
	}
	s.sounds.speaker, s.sounds.spoke = v, now
	m.Data = bytes.Clone(m.Data)
	s.tell(m)
}

// play sends queued sound until the road ends.
func (r *road) play(v *viewer, s *screen) {
	for {
		var err error
		select {
		case <-v.done:
			return
		case <-r.closed:
			return
		case p := <-r.sounds:
			if r.hear != nil && p.data != nil {
				err = r.hear(p.data, p.time, p.first)
			} else {
				err = r.murmur(p.message)
			}
		}
		if err != nil {
			s.lost(v, r)
			return
		}
	}
}

// microphone passes on what a page's microphone hears, for as long as the
// connection lasts.
func (p *peer) microphone(v *viewer, s *screen) {
	p.pc.OnTrack(func(from *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		allowed := newBudget(microphonePerSecond, time.Now())
		for {
			packet, _, err := from.ReadRTP()
			if err != nil {
				return
			}
			if n := len(packet.Payload); n > 0 && n <= wire.MaxSound && allowed.take(time.Now()) {
				s.hears(v, p.road, wire.Microphone{Sequence: packet.SequenceNumber, Data: packet.Payload})
			}
		}
	})
}
