//go:build linux

package streamer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/BurntSushi/xgb"
	"github.com/BurntSushi/xgb/xfixes"
	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/wire"
)

const (
	// targetsWithin is how long a program may take to say as what its copy can be had,
	// answerWithin to begin with the copy itself, and chunkWithin to go on with it.
	targetsWithin = 2 * time.Second
	answerWithin  = 15 * time.Second
	chunkWithin   = 5 * time.Second
	// keepCopy is how long what was fetched for one viewer is kept for the others.
	keepCopy = 5 * time.Second
	// queuedEvents of X's wait for a goroutine: what a flood loses is lost by who floods.
	queuedEvents = 256
	// propertyPiece is how much of a property is read or written at once, in bytes: a
	// request of X's has room for 256 KiB.
	propertyPiece = 128 << 10
	// manyTargets is how many formats of a copy are looked at.
	manyTargets = 1024
)

var (
	errNothing = errors.New("there is no such thing in the clipboard")
	errLarge   = errors.New("too large for the clipboard")
	errSilent  = errors.New("the program that copied does not answer")
	pngMagic   = []byte("\x89PNG\r\n\x1a\n")
)

// clipboard is X's CLIPBOARD selection: here what programs of the desktop copy, in
// selection.go what viewers paste.
type clipboard struct {
	display *display
	link    *link
	log     *slog.Logger
	window  xproto.Window
	atoms   clipboardAtoms

	changed chan xfixes.SelectionNotifyEvent // another program has copied: the latest news only
	answers chan xgb.Event                   // SelectionNotify, and new values of our window's properties
	fetches chan fetch

	begin  xproto.Window // who had copied before the streamer came
	known  chan struct{} // closed once it is known as what that can be had
	mu     sync.Mutex
	copied wire.Copied // the latest

	selection selection
}

type clipboardAtoms struct {
	clipboard, targets, timestamp, multiple, atomPair, incr xproto.Atom
	utf8, plainUTF8, plain, text, png                       xproto.Atom
	copy, time                                              xproto.Atom // properties of our window
}

// fetch is a wish for what was copied.
type fetch struct {
	image bool
	reply chan<- fetched
}

type fetched struct {
	data []byte
	err  error
}

func newClipboard(d *display, link *link, log *slog.Logger) (*clipboard, error) {
	c := &clipboard{
		display: d, link: link, log: log,
		changed: make(chan xfixes.SelectionNotifyEvent, 1),
		answers: make(chan xgb.Event, queuedEvents),
		fetches: make(chan fetch), known: make(chan struct{}),
	}
	for name, atom := range map[string]*xproto.Atom{
		"CLIPBOARD": &c.atoms.clipboard, "TARGETS": &c.atoms.targets, "TIMESTAMP": &c.atoms.timestamp,
		"MULTIPLE": &c.atoms.multiple, "ATOM_PAIR": &c.atoms.atomPair, "INCR": &c.atoms.incr,
		"UTF8_STRING": &c.atoms.utf8, "text/plain;charset=utf-8": &c.atoms.plainUTF8, "text/plain": &c.atoms.plain,
		"TEXT": &c.atoms.text, "image/png": &c.atoms.png,
		"BACKLOT_COPY": &c.atoms.copy, "BACKLOT_TIME": &c.atoms.time,
	} {
		var err error
		if *atom, err = d.atom(name); err != nil {
			return nil, err
		}
	}
	var err error
	if c.window, err = xproto.NewWindowId(d.x); err != nil {
		return nil, err
	}
	// Never shown: it owns, asks, and gets answers.
	if err := xproto.CreateWindowChecked(d.x, 0, c.window, d.root, -1, -1, 1, 1, 0, xproto.WindowClassInputOnly, 0,
		xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange}).Check(); err != nil {
		return nil, err
	}
	c.selection = newSelection(c)
	const all = xfixes.SelectionEventMaskSetSelectionOwner | xfixes.SelectionEventMaskSelectionWindowDestroy | xfixes.SelectionEventMaskSelectionClientClose
	if err := xfixes.SelectSelectionInputChecked(d.x, c.window, c.atoms.clipboard, all).Check(); err != nil {
		return nil, err
	}
	owner, err := xproto.GetSelectionOwner(d.x, c.atoms.clipboard).Reply()
	if err != nil {
		return nil, err
	}
	c.begin = owner.Owner
	return c, nil
}

// event takes what concerns the clipboard, without waiting.
func (c *clipboard) event(e xgb.Event) {
	to := c.answers
	switch e := e.(type) {
	case xfixes.SelectionNotifyEvent:
		select {
		case <-c.changed:
		default:
		}
		c.changed <- e // the events' goroutine is the only sender
		return
	case xproto.SelectionNotifyEvent:
	case xproto.SelectionRequestEvent, xproto.SelectionClearEvent:
		to = c.selection.events
	case xproto.PropertyNotifyEvent:
		switch {
		case e.Window != c.window && e.State == xproto.PropertyDelete:
			to = c.selection.events
		case e.Window == c.window && e.Atom == c.atoms.time:
			select {
			case c.selection.times <- e.Time:
			default:
			}
			return
		case e.Window != c.window || e.Atom != c.atoms.copy || e.State != xproto.PropertyNewValue:
			return
		}
	default:
		return
	}
	select {
	case to <- e:
	default:
	}
}

// announce tells a gateway that has just come what was copied last, or that nothing
// was: so that it is known of what comes that it is new.
func (c *clipboard) announce(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-c.known:
	}
	c.mu.Lock()
	m := c.copied
	c.mu.Unlock()
	c.link.send(m)
}

// run asks programs that have copied, one after the other, until ctx ends.
func (c *clipboard) run(ctx context.Context) error {
	var kept [2]*fetched // text, image
	var stale <-chan time.Time
	var at xproto.Timestamp
	if c.begin != xproto.WindowNone {
		text, image := c.kinds(ctx, at)
		c.mu.Lock()
		c.copied = wire.Copied{Text: text, Image: image}
		c.mu.Unlock()
	}
	close(c.known)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-stale:
			kept = [2]*fetched{}
		case e := <-c.changed:
			kept, at = [2]*fetched{}, e.Timestamp
			if e.Owner == c.window {
				continue // a viewer has pasted
			}
			text, image := false, false
			if e.Owner != xproto.WindowNone {
				text, image = c.kinds(ctx, at)
			}
			c.mu.Lock()
			c.copied = wire.Copied{Serial: c.copied.Serial + 1, Text: text, Image: image}
			m := c.copied
			c.mu.Unlock()
			c.link.send(m)
		case f := <-c.fetches:
			kind := 0
			if f.image {
				kind = 1
			}
			if kept[kind] == nil {
				data, err := c.fetch(ctx, f.image, at)
				if err != nil {
					c.log.DebugContext(ctx, "cannot fetch what was copied", "image", f.image, "err", err)
				}
				kept[kind] = &fetched{data, err}
				stale = time.After(keepCopy)
			}
			f.reply <- *kept[kind]
		}
	}
}

// get returns what was copied.
func (c *clipboard) get(ctx context.Context, image bool) ([]byte, error) {
	reply := make(chan fetched, 1)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case c.fetches <- fetch{image, reply}:
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case f := <-reply:
		return f.data, f.err
	}
}

// kinds asks as what a copy can be had. Who does not know the question has text.
func (c *clipboard) kinds(ctx context.Context, at xproto.Timestamp) (text, image bool) {
	b, _, err := c.convert(ctx, c.atoms.targets, at, 4*manyTargets, targetsWithin)
	if err != nil {
		return errors.Is(err, errNothing), false
	}
	for a := range slices.Chunk(b, 4) {
		if len(a) < 4 {
			break
		}
		switch xproto.Atom(binary.LittleEndian.Uint32(a)) {
		case c.atoms.utf8, c.atoms.plainUTF8, xproto.AtomString:
			text = true
		case c.atoms.png:
			image = true
		}
	}
	return text, image
}

func (c *clipboard) fetch(ctx context.Context, image bool, at xproto.Timestamp) ([]byte, error) {
	if image {
		b, _, err := c.convert(ctx, c.atoms.png, at, wire.MaxClipboardImage, answerWithin)
		if err == nil && !bytes.HasPrefix(b, pngMagic) {
			err = errors.New("that is no PNG")
		}
		return b, err
	}
	err := errNothing
	for _, target := range []xproto.Atom{c.atoms.utf8, c.atoms.plainUTF8, xproto.AtomString} {
		var b []byte
		var kind xproto.Atom
		if b, kind, err = c.convert(ctx, target, at, wire.MaxClipboardText, answerWithin); errors.Is(err, errNothing) {
			continue
		}
		if kind == xproto.AtomString {
			b = fromLatin1(b)
		}
		b = bytes.ToValidUTF8(bytes.TrimRight(b, "\x00"), []byte("\ufffd"))
		if err == nil && len(b) > wire.MaxClipboardText {
			err = errLarge
		}
		return b, err
	}
	return nil, err
}

func fromLatin1(b []byte) []byte {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return []byte(string(runes))
}

// convert has the program that copied write its copy into our property (ICCCM 2.4),
// and returns it with its type. It may come at once or in pieces (2.7.2).
func (c *clipboard) convert(ctx context.Context, target xproto.Atom, at xproto.Timestamp, limit int, within time.Duration) ([]byte, xproto.Atom, error) {
	x := c.display.x
	xproto.DeleteProperty(x, c.window, c.atoms.copy)
	for len(c.answers) > 0 { // to a question that was given up
		<-c.answers
	}
	xproto.ConvertSelection(x, c.window, c.atoms.clipboard, target, c.atoms.copy, at)
	deadline := time.After(within)
	for {
		e, err := c.answer(ctx, deadline)
		if err != nil {
			return nil, 0, err
		}
		if n, ok := e.(xproto.SelectionNotifyEvent); ok && n.Selection == c.atoms.clipboard && n.Target == target {
			if n.Property != c.atoms.copy {
				return nil, 0, errNothing
			}
			break
		}
	}
	b, kind, err := c.property(nil, limit)
	if err != nil || kind != c.atoms.incr {
		return b, kind, err
	}
	// It was deleted as it was read, which is the sign to begin.
	for b = nil; ; {
		e, err := c.answer(ctx, time.After(chunkWithin))
		if err != nil {
			return nil, 0, err
		}
		if _, ok := e.(xproto.PropertyNotifyEvent); !ok {
			continue
		}
		before := len(b)
		piece, is, err := c.property(b, limit)
		if err != nil {
			return nil, 0, err
		}
		if is == 0 || is == c.atoms.incr {
			continue // of the beginning
		}
		if b, kind = piece, is; len(b) == before {
			return b, kind, nil
		}
	}
}

func (c *clipboard) answer(ctx context.Context, deadline <-chan time.Time) (xgb.Event, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-deadline:
		return nil, errSilent
	case e := <-c.answers:
		return e, nil
	}
}

// property appends our property to b, and deletes it. Its type is 0 if there is none.
func (c *clipboard) property(b []byte, limit int) ([]byte, xproto.Atom, error) {
	for offset := uint32(0); ; {
		// Deleted only with the last piece.
		p, err := xproto.GetProperty(c.display.x, true, c.window, c.atoms.copy, xproto.GetPropertyTypeAny, offset, propertyPiece/4).Reply()
		if err != nil {
			return nil, 0, fmt.Errorf("read a property: %w", err)
		}
		if len(b)+len(p.Value)+int(p.BytesAfter) > limit && p.Type != c.atoms.incr {
			xproto.DeleteProperty(c.display.x, c.window, c.atoms.copy)
			return nil, 0, errLarge
		}
		b = append(b, p.Value...)
		if p.BytesAfter == 0 || len(p.Value) == 0 {
			return b, p.Type, nil
		}
		offset += uint32(len(p.Value)) / 4
	}
}
