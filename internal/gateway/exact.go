package gateway

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// exactBytes bounds the tiles that are kept of one session: enough for four monitors
// of 3840 x 2160 of noise.
const exactBytes = 64 << 20

// partMost bounds a part in bytes.
const partMost = 64 << 10

// feedWithin is how long a page may take no byte of it.
const feedWithin = 5 * time.Second

// feedGather is how long tiles are gathered before they go.
const feedGather = 3 * time.Millisecond

// exact is the picture of a session without loss, as far as the streamer has sent it
// and it has not changed since. Viewers get of it what they lack, each in its own time.
type exact struct {
	width, height uint16
	columns       int
	tiles         []*lossless // by rows; nil: not known
	bytes         int
	still         *lossless // once there are all tiles; nil until then
	sum           uint64    // of still
}

// lossless is a Tile or Still as pages get it.
type lossless struct{ message []byte }

// clear forgets everything.
func (e *exact) clear() { *e = exact{} }

// drop forgets the tiles that areas touch.
func (e *exact) drop(areas []wire.Area) {
	const per = wire.TileSide / wire.AreaSide
	for _, a := range areas {
		if a.Width == 0 || a.Height == 0 || e.columns == 0 {
			continue
		}
		right := min((int(a.X)+int(a.Width)-1)/per, e.columns-1)
		bottom := min((int(a.Y)+int(a.Height)-1)/per, len(e.tiles)/e.columns-1)
		for row := int(a.Y) / per; row <= bottom; row++ {
			for column := int(a.X) / per; column <= right; column++ {
				e.put(row*e.columns+column, nil)
			}
		}
	}
}

func (e *exact) put(i int, t *lossless) {
	if old := e.tiles[i]; old != nil {
		e.bytes -= len(old.message)
	}
	if t != nil {
		e.bytes += len(t.message)
	}
	e.tiles[i], e.still = t, nil
}

// add takes a tile, unless there is no more room for all of them.
func (e *exact) add(m wire.Tile, room int) {
	if e.width != m.Width || e.height != m.Height {
		up := func(n uint16) int { return (int(n) + wire.TileSide - 1) / wire.TileSide }
		*e = exact{width: m.Width, height: m.Height, columns: up(m.Width), tiles: make([]*lossless, up(m.Width)*up(m.Height))}
	}
	i := int(m.Row)*e.columns + int(m.Column)
	if e.put(i, nil); e.bytes+len(m.Data) < room {
		e.put(i, &lossless{wire.Append(nil, m)})
	}
}

// finish takes word that all tiles have been sent.
func (e *exact) finish(m wire.Still) {
	if e.width == m.Width && e.height == m.Height {
		e.still, e.sum = &lossless{wire.Append(nil, m)}, m.Sum
	}
}

// supply is what one viewer has got of the picture. The session's lock guards it.
type supply struct {
	wanted bool
	begins bool // the page is still to be told that the stream begins
	window window
	tiles  []*lossless // that it has, by rows
	still  *lossless
	shows  uint64 // the sum of what it says that it shows without loss
	rest   []byte // of the stream of parts: what has been chosen and not been sent
}

// next is the next message for the viewer that may be sent now; nil: none.
func (s *supply) next(e *exact, now time.Time) []byte {
	if s.begins {
		s.begins = false
		return wire.Append(nil, wire.Part{})
	}
	if !s.wanted || s.window.room() < windowLeast/2 {
		return nil
	}
	// A narrow way carries other things, too, between two parts.
	n := max(windowLeast/2, min(s.window.size/4, partMost))
	for len(s.rest) < n && s.choose(e) {
	}
	if n = min(n, len(s.rest)); n == 0 {
		return nil
	}
	part := wire.Append(nil, wire.Part{Data: s.rest[:n]})
	s.rest = slices.Delete(s.rest, 0, n)
	s.window.send(n, now)
	return part
}

// choose adds a message that the viewer lacks to what is to be sent to it.

func (s *supply) choose(e *exact) bool {
	if len(s.tiles) != len(e.tiles) {
		s.tiles = make([]*lossless, len(e.tiles))
	}
	for i, t := range e.tiles {
		if t != nil && s.tiles[i] != t {
			s.tiles[i] = t
			s.add(t)
			return true
		}
	}
	if e.still == nil || s.still == e.still {
		return false
	}
	s.still = e.still
	s.add(e.still)
	return true
}

func (s *supply) add(m *lossless) {
	s.rest = append(binary.BigEndian.AppendUint32(s.rest, uint32(len(m.message))), m.message...)
}

// change passes on what a frame is about to change.
func (s *screen) change(st *streamer, m wire.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	m.CapturedMicros = s.clock.micros(m.CapturedMicros, time.Now())
	s.exact.drop(m.Areas)
	s.broadcast(wire.Append(nil, m))
}

// tile takes a part of the picture without loss, or word that all have come.
func (s *screen) tile(st *streamer, m wire.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	switch m := m.(type) {
	case wire.Tile:
		m.CapturedMicros = s.clock.of(m.CapturedMicros)
		room := exactBytes + s.exact.bytes
		for _, screen := range s.screens {
			room -= screen.exact.bytes
		}
		s.exact.add(m, room)
	case wire.Still:
		m.CapturedMicros = s.clock.of(m.CapturedMicros)
		s.exact.finish(m)
	}
	for _, v := range s.viewers {
		v.hungry()
	}
}

// forgetExact is for a streamer of which nothing is known yet.
func (s *screen) forgetExact() {
	s.exact.clear()
	s.broadcast(wire.Append(nil, wire.Change{
		CapturedMicros: uint64(max(s.clock.last, 0)),
		Areas:          []wire.Area{{Width: wire.MaxSide / wire.AreaSide, Height: wire.MaxSide / wire.AreaSide}},
	}))
}

// took is told how much of what was sent to v its page has dealt with.
func (s *screen) took(v *viewer, m wire.Taken) {
	v.supply.window.take(m.Bytes, time.Now())
	if m.Bytes == 0 {
		v.supply = supply{wanted: true, begins: true}
		v.message(wire.Append(nil, wire.Change{CapturedMicros: uint64(max(s.clock.last, 0))}))
	}
	v.hungry()
}

// shown is told that v's page shows a picture without loss. The streamer hears of it
// once all pages do: nothing is left to make better, then.
func (s *screen) shown(v *viewer, m wire.Exact) {
	v.supply.shows = m.Sum
	if s.exact.still == nil {
		return
	}
	for _, v := range s.viewers {
		if v.watches && v.supply.shows != s.exact.sum {
			return
		}
	}
	s.tell(wire.Exact{Sum: s.exact.sum})
}

// feed sends v what it lacks of the picture without loss, until v ends.
func (s *screen) feed(v *viewer, send func([]byte) error) {
	next := func() ([]byte, time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		b := v.supply.next(&s.exact, time.Now())
		return b, s.pause(v, len(b))
	}
	for {
		select {
		case <-v.done:
			return
		case <-v.hunger:
		}
		// Tiles come many at a time, and go so, too.
		select {
		case <-v.done:
			return
		case <-time.After(feedGather):
		}
		for b, pause := next(); b != nil; b, pause = next() {
			if send(b) != nil {
				return // the page has gone, as others will notice
			}
			if pause == 0 {
				continue
			}
			select {
			case <-v.done:
				return
			case <-time.After(pause):
			}
		}
	}
}

// hungry has feed look for something to send.
func (v *viewer) hungry() {
	select {
	case v.hunger <- struct{}{}:
	default:
	}
}
