package gateway

import (
	"iter"
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
	screens  [wire.MaxMonitors]*screen
	there    uint8            // which monitors the streamer says there are, as wire.Monitors; 0: it said nothing
	numbers  map[string]uint8 // by which the people who look are known to pages, by user
	given    map[string]bool  // whom control was given to or taken from in a page, by user
	looked   map[string]look  // the visitors whom the owner did not see, by user
	cursor   []byte           // the latest, as viewers get it; nil while unknown
	scaled   []byte           // likewise
	monitors []byte           // likewise
	sounds   sounds
	layout   wire.Layout // of the desktop's keyboard; zero: not told
	allows   wire.Allows
	copied   []byte // the latest, as viewers get it; nil while there is nothing
}

func newSession() *session {
	s := &session{numbers: map[string]uint8{}, given: map[string]bool{}, looked: map[string]look{}}
	for i := range s.screens {
		s.screens[i] = newScreen(s, uint8(i+1))
	}
	return s
}

// everybody are the viewers of all screens.
func (s *session) everybody() iter.Seq[*viewer] {
	return func(yield func(*viewer) bool) {
		for _, screen := range s.screens {
			for _, v := range screen.viewers {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// announce tells everybody.
func (s *session) announce(b []byte) {
	for v := range s.everybody() {
		v.message(b)
	}
}

// empty says whether nobody is left. Only Gateway asks, who also lets in.
func (s *session) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range s.everybody() {
		return false
	}
	return s.streamer == nil
}

// disconnect ends everything in the session.
func (s *session) disconnect(why bye) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.everybody() {
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
	s.streamer, s.ready, s.there = st, false, 0
	s.layout, s.scaled, s.monitors = wire.Layout{}, nil, nil
	s.sounds.clock.restart = true
	s.allows, s.copied = wire.Allows{}, nil
	for _, screen := range s.screens {
		if screen.monitor > 1 {
			screen.size = nil
		}
		screen.begin()
	}
	s.tellDesktop()
	s.screens[0].tellHeard(false)
}

// streaming says whether the session has a streamer.
func (s *session) streaming() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streamer != nil
}

// detach forgets st, unless another has taken its place.
func (s *session) detach(st *streamer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	s.streamer, s.ready = nil, false
	for _, screen := range s.screens {
		screen.keys.came()
	}
	s.tellDesktop()
}

// release lifts what v holds down, and nothing of other viewers.
func (s *session) release(v *viewer) { s.lift(v, func(holding) bool { return true }) }

func (s *session) lift(v *viewer, which func(holding) bool) {
	for id, m := range v.held {
		if !which(id) {
			continue
		}
		if !s.held(id, v) {
			s.tell(m)
		}
		delete(v.held, id)
	}
}

// mind lifts the keys of v, which would go on repeating, when its page falls silent. What is
// dragged or drawn may go on when it speaks again.
func (s *session) mind(v *viewer) {
	if v.silence != nil {
		return
	}
	down := false
	for id := range v.held {
		down = down || id.repeats()
	}
	if !down {
		return
	}
	v.silence = time.AfterFunc(time.Until(v.heard.Add(silentFor)), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		v.silence = nil
		if time.Since(v.heard) >= silentFor {
			s.lift(v, holding.repeats)
		}
		s.mind(v)
	})
}

// held says whether anybody but v holds that down: another window of the same person's,
// to which the keyboard went, may have been quicker.
func (s *session) held(id holding, v *viewer) bool {
	for o := range s.everybody() {
		if _, held := o.held[id]; held && o != v {
			return true
		}
	}
	return false
}

// tell sends m to the streamer, if there is one.
func (s *session) tell(m wire.Message) {
	if s.streamer != nil {
		s.streamer.send(m)
	}
}
