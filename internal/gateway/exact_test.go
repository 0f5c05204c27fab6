package gateway

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// A screen of 3 x 2 tiles, the last of each side smaller.
const exactWidth, exactHeight = 300, 200

func tileAt(column, row uint16, sum uint64) wire.Tile {
	return wire.Tile{
		CapturedMicros: 1, Width: exactWidth, Height: exactHeight, Column: column, Row: row, Sum: sum, Data: []byte{3, 0},
	}
}

func still(sum uint64) wire.Still {
	return wire.Still{CapturedMicros: 1, Width: exactWidth, Height: exactHeight, Sum: sum}
}

// got is what a page makes of all that it is sent at once.
func got(t *testing.T, s *supply, e *exact) (tiles []uint64, stills []uint64) {
	t.Helper()
	var stream []byte
	now := time.Unix(0, 0)
	for {
		b := s.next(e, now)
		if b == nil {
			break
		}
		m, err := wire.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		stream = append(stream, m.(wire.Part).Data...)
		now = now.Add(time.Millisecond)
		s.window.take(s.window.sent, now)
	}
	for len(stream) > 0 {
		n := binary.BigEndian.Uint32(stream)
		m, err := wire.Decode(stream[4 : 4+n])
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case wire.Tile:
			tiles = append(tiles, m.Sum)
		case wire.Still:
			stills = append(stills, m.Sum)
		}
		stream = stream[4+n:]
	}
	return tiles, stills
}

func TestViewersGetWhatTheyLack(t *testing.T) {
	t.Parallel()
	var e exact
	for i := range uint16(6) {
		e.add(tileAt(i%3, i/3, uint64(i)), exactBytes)
	}
	e.finish(still(9))
	first, second := &supply{wanted: true}, &supply{wanted: true}
	tiles, stills := got(t, first, &e)
	if len(tiles) != 6 || len(stills) != 1 {
		t.Fatalf("got tiles %v and stills %v, want all", tiles, stills)
	}
	if tiles, stills := got(t, first, &e); tiles != nil || stills != nil {
		t.Errorf("got %v, %v again", tiles, stills)
	}

	// From area (9, 1) to (16, 2): the second and the third tile.
	e.drop([]wire.Area{{X: 9, Y: 1, Width: 8, Height: 2}})
	if e.still != nil {
		t.Error("all is still exact although something has changed")
	}
	e.add(tileAt(1, 0, 11), exactBytes)
	if tiles, stills := got(t, first, &e); len(tiles) != 1 || tiles[0] != 11 || stills != nil {
		t.Errorf("got %v, %v, want the tile that is new", tiles, stills)
	}
	if tiles, _ := got(t, second, &e); len(tiles) != 5 {
		t.Errorf("who comes later gets %v, want all that is known", tiles)
	}
	e.add(tileAt(2, 0, 12), exactBytes)
	e.finish(still(10))
	for _, s := range []*supply{first, second} {
		if tiles, stills := got(t, s, &e); len(tiles) != 1 || tiles[0] != 12 || len(stills) != 1 || stills[0] != 10 {
			t.Errorf("got %v, %v, want the rest", tiles, stills)
		}
	}
	if s := new(supply); s.next(&e, time.Unix(0, 0)) != nil {
		t.Error("a page that asks for nothing gets something")
	}
}

func TestExactIsBounded(t *testing.T) {
	t.Parallel()
	var e exact
	m := wire.Tile{Width: wire.MaxSide, Height: wire.MaxSide, Data: make([]byte, wire.MaxTile)}
	for m.Row = range uint16(wire.MaxSide / wire.TileSide) {
		for m.Column = range uint16(wire.MaxSide / wire.TileSide) {
			e.add(m, exactBytes)
		}
	}
	held := 0
	for _, tile := range e.tiles {
		if tile != nil {
			held += len(tile.message)
		}
	}
	if held != e.bytes || held > exactBytes+wire.MaxTile {
		t.Errorf("%d bytes held, %d counted, want at most %d", held, e.bytes, exactBytes)
	}
	e.drop([]wire.Area{{Width: 0xffff, Height: 0xffff}, {X: 0xffff, Y: 0xffff, Width: 0xffff, Height: 0xffff}, {}})
	if e.bytes != 0 {
		t.Errorf("%d bytes left after all has changed", e.bytes)
	}
	e.add(tileAt(0, 0, 1), exactBytes) // of a screen of another size
	if len(e.tiles) != 6 || e.tiles[0] == nil {
		t.Errorf("%d tiles of the new screen, want 6", len(e.tiles))
	}
}
