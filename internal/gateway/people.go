package gateway

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/wire"
)

// Sharing is whom the link of a session lets in, and as what.
type Sharing uint8

const (
	// NotShared has no link.
	NotShared Sharing = iota
	// SharedToWatch lets guests see.
	SharedToWatch
	// SharedToControl lets guests' keys and pointers reach the desktop.
	SharedToControl
)

// queuedAsks is how many wishes of a page may wait: nobody clicks faster.
const queuedAsks = 4

// person is who looks through a viewer, as far as others see it. The session's
// lock guards it.
type person struct {
	grant   Grant
	control bool // keys, pointer and the rest reach the desktop
	asks    chan wire.Ask
	stale   chan struct{} // the grant may be another by now

	// What the page was told last, so that it hears only what is new.
	standing standing
	people   []byte
	shared   []byte
}

func newPerson() person {
	return person{asks: make(chan wire.Ask, queuedAsks), stale: make(chan struct{}, 1)}
}

// standing is wire.Standing with the time itself.
type standing struct {
	control, share, stop, keeps bool
	ends                        time.Time
	told                        bool
}

// look is what the owner is to know of a visitor.
type look struct {
	name string
	last time.Time
}

// noteLook has the owner be told later of v, a visitor, while the owner is away.
func (s *session) noteLook(v *viewer) {
	if !v.grant.Visitor {
		return
	}
	for other := range s.everybody() {
		if other.own() {
			return
		}
	}
	if _, known := s.looked[v.grant.UserID]; known || len(s.looked) < wire.MaxPeople {
		s.looked[v.grant.UserID] = look{v.grant.Name, time.Now()}
	}
}

// tellLooks tells the owner who has looked.
func (s *session) tellLooks(v *viewer) {
	if !v.own() {
		return
	}
	for other := range s.everybody() {
		if l, known := s.looked[other.grant.UserID]; known { // and still does
			s.looked[other.grant.UserID] = look{l.name, time.Now()}
		}
	}
	for _, l := range slices.SortedFunc(maps.Values(s.looked), func(a, b look) int { return a.last.Compare(b.last) }) {
		v.message(wire.Append(nil, wire.Looked{SecondsAgo: uint32(time.Since(l.last).Seconds()), Name: shortened(l.name)}))
	}
	clear(s.looked)
}

// own tells that the desktop is this person's, who so sets the size of its screen.
func (p *person) own() bool { return !p.grant.Guest && !p.grant.Visitor }

// admitted takes what the domain says of v, first or anew.
func (s *session) admitted(v *viewer, grant Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := v.grant
	v.grant = grant
	if grant.Control != before.Control { // or what was given or taken since, in the page, holds
		delete(s.given, grant.UserID)
		if s.disarm(v); grant.Control {
			v.control = true
		}
	}
	s.inform()
	s.keep()
}

// disarm lets nothing more of v's through, and lifts what it holds down.
func (s *session) disarm(v *viewer) {
	s.release(v)
	v.control = false
}

// give gives control to a person, or takes it away, in all windows: also in those to come,
// until the link gives another.
func (s *session) give(userID string, control bool) {
	s.given[userID] = control
	for v := range s.everybody() {
		if v.grant.UserID == userID {
			s.disarm(v)
			v.control = control
		}
	}
}

// forgetAbsent has the link alone say what those may do who are not here.
func (s *session) forgetAbsent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.given, func(userID string, _ bool) bool { return s.numbers[userID] == 0 })
}

// wish does what v asks for, as far as that is the session's own matter; the rest
// is asked of the domain.
func (s *session) wish(v *viewer, ask wire.Ask) {
	switch ask.Wish {
	case wire.WishControl, wire.WishGive, wire.WishTake:
		if !v.grant.Share {
			return
		}
		for userID, number := range s.numbers {
			if userID != v.grant.UserID && (number == ask.Person || ask.Wish == wire.WishControl) {
				s.give(userID, ask.Wish == wire.WishGive)
			}
		}
		s.inform()
		s.keep()
		if ask.Wish != wire.WishControl {
			return
		}
	default:
	}
	select {
	case v.asks <- ask:
	default:
	}
}

// dismiss ends what came by a link.
func (s *session) dismiss() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.everybody() {
		if v.grant.Guest {
			v.end(byeUnshared)
		}
	}
}

// outdate has every viewer's grant asked for again.
func (s *session) outdate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.everybody() {
		select {
		case v.stale <- struct{}{}:
		default:
		}
	}
}

// inform tells every page what has changed for it: who is there, and what it may do.
func (s *session) inform() {
	for v := range s.everybody() {
		if v.talks {
			s.informOne(v)
		}
	}
}

func (s *session) informOne(v *viewer) {
	s.offer(v)
	g := v.grant
	if is := (standing{v.control, g.Share, g.Stop, g.Keeps, g.Ends, true}); v.standing != is {
		v.standing = is
		left := uint32(wire.Endless)
		if !g.Ends.IsZero() {
			left = uint32(min(max(time.Until(g.Ends).Seconds(), 0), wire.Endless-1))
		}
		v.message(wire.Append(nil, wire.Standing{Control: v.control, Share: g.Share, Stop: g.Stop, Keeps: g.Keeps, SecondsLeft: left}))
	}
	if is := wire.Append(nil, wire.People{People: s.present(v)}); !bytes.Equal(v.people, is) {
		v.people = is
		v.message(is)
	}
	if !g.Share {
		return
	}
	if is := wire.Append(nil, wire.Shared{Control: g.Sharing == SharedToControl, Link: g.Link}); !bytes.Equal(v.shared, is) {
		v.shared = is
		v.message(is)
	}
}

// present lists who looks, as you are to see them.
func (s *session) present(you *viewer) []wire.Person {
	var people []wire.Person
	at := map[string]int{}
	for v := range s.everybody() {
		g := v.grant
		i, known := at[g.UserID]
		if !known {
			i = len(people)
			at[g.UserID] = i
			people = append(people, wire.Person{
				Number: s.numbers[g.UserID], You: g.UserID == you.grant.UserID,
				Guest: g.Guest, Visitor: g.Visitor, Name: shortened(g.Name),
			})
		}
		people[i].Control = people[i].Control || v.control
	}
	slices.SortFunc(people, func(a, b wire.Person) int { return cmp.Compare(a.Number, b.Number) })
	return people
}

// number has the person be known by a number, the lowest that is free.
func (s *session) number(userID string) {
	if s.numbers[userID] != 0 {
		return
	}
	free := uint8(1)
	for slices.Contains(slices.Collect(maps.Values(s.numbers)), free) {
		free++
	}
	s.numbers[userID] = free
}

// forget gives the number of a person free who is not there any more.
func (s *session) forget(userID string) {
	for v := range s.everybody() {
		if v.grant.UserID == userID {
			return
		}
	}
	delete(s.numbers, userID)
}

// shortened fits a message.
func shortened(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), wire.MaxText)], "")
}

// fulfil asks the domain for what the page of v asks for.
func (g *Gateway) fulfil(ctx context.Context, log *slog.Logger, v *viewer, s *screen, streamID string, ask wire.Ask) {
	var err error
	switch ask.Wish {
	case wire.WishStop:
		err = g.cfg.Studio.StopSession(ctx, streamID)
	case wire.WishWatched:
		err = g.cfg.Studio.ShareSession(ctx, streamID, SharedToWatch)
	case wire.WishHelped:
		err = g.cfg.Studio.ShareSession(ctx, streamID, SharedToControl)
	case wire.WishPrivate:
		if err = g.cfg.Studio.ShareSession(ctx, streamID, NotShared); err == nil {
			s.dismiss()
		}
	case wire.WishControl:
		if g.sharing(v, s) == SharedToControl {
			err = g.cfg.Studio.ShareSession(ctx, streamID, SharedToWatch)
		}
	case wire.WishGive, wire.WishTake: // done already
	}
	if err == nil {
		switch ask.Wish {
		case wire.WishWatched, wire.WishHelped, wire.WishPrivate:
			s.forgetAbsent()
		default:
		}
		log.InfoContext(ctx, "done by the stream page", "wish", ask.Wish)
		s.outdate()
		return
	}
	why := "Something went wrong on the server. Try again in a moment."
	var known *studio.Error
	if errors.As(err, &known) && known.Kind != studio.Internal {
		why = known.Message
	} else if ctx.Err() == nil {
		log.ErrorContext(ctx, "cannot do what a stream page asks", "wish", ask.Wish, "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v.message(wire.Append(nil, wire.Notice{Text: shortened(why)}))
}

func (g *Gateway) sharing(v *viewer, s *screen) Sharing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return v.grant.Sharing
}

// renew asks what v may see by now.
func (g *Gateway) renew(ctx context.Context, v *viewer, s *screen, streamID string) {
	grant, err := g.cfg.Studio.ResumeStream(ctx, streamID)
	switch {
	case err == nil:
		s.admitted(v, grant)
	case !errors.Is(err, ErrNoSuchTicket): // the database is away; it comes back
	case v.grantWas(s).Guest:
		v.end(byeUnshared)
	default:
		v.end(byeStopped)
	}
}

func (v *viewer) grantWas(s *screen) Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return v.grant
}
