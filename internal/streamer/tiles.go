//go:build linux

package streamer

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

const (
	// tileCoders is how many tiles are coded at a time, tilesPerTurn how many before
	// something else gets its turn: a change of the picture waits for no more than these.
	tileCoders   = 2
	tilesPerTurn = 12
)

// tiles sends a screen without loss, part by part. One goroutine uses it.
type tiles struct {
	*still
	total    uint64             // the sum of all of it, once that is said
	tell     func(wire.Message) // the gateway
	captured uint64             // of the frame that the screen holds
	latest   uint64             // of the last frame
	coders   [tileCoders]*tileCoder
	turn     []int
}

// newTiles is of a screen that is all new at a time.
func newTiles(tell func(wire.Message), width, height int, now time.Time) (*tiles, error) {
	t := &tiles{still: newStill(width, height, now), tell: tell}
	for i := range t.coders {
		var err error
		if t.coders[i], err = newTileCoder(); err != nil {
			t.close()
			return nil, err
		}
	}
	return t, nil
}

func (t *tiles) close() {
	for _, c := range t.coders {
		if c != nil {
			c.close()
		}
	}
}

// frame announces a frame that is about to be sent. p is its picture, and whether
// anything in it has changed; first: it is the first of its screen.
func (t *tiles) frame(now time.Time, captured uint64, p *picture, change, first bool) {
	m := wire.Change{CapturedMicros: captured}
	t.latest = captured
	was := t.shown > 0
	if change {
		t.captured = captured
		m.Areas = t.change(now, p.same)
	}
	if first {
		m.Areas = everywhere()
	}
	if was || first {
		t.tell(m)
	}
}

// send sends some of the tiles that are due, of a screen that has stride bytes a row.
func (t *tiles) send(now time.Time, screen []byte, stride int) error {
	t.turn = t.next(now, tilesPerTurn, t.turn[:0])
	if t.shown == 0 {
		// Pages show a tile only if they know of each frame that it was not changed by.
		t.tell(wire.Change{CapturedMicros: t.latest})
	}
	type coded struct {
		sum   uint64
		bytes int
		err   error
	}
	done := make([]coded, len(t.turn))
	var coding sync.WaitGroup
	for k, coder := range t.coders {
		coding.Go(func() {
			for j := k; j < len(t.turn); j += len(t.coders) {
				m, err := t.tile(coder, t.turn[j], screen, stride)
				done[j] = coded{m.Sum, len(m.Data), err}
				if err == nil {
					t.tell(m)
				}
			}
		})
	}
	coding.Wait()
	for j, d := range done {
		if d.err != nil {
			return fmt.Errorf("send tile %d: %w", t.turn[j], d.err)
		}
		t.sent(t.turn[j], d.sum, d.bytes)
	}
	if sums := t.all(); sums != nil {
		t.total = sumOf(sums)
		t.tell(wire.Still{CapturedMicros: t.captured, Width: uint16(t.width), Height: uint16(t.height), Sum: t.total})
	}
	return nil
}

// is tells whether the screen, as it is now, has been sent as what has that sum.
func (t *tiles) is(sum uint64) bool { return t.said && sum == t.total }

func (t *tiles) tile(c *tileCoder, i int, screen []byte, stride int) (wire.Tile, error) {
	x, y, width, height := t.place(i)
	if len(screen) < y*stride+4*x {
		return wire.Tile{}, errors.New("it lies outside the screen")
	}
	data, coding, sum, err := c.code(screen[y*stride+4*x:], stride/4, width, height)
	return wire.Tile{
		CapturedMicros: t.captured,
		Width:          uint16(t.width), Height: uint16(t.height),
		Column: uint16(i % t.columns), Row: uint16(i / t.columns),
		Sum: sum, Coding: coding, Data: data,
	}, err
}
