//go:build linux

package streamer

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/BurntSushi/xgb"
	"github.com/BurntSushi/xgb/xproto"
)

const (
	// manyTransfers is how many programs may be taking pieces of a paste at once, and
	// transferWithin how long each may take for one.
	manyTransfers  = 32
	transferWithin = 10 * time.Second
	timeWithin     = 2 * time.Second
)

// selection is the part of the clipboard that programs of the desktop paste from:
// the streamer owns CLIPBOARD then. One goroutine uses all but the channels.
type selection struct {
	*clipboard
	events chan xgb.Event // requests, losses, and pieces that were taken
	times  chan xproto.Timestamp
	pastes chan paste

	content   content
	owned     bool
	since     xproto.Timestamp
	transfers map[transferKey]*transfer
}

// content is what a viewer pasted: a text or a PNG.
type content struct {
	data  []byte
	image bool
}

type paste struct {
	content
	done chan<- error
}

type transferKey struct {
	window   xproto.Window
	property xproto.Atom
}

// transfer is a paste that a program takes in pieces.
type transfer struct {
	rest   []byte
	target xproto.Atom
	until  time.Time
}

func newSelection(c *clipboard) selection {
	return selection{
		clipboard: c,
		events:    make(chan xgb.Event, queuedEvents), times: make(chan xproto.Timestamp, 1), pastes: make(chan paste),
		transfers: map[transferKey]*transfer{},
	}
}

// put makes what a viewer pasted the desktop's clipboard.
func (s *selection) put(ctx context.Context, what content) error {
	done := make(chan error, 1)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case s.pastes <- paste{what, done}:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-done:
		return err
	}
}

// run serves those who paste, until ctx ends.
func (s *selection) run(ctx context.Context) error {
	for {
		var look <-chan time.Time
		if len(s.transfers) > 0 {
			look = time.After(transferWithin)
		}
		select {
		case <-ctx.Done():
			return nil
		case p := <-s.pastes:
			p.done <- s.own(ctx, p.content)
		case e := <-s.events:
			switch e := e.(type) {
			case xproto.SelectionRequestEvent:
				s.request(e)
			case xproto.SelectionClearEvent:
				if e.Selection == s.atoms.clipboard {
					s.owned, s.content = false, content{}
				}
			case xproto.PropertyNotifyEvent:
				s.goOn(transferKey{e.Window, e.Atom})
			}
		case now := <-look:
			for key, t := range s.transfers {
				if now.After(t.until) {
					delete(s.transfers, key)
				}
			}
		}
	}
}

// own takes the selection over, at a time of the X server's as ICCCM 2.1 wants it.
func (s *selection) own(ctx context.Context, what content) error {
	x := s.display.x
	select {
	case <-s.times:
	default:
	}
	xproto.ChangeProperty(x, xproto.PropModeAppend, s.window, s.atoms.time, xproto.AtomInteger, 32, 0, nil)
	var now xproto.Timestamp
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(timeWithin):
		return errors.New("the X server does not tell the time")
	case now = <-s.times:
	}
	xproto.SetSelectionOwner(x, s.window, s.atoms.clipboard, now)
	owner, err := xproto.GetSelectionOwner(x, s.atoms.clipboard).Reply()
	if err != nil {
		return err
	}
	if owner.Owner != s.window {
		return errors.New("another program copied in the same moment")
	}
	s.content, s.owned, s.since = what, true, now
	return nil
}

// request answers a program that pastes.
func (s *selection) request(e xproto.SelectionRequestEvent) {
	property := e.Property
	if property == xproto.AtomNone {
		property = e.Target // an old program's way (ICCCM 2.2)
	}
	late := e.Time != xproto.TimeCurrentTime && int32(e.Time-s.since) < 0
	if !s.owned || e.Selection != s.atoms.clipboard || late || !s.write(e.Requestor, e.Target, property, true) {
		property = xproto.AtomNone
	}
	answer := xproto.SelectionNotifyEvent{Time: e.Time, Requestor: e.Requestor, Selection: e.Selection, Target: e.Target, Property: property}
	xproto.SendEvent(s.display.x, false, e.Requestor, xproto.EventMaskNoEvent, string(answer.Bytes()))
}

// write writes the clipboard as target into a property of somebody's window.
func (s *selection) write(window xproto.Window, target, property xproto.Atom, multiple bool) bool {
	switch target {
	case s.atoms.targets:
		s.writeAtoms(window, property, xproto.AtomAtom, append(s.targets(), s.atoms.targets, s.atoms.timestamp, s.atoms.multiple))
		return true
	case s.atoms.timestamp:
		s.writeAtoms(window, property, xproto.AtomInteger, []xproto.Atom{xproto.Atom(s.since)})
		return true
	case s.atoms.multiple:
		return multiple && s.writeAll(window, property)
	}
	data, kind := s.content.data, target
	switch target {
	case xproto.AtomString:
		data = toLatin1(data)
	case s.atoms.text:
		kind = s.atoms.utf8
	}
	offered := false
	for _, t := range s.targets() {
		offered = offered || t == target
	}
	if !offered {
		return false
	}
	if len(data) <= propertyPiece {
		s.writeBytes(window, property, kind, data)
		return true
	}
	if len(s.transfers) >= manyTransfers {
		return false
	}
	// In pieces, each once the one before was taken away.
	xproto.ChangeWindowAttributes(s.display.x, window, xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange})
	s.writeAtoms(window, property, s.atoms.incr, []xproto.Atom{xproto.Atom(len(data))})
	s.transfers[transferKey{window, property}] = &transfer{data, kind, time.Now().Add(transferWithin)}
	return true
}

func (s *selection) targets() []xproto.Atom {
	if s.content.image {
		return []xproto.Atom{s.atoms.png}
	}
	return []xproto.Atom{s.atoms.utf8, s.atoms.plainUTF8, s.atoms.plain, s.atoms.text, xproto.AtomString}
}

// writeAll answers several questions at once (ICCCM 2.6.2): pairs of target and
// property, the latter replaced by none where there is no answer.
func (s *selection) writeAll(window xproto.Window, property xproto.Atom) bool {
	const most = 64
	p, err := xproto.GetProperty(s.display.x, false, window, property, s.atoms.atomPair, 0, 2*most).Reply()
	if err != nil || p.Format != 32 || len(p.Value)%8 != 0 {
		return false
	}
	pairs := make([]xproto.Atom, len(p.Value)/4)
	for i := range pairs {
		pairs[i] = xproto.Atom(binary.LittleEndian.Uint32(p.Value[4*i:]))
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != xproto.AtomNone && !s.write(window, pairs[i], pairs[i+1], false) {
			pairs[i+1] = xproto.AtomNone
		}
	}
	s.writeAtoms(window, property, s.atoms.atomPair, pairs)
	return true
}

// goOn writes the next piece where the one before was taken away; the last is empty.
func (s *selection) goOn(key transferKey) {
	t := s.transfers[key]
	if t == nil {
		return
	}
	n := min(len(t.rest), propertyPiece)
	s.writeBytes(key.window, key.property, t.target, t.rest[:n])
	t.rest, t.until = t.rest[n:], time.Now().Add(transferWithin)
	if n == 0 {
		delete(s.transfers, key)
	}
}

func (s *selection) writeBytes(window xproto.Window, property, kind xproto.Atom, b []byte) {
	xproto.ChangeProperty(s.display.x, xproto.PropModeReplace, window, property, kind, 8, uint32(len(b)), b)
}

func (s *selection) writeAtoms(window xproto.Window, property, kind xproto.Atom, values []xproto.Atom) {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	xproto.ChangeProperty(s.display.x, xproto.PropModeReplace, window, property, kind, 32, uint32(len(values)), b)
}

// toLatin1 has "?" for what it cannot say.
func toLatin1(text []byte) []byte {
	b := make([]byte, 0, len(text))
	for _, r := range string(text) {
		if r > 0xff {
			r = '?'
		}
		b = append(b, byte(r))
	}
	return b
}
