//go:build linux

package streamer

/*
#cgo CFLAGS: -O3
#cgo LDFLAGS: -lyuv
#include <stdlib.h>
#include <libyuv/convert.h>
#include <libyuv/convert_from_argb.h>
#include <libyuv/scale.h>

// A row of each changed block, against its neighbours to the right and below. Blocks beside each
// other have unlike rows looked at: small text has gaps at the same place in each.
static void measure(const uint8_t *y, int width, int height, const uint8_t *same, uint8_t *detail) {
	int columns = (width + 15) / 16, rows = (height + 15) / 16;
	for (int row = 0; row < rows; row++)
		for (int column = 0; column < columns; column++) {
			if (same[row * columns + column])
				continue;
			int left = 16 * column < width - 16 ? 16 * column : width - 16;
			int top = 16 * row + 2 + 5 * (column % 3), sum = 0;
			top = top < height - 2 ? top : height - 2;
			const uint8_t *p = y + (size_t)top * width + left;
			for (int i = 0; i < 16; i++)
				sum += abs(p[i] - p[i + 1]);
			for (int i = 0; i < 16; i++)
				sum += abs(p[i] - p[i + width]);
			sum /= 8;
			detail[row * columns + column] = sum < 255 ? sum : 255;
		}
}
*/
import "C"

import (
	"errors"
	"iter"
	"slices"
	"unsafe"
)

const (
	// block is the side of a macroblock in pixels.
	block = 16
	// detailUnit is what detail counts of one level of luma.
	detailUnit = 4
)

// picture is a screen in I420 or, in full colour, in I444 (BT.601, limited range),
// and which of its macroblocks have changed since it was encoded last. It lies in C
// memory: the encoder keeps pointers to it, and Go's collector need not count it.
type picture struct {
	width, height int // even
	full          bool
	columns, rows int // of blocks
	y, u, v       []byte
	same          []byte // 1 for each block that has not changed
	detail        []byte // of each block: how much neighbouring pixels differ
	exact         bool   // who looks has the very pixels of what has not changed
	memory        unsafe.Pointer
}

func newPicture(width, height int, full bool) *picture {
	p := &picture{width: width, height: height, full: full, columns: (width + block - 1) / block, rows: (height + block - 1) / block}
	luma, chroma, blocks := width*height, width*height/4, p.columns*p.rows
	if full {
		chroma = luma
	}
	size := luma + 2*chroma + 2*blocks
	p.memory = C.calloc(1, C.size_t(size))
	rest := unsafe.Slice((*byte)(p.memory), size)
	take := func(n int) (part []byte) {
		part, rest = rest[:n:n], rest[n:]
		return part
	}
	p.y, p.u, p.v, p.same, p.detail = take(luma), take(chroma), take(chroma), take(blocks), take(blocks)
	return p
}

func (p *picture) close() { C.free(p.memory) }

// unmark says that nothing has changed.
func (p *picture) unmark() {
	for i := range p.same {
		p.same[i] = 1
	}
}

// mark says that a rectangle has changed. What lies outside the picture is ignored.
func (p *picture) mark(x, y, width, height int) {
	left, right := max(x, 0), min(x+width, p.width)
	top, bottom := max(y, 0), min(y+height, p.height)
	if left >= right || top >= bottom {
		return
	}
	for row := top / block; row <= (bottom-1)/block; row++ {
		clear(p.same[row*p.columns+left/block : row*p.columns+(right-1)/block+1])
	}
}

// bands yields the top and bottom of each run of rows with changed blocks in them.
func (p *picture) bands() iter.Seq2[int, int] {
	changed := func(row int) bool {
		return slices.Contains(p.same[row*p.columns:(row+1)*p.columns], 0)
	}
	return func(yield func(top, bottom int) bool) {
		for row := 0; row < p.rows; row++ {
			if !changed(row) {
				continue
			}
			first := row
			for row < p.rows && changed(row) {
				row++
			}
			if !yield(first*block, min(row*block, p.height)) {
				return
			}
		}
	}
}

// convert takes the rows from top up to bottom, both even, of a screen that has
// stride bytes a row and four bytes a pixel: blue, green, red, nothing.
func (p *picture) convert(screen []byte, stride, top, bottom int) error {
	if top < 0 || bottom > p.height || top >= bottom || len(screen) < (bottom-1)*stride+4*p.width {
		return errors.New("convert rows outside the screen")
	}
	from, y, width, rows := pointer(screen[top*stride:]), pointer(p.y[top*p.width:]), C.int(p.width), C.int(bottom-top)
	failed := C.int(0)
	if p.full {
		u, v := pointer(p.u[top*p.width:]), pointer(p.v[top*p.width:])
		failed = C.ARGBToI444(from, C.int(stride), y, width, u, width, v, width, width, rows)
	} else {
		chroma := top / 2 * (p.width / 2)
		u, v := pointer(p.u[chroma:]), pointer(p.v[chroma:])
		failed = C.ARGBToI420(from, C.int(stride), y, width, u, width/2, v, width/2, width, rows)
	}
	if failed != 0 {
		return errors.New("convert the screen")
	}
	return nil
}

// shrink makes p of a larger picture, and marks what has changed there.
func (p *picture) shrink(from *picture) {
	scale := func(a, b []byte, per int) {
		C.ScalePlane(pointer(a), C.int(from.width/per), C.int(from.width/per), C.int(from.height/per),
			pointer(b), C.int(p.width/per), C.int(p.width/per), C.int(p.height/per), C.kFilterBox)
	}
	per := 2
	if p.full {
		per = 1
	}
	scale(from.y, p.y, 1)
	scale(from.u, p.u, per)
	scale(from.v, p.v, per)
	p.unmark()
	for i, same := range from.same {
		if same == 0 {
			// Pixels at the edge of a block are part of those beside it.
			left, top := i%from.columns*block*p.width/from.width, i/from.columns*block*p.height/from.height
			p.mark(left-1, top-1, block*p.width/from.width+3, block*p.height/from.height+3)
		}
	}
	p.measure()
}

// measure finds the detail of the blocks that have changed.
func (p *picture) measure() {
	C.measure(pointer(p.y), C.int(p.width), C.int(p.height), pointer(p.same), pointer(p.detail))
}

func pointer(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }
