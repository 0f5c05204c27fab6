package wire

// From streamer to gateway, which passes them on to the pages, with its own time
// in place of the streamer's.
const (
	TypeChange Type = iota + 0x07
	TypeTile
	TypeStill
)

// TypeExact is from viewer page to streamer.
const TypeExact Type = 0xa0

// Between gateway and page alone.
const (
	// TypeTaken is from the page.
	TypeTaken Type = iota + 0xd0
	// TypePart is from the gateway.
	TypePart
)

const (
	// TileSide is the side of a tile in pixels. Those at the right and at the
	// bottom of a screen are as large as is left.
	TileSide = 128
	// AreaSide is the side of what areas are made of, in pixels: a macroblock.
	AreaSide = 16
	// MaxAreas is how many areas a Change has at most.
	MaxAreas = 255
	// MaxTile bounds the data of a tile in bytes: its pixels and what deflate adds to
	// what it cannot make smaller.
	MaxTile = 3*TileSide*TileSide + 256
)

// Codings of a tile: three planes (green, red less green, blue less green, by bytes
// that wrap around), deflated as one (RFC 1951).
const (
	CodingPlain = iota // rows as they are
	CodingUp           // each row less the one above it, the first of a plane as it is
	codings
)

// Change comes before the frame of the same time, as long as anything is exact, and
// says which parts of the picture it changes: nothing that was exact there still is.
type Change struct {
	CapturedMicros uint64
	Areas          []Area
}

// Area is a rectangle, in units of AreaSide. It may lie outside the screen.
type Area struct{ X, Y, Width, Height uint16 }

// Tile is a part of the picture without any loss, as it is in the frame of that
// time. Width and Height are the screen's.
type Tile struct {
	CapturedMicros uint64
	Width, Height  uint16
	Column, Row    uint16
	// Sum tells the tile's pixels from others.
	Sum    uint64
	Coding uint8
	// Data is good until the next ReadMessage, as that of Video.
	Data []byte
}

// Still says that all of the screen has been sent as tiles. Sum is that of the tiles'
// sums, by rows.
type Still struct {
	CapturedMicros uint64
	Width, Height  uint16
	Sum            uint64
}

// Exact says that a page shows the very pixels of the Still with that sum.
type Exact struct{ Sum uint64 }

// Taken says how many bytes of parts the page has dealt with in all, which wraps around.
// None: it has no tiles, and takes some.
type Taken struct{ Bytes uint32 }

// Part is the next piece of a stream of Tiles and Stills, each with its length in four
// bytes before it. One of no bytes answers a Taken of none: the stream begins anew.
type Part struct{ Data []byte }

// Type is TypeChange.
func (Change) Type() Type { return TypeChange }

// Type is TypeTile.
func (Tile) Type() Type { return TypeTile }

// Type is TypeStill.
func (Still) Type() Type { return TypeStill }

// Type is TypeExact.
func (Exact) Type() Type { return TypeExact }

// Type is TypeTaken.
func (Taken) Type() Type { return TypeTaken }

// Type is TypePart.
func (Part) Type() Type { return TypePart }

func (m Change) write(w *writer) {
	w.u64(m.CapturedMicros)
	for _, a := range m.Areas {
		w.size(a.X, a.Y)
		w.size(a.Width, a.Height)
	}
}

func (m Tile) write(w *writer) {
	w.u64(m.CapturedMicros)
	w.size(m.Width, m.Height)
	w.size(m.Column, m.Row)
	w.u64(m.Sum)
	w.b = append(append(w.b, m.Coding), m.Data...)
}

func (m Still) write(w *writer) {
	w.u64(m.CapturedMicros)
	w.size(m.Width, m.Height)
	w.u64(m.Sum)
}

func (m Exact) write(w *writer) { w.u64(m.Sum) }
func (m Taken) write(w *writer) { w.u32(m.Bytes) }

func (m Part) write(w *writer) { w.b = append(w.b, m.Data...) }

func (r *reader) change() Change {
	m := Change{CapturedMicros: r.u64()}
	if len(r.b) > 8*MaxAreas {
		r.fail("too many areas")
		return m
	}
	for len(r.b) > 0 {
		m.Areas = append(m.Areas, Area{r.u16(), r.u16(), r.u16(), r.u16()})
	}
	return m
}

func (r *reader) tile() Tile {
	m := Tile{r.u64(), r.side(), r.side(), r.u16(), r.u16(), r.u64(), r.u8(), r.rest()}
	switch {
	case int(m.Column)*TileSide >= int(m.Width) || int(m.Row)*TileSide >= int(m.Height):
		r.fail("tile outside the screen")
	case m.Coding >= codings:
		r.fail("no such coding")
	case len(m.Data) == 0 || len(m.Data) > MaxTile:
		r.fail("no data of a tile")
	}
	return m
}
