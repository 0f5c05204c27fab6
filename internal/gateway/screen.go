package gateway

import (
	"slices"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// How long a monitor stays when nobody who has control looks at it any more: it is for a
// page that is loaded again, or whose connection is.
const (
	closedFor = 2 * time.Second
	lostFor   = 15 * time.Second
)

// screen is one monitor of a session's desktop, and who looks at it. The session's lock
// guards it.
type screen struct {
	*session
	monitor uint8 // its number

	viewers []*viewer // who did something last is the last
	size    []byte    // the latest wire.Screen, as viewers get it; nil while unknown
	rate    int       // bits per second asked for
	colours colours
	profile profile // of the frames since the last key frame
	main    bool    // the streamer may code in the main profile
	// preferred is by who leads, as the streamer was asked for it.
	preferred wire.Prefer
	exact     exact
	clock     timeline
	keys      keyFrames
	caughtUp  time.Time   // when a road that lost frames had a key frame asked for
	catching  *time.Timer // until one may again; nil: none waits for that
	paused    bool        // the streamer was told to pause
	former    estimate    // of the viewer who left last, who may be back
	left      bool        // who left last closed the page
	ending    *time.Timer // until it is unplugged; nil: somebody needs it
}

func newScreen(s *session, monitor uint8) *screen {
	return &screen{session: s, monitor: monitor, keys: newKeyFrames(time.Now())}
}

// begin is called when the streamer knows nothing yet of what was told of the monitor.
func (s *screen) begin() {
	s.rate, s.paused = 0, false
	s.clock.restart = true
	s.colours.asked, s.main, s.preferred = false, false, wire.Prefer{}
	s.forgetExact()
	s.keys.came()
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
}

// shows says whether there is something to see.
func (s *screen) shows() bool {
	return s.ready && (s.monitor == 1 || s.size != nil)
}

// keep has the monitor unplugged in a while unless somebody who has control looks at it.
// Who only watches one that is not there has nothing to wait for.
func (s *screen) keep() {
	needed := s.monitor == 1 || slices.ContainsFunc(s.viewers, func(v *viewer) bool { return v.control })
	there := s.there>>(s.monitor-1)&1 == 1
	switch {
	case needed && s.ending != nil:
		s.ending.Stop()
		s.ending = nil
	case !needed && !there && s.there != 0:
		for _, v := range s.viewers {
			v.end(byeClosed)
		}
	case !needed && there && s.ending == nil:
		after := lostFor
		if s.left {
			after = closedFor
		}
		var timer *time.Timer
		timer = time.AfterFunc(after, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.ending == timer {
				s.ending = nil
				s.tell(wire.Unplug{})
			}
		})
		s.ending = timer
	}
}

// plugged takes which monitors there are.
func (s *session) plugged(st *streamer, m wire.Monitors) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	before := s.there
	s.there, s.monitors = m.There, wire.Append(nil, m)
	for _, screen := range s.screens[1:] {
		switch bit := uint8(1) << (screen.monitor - 1); {
		case m.There&bit == 0:
			screen.size = nil
			screen.exact.clear()
		case before&bit == 0:
			screen.begin()
		}
	}
	s.keep()
	s.tellDesktop()
	s.announce(s.monitors)
}

// keep has each monitor stay that is needed.
func (s *session) keep() {
	for _, screen := range s.screens {
		screen.keep()
	}
}

// watch has the streamer begin: with a key frame, or it is asked for one.
func (s *screen) watch() {
	s.tell(wire.Watch{On: true})
	s.keys.asked = time.Now()
	s.askKey()
}

// join adds a viewer. It says no to one too many.
func (s *screen) join(v *viewer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for range s.everybody() {
		count++
	}
	if count >= viewersPerSession {
		return false
	}
	s.viewers = append(s.viewers, v)
	s.noteLook(v)
	if control, given := s.given[v.grant.UserID]; given {
		v.control = control
	}
	s.number(v.grant.UserID)
	s.inform()
	v.desktop(s.shows())
	s.keep()
	s.resize()
	s.tellRate()
	return true
}

// part removes a viewer, with whatever it held down.
func (s *screen) part(v *viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(v)
	v.talks = false
	s.left = v.left.Load()
	s.former = *v.way
	watched, heard, led := s.watched(), s.heard(), s.leads(v)
	s.viewers = slices.DeleteFunc(s.viewers, func(o *viewer) bool { return o == v })
	s.noteLook(v)
	s.forget(v.grant.UserID)
	s.inform()
	if led {
		s.resize()
	}
	s.keep()
	s.tellRate()
	s.turn(watched)
	s.choosePicture()
	s.makeRoom()
	s.tellHeard(heard)
}

func (s *screen) watched() bool {
	return slices.ContainsFunc(s.viewers, func(v *viewer) bool { return v.watches })
}

// watches is called when frames get through to v by a road.
func (s *screen) watches(v *viewer, r *road) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.viewers, v) {
		return // it has left meanwhile
	}
	watched := s.watched()
	r.watches = true
	s.choosePicture()
	s.turn(watched)
	if watched && v.road == r {
		s.askKey()
	}
	s.makeRoom()
}

// talks is called when messages get through to v by a road.
func (s *screen) talks(v *viewer, r *road) {
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
func (s *screen) greet(v *viewer) {
	v.told = false
	v.message(wire.Append(nil, wire.ViewerKey{Key: v.key}))
	s.informOne(v)
	for _, b := range [][]byte{s.size, s.cursor, s.monitors, s.scaled, s.colours.told} {
		if b != nil {
			v.message(b)
		}
	}
	s.tellLooks(v)
}

// input passes what v's user did to the desktop.
func (s *screen) input(v *viewer, m wire.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.viewers, v) { // whoever has parted; talks may come after the first input
		return
	}
	v.heard = time.Now()
	switch m := m.(type) {
	case wire.Listen:
		if s.monitor == 1 { // of several windows one is heard
			s.listens(v, m)
		}
		return
	case wire.Taken:
		s.took(v, m)
		return
	case wire.Exact:
		s.shown(v, m)
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
		s.mind(v)
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
func (s *screen) layKeys(v *viewer) {
	if v.layout != (wire.Layout{}) && v.layout != s.layout {
		s.layout = v.layout
		s.tell(v.layout)
	}
}

func (s *screen) leads(v *viewer) bool { return s.leader() == v }

// leader is the viewer whose window sizes the screen: the last of the owner's, or
// while the owner is not there, of those who have control; nil: none. Who visits takes the
// first screen as it is.
func (s *screen) leader() *viewer {
	var leader *viewer
	for _, v := range s.viewers {
		if v.control && (!v.grant.Visitor || s.monitor > 1) && (leader == nil || v.own() || !leader.own()) {
			leader = v
		}
	}
	return leader
}

// resize asks for a screen of the leader's size, if there is one and it is known: for a
// monitor that is not there yet in any case.
func (s *screen) resize() {
	v := s.leader()
	switch {
	case v == nil:
	case v.size != (wire.Resize{}):
		s.tell(v.size)
	case s.monitor > 1:
		s.tell(wire.Resize{Width: 1280, Height: 720})
	}
}

// tell sends m to the streamer, as a message about this monitor unless it is about all of
// the desktop.
func (s *screen) tell(m wire.Message) {
	switch m.(type) {
	case wire.Key, wire.Button, wire.Wheel, wire.Motion, wire.Locks, wire.Layout, wire.Scale, wire.Microphone, wire.Listen:
	default:
		if s.monitor > 1 {
			m = wire.Monitor{Number: s.monitor, Message: m}
		}
	}
	s.session.tell(m)
}
