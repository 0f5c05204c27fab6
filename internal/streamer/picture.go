//go:build linux

package streamer

/*
#cgo LDFLAGS: -lyuv
#include <stdlib.h>
#include <libyuv/convert.h>
*/
import "C"

import (
	"errors"
	"iter"
	"slices"
	"unsafe"
)

// block is the side of a macroblock in pixels.
const block = 16

// picture is a screen in I420 (BT.601, limited range), and which of its
// macroblocks have changed since it was encoded last. It lies in C memory: the
// encoder keeps pointers to it, and Go's collector need not count it.
type picture struct {
	width, height int // even
	columns, rows int // of blocks
	y, u, v       []byte
	same          []byte // 1 for each block that has not changed
	memory        unsafe.Pointer
}

func newPicture(width, height int) *picture {
	p := &picture{width: width, height: height, columns: (width + block - 1) / block, rows: (height + block - 1) / block}
	luma := width * height
	size := luma + luma/2 + p.columns*p.rows
	p.memory = C.calloc(1, C.size_t(size))
	all := unsafe.Slice((*byte)(p.memory), size)
	p.y, p.u, p.v, p.same = all[:luma], all[luma:luma+luma/4], all[luma+luma/4:luma+luma/2], all[luma+luma/2:]
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
	chroma := top / 2 * (p.width / 2)
	if C.ARGBToI420(pointer(screen[top*stride:]), C.int(stride),
		pointer(p.y[top*p.width:]), C.int(p.width),
		pointer(p.u[chroma:]), C.int(p.width/2),
		pointer(p.v[chroma:]), C.int(p.width/2),
		C.int(p.width), C.int(bottom-top)) != 0 {
		return errors.New("convert to I420")
	}
	return nil
}

func pointer(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }
