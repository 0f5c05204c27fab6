package gateway

import (
	"slices"
	"sync"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// road is a way to a page, by WebRTC or its WebSocket, with what waits there. A viewer
// has the road that carries frames and messages now, and perhaps others that could.
// The session's lock guards the first group.
type road struct {
	watches bool // frames get through to the page
	talks   bool // messages get through, both ways
	needKey bool // the page can make nothing of the next frame unless it is a key frame
	full    bool // another frame would have to wait
	way     *estimate
	again   repeats
	// agreed are the payload types of the profiles that the page plays by WebRTC.
	agreed map[profile]uint8

	frames chan *frame
	sounds chan *sound
	socket bool // it is the page's WebSocket
	closed chan struct{}
	finish sync.Once

	// send writes a message to the page. It does not wait.
	send func([]byte) error
	// write writes an RTP packet: its payload, time, and whether it ends the frame.
	write func(payload []byte, time uint32, last bool) error
	// next says of what profile the next frame is.
	next func(profile)
	// murmur sends a message of sound, which may be lost. It does not wait.
	murmur func([]byte) error
	// hear writes an RTP packet of sound; nil: sound goes as messages.
	hear func(payload []byte, time uint32, first bool) error
}

func newRoad(now time.Time) *road {
	return &road{
		needKey: true,
		next:    func(profile) {},
		way:     newEstimate(now),
		frames:  make(chan *frame, queuedFrames),
		sounds:  make(chan *sound, queuedSounds),
		closed:  make(chan struct{}),
	}
}

// close ends what is at work on the road. It is harmless twice.
func (r *road) close() { r.finish.Do(func() { close(r.closed) }) }

// offer queues f without waiting. What finds no room is lost, and all up to the next key frame.
func (r *road) offer(f *frame) {
	if !r.watches || r.needKey && !f.key {
		return
	}
	select {
	case r.frames <- f:
		r.needKey = false
		r.full = r.full || len(r.frames) > frameAhead
	default:
		r.needKey = true
	}
}

// drain forgets the frames that wait.
func (r *road) drain() {
	for {
		select {
		case <-r.frames:
		default:
			return
		}
	}
}

// pump sends frames until the road ends, in the pace that its rate allows.
func (r *road) pump(v *viewer, s *screen) {
	var pace pacer
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	sent := 0
	for {
		_, rate := s.room(r, len(r.frames) > frameAhead, sent)
		var f *frame
		select {
		case <-v.done:
			return
		case <-r.closed:
			return
		case f = <-r.frames:
		}
		r.next(f.profile)
		for i, payload := range f.payloads {
			if r.write(payload, f.time, i == len(f.payloads)-1) != nil {
				s.lost(v, r)
				return
			}
			if wait := pace.take(len(payload), rate, time.Now()); wait > 0 {
				timer.Reset(wait)
				select {
				case <-v.done:
					return
				case <-timer.C:
				}
			}
		}
		sent = f.size
	}
}

// travel has v use another road from now on, or the one that it has anew.
func (s *screen) travel(v *viewer, to *road) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.viewers, v) {
		return
	}
	watched, knows := s.watched(), v.road == to && to.talks
	v.drain()
	if v.road != to {
		s.release(v)
		to.way.learn(v.way, time.Now())
		to.way.learn(&s.former, time.Now())
		v.road = to
	}
	if to.socket { // it has been there all the time
		to.watches, to.talks = true, true
	}
	to.needKey = true
	if to.talks && !knows {
		s.greet(v)
	}
	s.tellRate()
	s.choosePicture()
	s.turn(watched)
	if watched && to.watches {
		s.askKey()
	}
	s.makeRoom()
}

// turn has the streamer begin when somebody watches for the first time, and end when nobody does any more.
func (s *screen) turn(watched bool) {
	switch {
	case !watched && s.watched():
		s.watch()
	case watched && !s.watched():
		s.keys.came()
		s.tell(wire.Watch{On: false})
	}
}

// lost is called when a road has come to its end by itself.
func (s *screen) lost(v *viewer, r *road) {
	s.mu.Lock()
	defer s.mu.Unlock()
	watched := s.watched()
	r.watches, r.talks = false, false
	s.turn(watched)
	r.close()
	if v.road == r {
		v.end(byeLost)
	}
}

// leaves closes a road; v goes by another if it went by that one.
func (s *screen) leaves(v *viewer, r, other *road) {
	s.mu.Lock()
	used := v.road == r
	s.mu.Unlock()
	if used {
		s.travel(v, other)
	}
	s.lost(v, r)
}

// hears takes a message that came by a road: those of a former one are too late.
func (s *screen) hears(v *viewer, r *road, m wire.Message) {
	s.mu.Lock()
	late := v.road != r
	s.mu.Unlock()
	if !late {
		s.input(v, m)
	}
}

// room is told after each frame whether there is room for another, and how many bytes
// were sent. It answers what the way carries, in bits per second, and the rate to pace by.
func (s *screen) room(r *road, full bool, bytes int) (rate, pace int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.way.count(bytes, time.Now())
	if r.full = full; !full && r.needKey && r.watches && len(r.frames) == 0 {
		s.catchUp(r)
	}
	s.makeRoom()
	return r.way.rate, r.way.pace(time.Now())
}

// catchUp has a key frame asked for by a road that lost frames: of one too narrow for the
// video only now and then, since it costs all who look.
func (s *screen) catchUp(r *road) {
	wait := time.Until(s.caughtUp.Add(catchUpEvery))
	switch {
	case r.way.rate >= s.rate-s.rate/untold || wait <= 0:
		s.caughtUp = time.Now()
		s.askKey()
	case s.catching == nil:
		s.catching = time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.catching = nil
			if slices.ContainsFunc(s.viewers, func(v *viewer) bool { return v.road == r && r.needKey }) {
				s.catchUp(r)
			}
		})
	}
}

// makeRoom has the streamer pause while everybody who watches has no room for a frame.
func (s *screen) makeRoom() {
	full := false
	for _, v := range s.viewers {
		if v.watches && !v.full {
			full = false
			break
		}
		full = full || v.watches
	}
	if full != s.paused {
		s.paused = full
		s.tell(wire.Hold{On: full})
	}
}
