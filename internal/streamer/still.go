package streamer

import (
	"time"

	"github.com/backlot/backlot/internal/wire"
)

const (
	// stillAfter is how long a tile has not changed before it is sent without loss.
	stillAfter = 80 * time.Millisecond
	// movingWithin: changes that follow each other this soon are a movement, and a tile of
	// one waits half as long again as the last of them took to come.
	movingWithin = 160 * time.Millisecond
	// stillBurst is how many bytes of tiles are sent at once, and stillRate how many a
	// second for long: what pauses again and again for a moment is not worth more.
	stillBurst, stillRate = 24 << 20, 6 << 20
)

// still is which parts of a screen viewers can have without loss. It is told what
// happens and never looks at a clock, nor at a pixel.
type still struct {
	width, height int
	columns, rows int // of tiles
	tiles         []tile
	across        int    // areas in a row
	exact         []bool // by area: it is part of a tile that was sent, and has not changed since
	shown         int    // how many are
	said          bool   // that all has been sent
	left          int    // bytes that may be sent
	counted       time.Time
}

type tile struct {
	changed time.Time
	gap     time.Duration // between the last two changes
	sent    bool
	sum     uint64
}

// rested is when it has not changed for long enough.
func (t tile) rested() time.Time {
	if t.gap < movingWithin {
		return t.changed.Add(max(stillAfter, t.gap*3/2))
	}
	return t.changed.Add(stillAfter)
}

// newStill is of a screen that is all new at a time.
func newStill(width, height int, now time.Time) *still {
	up := func(n, by int) int { return (n + by - 1) / by }
	s := &still{
		width: width, height: height,
		columns: up(width, wire.TileSide), rows: up(height, wire.TileSide),
		across: up(width, wire.AreaSide), left: stillBurst, counted: now,
	}
	s.tiles = make([]tile, s.columns*s.rows)
	for i := range s.tiles {
		s.tiles[i].changed = now
	}
	s.exact = make([]bool, s.across*up(height, wire.AreaSide))
	return s
}

// everywhere is a change of a screen of whatever size.
func everywhere() []wire.Area {
	return []wire.Area{{Width: wire.MaxSide / wire.AreaSide, Height: wire.MaxSide / wire.AreaSide}}
}

// change takes which areas a frame changes: those that are not the same. It returns
// those that were exact until then, as rectangles.
func (s *still) change(now time.Time, same []byte) []wire.Area {
	for i, is := range same {
		if is == 0 {
			s.soil(i%s.across, i/s.across, now)
		}
	}
	if s.shown == 0 {
		return nil
	}
	was := func(i int) bool { return s.exact[i] && same[i] == 0 }
	areas := s.rectangles(was)
	if areas == nil {
		areas = []wire.Area{s.around(was)}
	}
	for _, a := range areas {
		for y := int(a.Y); y < int(a.Y+a.Height); y++ {
			for x := int(a.X); x < int(a.X+a.Width); x++ {
				if i := y*s.across + x; s.exact[i] {
					s.exact[i] = false
					s.shown--
					s.soil(x, y, now)
				}
			}
		}
	}
	return areas
}

// soil says that the tile of an area has changed.
func (s *still) soil(x, y int, now time.Time) {
	const per = wire.TileSide / wire.AreaSide
	t := &s.tiles[y/per*s.columns+x/per]
	if gap := now.Sub(t.changed); gap > 0 { // the first area of it
		t.gap, t.changed = gap, now
	}
	t.sent = false
	s.said = false
}

// rectangles covers the areas by runs, those that are alike in rows that follow each
// other taken together; nil: they are too many.
func (s *still) rectangles(in func(int) bool) []wire.Area {
	all := []wire.Area{}
	above := 0 // the first rectangle that may go on
	for y := range len(s.exact) / s.across {
		began := len(all)
		for x := 0; x < s.across; x++ {
			if !in(y*s.across + x) {
				continue
			}
			first := x
			for x < s.across && in(y*s.across+x) {
				x++
			}
			run := wire.Area{X: uint16(first), Y: uint16(y), Width: uint16(x - first), Height: 1}
			grown := false
			for i := above; i < began && !grown; i++ {
				if a := &all[i]; a.X == run.X && a.Width == run.Width && a.Y+a.Height == run.Y {
					a.Height++
					grown = true
				}
			}
			if grown {
				continue
			}
			if len(all) == wire.MaxAreas {
				return nil
			}
			all = append(all, run)
		}
		for above < began && int(all[above].Y+all[above].Height) <= y {
			above++
		}
	}
	return all
}

// around is the rectangle that holds all of the areas.
func (s *still) around(in func(int) bool) wire.Area {
	left, top, right, bottom := s.across, len(s.exact), 0, 0
	for i := range s.exact {
		if in(i) {
			x, y := i%s.across, i/s.across
			left, top, right, bottom = min(left, x), min(top, y), max(right, x+1), max(bottom, y+1)
		}
	}
	return wire.Area{X: uint16(left), Y: uint16(top), Width: uint16(right - left), Height: uint16(bottom - top)}
}

// due says when the next tile is to be sent, or word that all are; false: when
// something has changed.
func (s *still) due() (time.Time, bool) {
	var due time.Time
	for _, t := range s.tiles {
		if at := t.rested(); !t.sent && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	if due.IsZero() {
		return s.counted, !s.said
	}
	if s.left < 0 {
		due = later(due, s.counted.Add(time.Duration(-s.left)*time.Second/stillRate))
	}
	return due, true
}

// next appends up to n tiles to send now.
func (s *still) next(now time.Time, n int, all []int) []int {
	s.left = min(stillBurst, s.left+int(now.Sub(s.counted).Seconds()*stillRate))
	s.counted = now
	for i, t := range s.tiles {
		if len(all) == n || s.left < 0 {
			break
		}
		if !t.sent && !now.Before(t.rested()) {
			all = append(all, i)
		}
	}
	return all
}

// place is where a tile lies, in pixels.
func (s *still) place(i int) (x, y, width, height int) {
	x, y = i%s.columns*wire.TileSide, i/s.columns*wire.TileSide
	return x, y, min(wire.TileSide, s.width-x), min(wire.TileSide, s.height-y)
}

// sent records a tile.
func (s *still) sent(i int, sum uint64, bytes int) {
	s.tiles[i].sent, s.tiles[i].sum = true, sum
	s.left -= bytes
	x, y, width, height := s.place(i)
	for ay := y / wire.AreaSide; ay*wire.AreaSide < y+height; ay++ {
		for ax := x / wire.AreaSide; ax*wire.AreaSide < x+width; ax++ {
			if e := &s.exact[ay*s.across+ax]; !*e {
				*e = true
				s.shown++
			}
		}
	}
}

// all returns the sums of all tiles once all have been sent, the first time that it
// is asked for them since.
func (s *still) all() []uint64 {
	sums := make([]uint64, len(s.tiles))
	for i, t := range s.tiles {
		if !t.sent {
			return nil
		}
		sums[i] = t.sum
	}
	s.said = true
	return sums
}
