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

	mu        sync.Mutex
	streamer  *streamer        // nil while none is connected
	ready     bool             // the streamer shows a desktop
	viewers   []*viewer        // who did something last is the last
	numbers   map[string]uint8 // by which the people who look are known to pages, by user
	screen    []byte           // the latest, as viewers get it; nil while unknown
	cursor    []byte           // likewise
	scaled    []byte           // likewise
	rate      int              // bits per second asked for
	colours   colours
	preferred wire.Prefer // by who leads, as the streamer was asked for it
	exact     exact
	clock     timeline
	sounds    sounds
	keys      keyFrames
	held      bool        // the streamer was told to pause
	former    estimate    // of the viewer who left last, who may be back
	layout    wire.Layout // of the desktop's keyboard; zero: not told
	allows    wire.Allows
	copied    []byte // the latest, as viewers get it; nil while there is nothing
}

func newSession() *session {
	return &session{keys: newKeyFrames(time.Now()), numbers: map[string]uint8{}}
}

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
	s.streamer, s.ready, s.rate, s.held = st, false, 0, false
	s.layout, s.scaled = wire.Layout{}, nil
	s.clock.restart = true
	s.sounds.clock.restart = true
	s.allows, s.copied = wire.Allows{}, nil
	s.colours.asked, s.preferred = false, wire.Prefer{}
	s.forgetExact()
	s.keys.came()
	s.tellDesktop()
	for _, v := range s.viewers {
		v.needKey = true
	}
	s.makeRoom()
	s.resize()
	s.tellRate()
	s.choosePicture()
	if s.watched() {
		s.watch()
	}
	s.tellHeard(false)
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

// join adds a viewer. It says no to one too many.
func (s *session) join(v *viewer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.viewers) >= viewersPerSession {
		return false
	}
	s.viewers = append(s.viewers, v)
	s.number(v.grant.UserID)
	s.inform()
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
	s.former = *v.way
	watched, heard, led := s.watched(), s.heard(), s.leads(v)
	s.viewers = slices.DeleteFunc(s.viewers, func(o *viewer) bool { return o == v })
	s.forget(v.grant.UserID)
	s.inform()
	if led {
		s.resize()
	}
	s.tellRate()
	s.turn(watched)
	s.choosePicture()
	s.makeRoom()
	s.tellHeard(heard)
}

func (s *session) watched() bool {
	return slices.ContainsFunc(s.viewers, func(v *viewer) bool { return v.watches })
}

// watches is called when frames get through to v by a road.
func (s *session) watches(v *viewer, r *road) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.viewers, v) {
		return // it has left meanwhile
	}
	watched := s.watched()
	r.watches = true
	s.turn(watched)
	if watched && v.road == r {
		s.askKey()
	}
	s.choosePicture()
	s.makeRoom()
}

// talks is called when messages get through to v by a road.
func (s *session) talks(v *viewer, r *road) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.viewers, v) {
		return
	}
	if r.talks = true; v.road == r {
		s.greet(v)
	}
}

// greet tells v what it has to know to begin with.
func (s *session) greet(v *viewer) {
	v.told = false
	v.message(wire.Append(nil, wire.ViewerKey{Key: v.key}))
	s.informOne(v)
	for _, b := range [][]byte{s.screen, s.cursor, s.scaled, s.colours.told} {
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
	case wire.Listen:
		s.listens(v, m)
		return
	case wire.Taken:
		s.took(v, m)
		return
	case wire.Exact:
		s.shows(v, m)
		return
	case wire.Colour:
		s.wantsColour(v, m)
		return
	case wire.Prefer:
		s.prefers(v, m)
		return
	case wire.Echo:
		v.message(wire.Append(nil, m))
		return
	case wire.Ask:
		s.wish(v, m)
		return
	}
	if !v.control {
		return
	}
	switch m := m.(type) {
	case wire.Resize:
		v.size = m
		if s.leads(v) {
			s.resize()
		}
		return
	case wire.Microphone:
		s.speak(v, m, time.Now())
		return
	case wire.ReleaseAll:
		s.release(v)
		return
	case wire.Layout:
		v.layout = m
		if s.viewers[len(s.viewers)-1] == v {
			s.layKeys(v)
		}
		return
	case wire.Key, wire.Button, wire.Wheel, wire.Pen, wire.Motion, wire.Locks:
		if !v.hold(m) {
			return
		}
		if last := s.viewers[len(s.viewers)-1]; last != v {
			before := s.leader()
			s.viewers = append(slices.DeleteFunc(s.viewers, func(o *viewer) bool { return o == v }), v)
			if s.leader() != before {
				s.resize()
				s.choosePicture()
			}
		}
		s.layKeys(v)
	}
	s.tell(m)
}

// layKeys has the desktop's keyboard be as that of v, whose hands are at work.
func (s *session) layKeys(v *viewer) {
	if v.layout != (wire.Layout{}) && v.layout != s.layout {
		s.layout = v.layout
		s.tell(v.layout)
	}
}

// release lifts what v holds down, and nothing of other viewers.
func (s *session) release(v *viewer) {
	for _, m := range v.held {
		s.tell(m)
	}
	clear(v.held)
}

func (s *session) leads(v *viewer) bool { return s.leader() == v }

// leader is the viewer whose window sizes the screen: the last of the owner's, or
// while the owner is not there, of those who have control; nil: none.
func (s *session) leader() *viewer {
	var leader *viewer
	for _, v := range s.viewers {
		if v.control && (leader == nil || v.own() || !leader.own()) {
			leader = v
		}
	}
	return leader
}

// resize asks for a screen of the leader's size, if there is one and it is known.
func (s *session) resize() {
	if v := s.leader(); v != nil && v.size != (wire.Resize{}) {
		s.tell(v.size)
	}
}

// tell sends m to the streamer, if there is one.
func (s *session) tell(m wire.Message) {
	if s.streamer != nil {
		s.streamer.send(m)
	}
}
