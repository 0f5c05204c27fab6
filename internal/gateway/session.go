package gateway

import (
	"slices"
	"sync"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// viewersPerSession bounds how many pages look at one session at once.
const viewersPerSession = 32

// session is where the streamer of a desktop and its viewers meet. Nothing in it
// waits for anybody: who is too slow loses frames, or the connection.
type session struct {
	id string // of the session, for the log; "" until a viewer came. Gateway guards it

	mu       sync.Mutex
	streamer *streamer // nil while none is connected
	ready    bool      // the streamer shows a desktop
	viewers  []*viewer // the last one leads: its window sizes the screen
	screen   []byte    // the latest, as viewers get it; nil while unknown
	cursor   []byte    // likewise
	rate     int       // bits per second asked for
	clock    timeline
	keys     keyFrames
}

func newSession() *session { return &session{keys: newKeyFrames(time.Now())} }

// empty says whether nobody is left. Only Gateway asks, who also lets in.
func (s *session) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streamer == nil && len(s.viewers) == 0
}

// disconnect ends everything in the session.
func (s *session) disconnect(why bye) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.viewers {
		v.end(why)
	}
	if s.streamer != nil {
		s.streamer.close()
	}
}

// attach makes st the session's streamer; the one before is dropped.
func (s *session) attach(st *streamer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != nil {
		s.streamer.close()
	}
	s.streamer, s.ready, s.rate = st, false, 0
	s.clock.restart = true
	s.keys.came()
	s.tellDesktop()
	for _, v := range s.viewers {
		v.needKey = true
	}
	s.resize()
	s.tellRate()
	if s.watched() {
		s.watch()
	}
}

// streaming says whether the session has a streamer.
func (s *session) streaming() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streamer != nil
}

// watch has the streamer begin: with a key frame, or it is asked for one.
func (s *session) watch() {
	s.tell(wire.Watch{On: true})
	s.keys.asked = time.Now()
	s.askKey()
}

// detach forgets st, unless another has taken its place.
func (s *session) detach(st *streamer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	s.streamer, s.ready = nil, false
	s.keys.came()
	s.tellDesktop()
}

// join adds a viewer, who leads from now on. It says no to one too many.
func (s *session) join(v *viewer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.viewers) >= viewersPerSession {
		return false
	}
	s.viewers = append(s.viewers, v)
	v.desktop(s.ready)
	s.resize()
	s.tellRate()
	return true
}

// part removes a viewer, with whatever it held down.
func (s *session) part(v *viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(v)
	v.talks = false
	watched, led := s.watched(), s.leads(v)
	s.viewers = slices.DeleteFunc(s.viewers, func(o *viewer) bool { return o == v })
	if led {
		s.resize()
	}
	s.tellRate()
	if watched && !s.watched() {
		s.keys.came()
		s.tell(wire.Watch{On: false})
	}
}

func (s *session) watched() bool {
	return slices.ContainsFunc(s.viewers, func(v *viewer) bool { return v.watches })
}

// watches is called when frames get through to v.
func (s *session) watches(v *viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.viewers, v) {
		return // it has left meanwhile
	}
	first := !s.watched()
	v.watches = true
	if first {
		s.watch()
	} else {
		s.askKey()
	}
}

// talks is called when messages get through to v.
func (s *session) talks(v *viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.viewers, v) {
		return
	}
	v.talks = true
	for _, b := range [][]byte{s.screen, s.cursor} {
		if b != nil {
			v.message(b)
		}
	}
}

// input passes what v's user did to the desktop.
func (s *session) input(v *viewer, m wire.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.viewers, v) { // whoever has parted; talks may come after the first input
		return
	}
	switch m := m.(type) {
	case wire.Resize:
		v.size = m
		if s.leads(v) {
			s.resize()
		}
		return
	case wire.ReleaseAll:
		s.release(v)
		return
	case wire.Key, wire.Button, wire.Wheel:
		if !v.hold(m) {
			return
		}
		if !s.leads(v) {
			s.viewers = append(slices.DeleteFunc(s.viewers, func(o *viewer) bool { return o == v }), v)
			s.resize()
		}
	}
	s.tell(m)
}

// release lifts what v holds down, and nothing of other viewers.
func (s *session) release(v *viewer) {
	for _, m := range v.held {
		s.tell(m)
	}
	clear(v.held)
}

func (s *session) leads(v *viewer) bool {
	return len(s.viewers) > 0 && s.viewers[len(s.viewers)-1] == v
}

// resize asks for a screen of the leader's size, if there is one and it is known.
func (s *session) resize() {
	if n := len(s.viewers); n > 0 && s.viewers[n-1].size != (wire.Resize{}) {
		s.tell(s.viewers[n-1].size)
	}
}

// tell sends m to the streamer, if there is one.
func (s *session) tell(m wire.Message) {
	if s.streamer != nil {
		s.streamer.send(m)
	}
}
