//go:build linux

package streamer

/*
#cgo CFLAGS: -O3
#cgo LDFLAGS: -ldeflate
#include <stdint.h>
#include <string.h>
#include <libdeflate.h>

enum { side = 128, pixels = side * side };

typedef struct { uint32_t a, b; } sum;

// Every step can be undone, so that one pixel of another value changes the sum.
static inline sum mix(sum s, uint32_t v) {
	s.a = (s.a ^ v) * 0x9e3779b1u;
	s.b += v;
	s.b = (s.b ^ (s.b >> 15)) * 0x85ebca6bu;
	return s;
}

static uint64_t whole(sum s) { return (uint64_t)s.a << 32 | s.b; }

static uint64_t sum_words(const uint32_t *words, int n) {
	sum s = {0, 0};
	for (int i = 0; i < n; i++)
		s = mix(s, words[i]);
	return whole(s);
}

// Codes width x height pixels of a screen of that stride, in words: nothing, red, green,
// blue from the top. Returns the size of what is at out, or 0.
static size_t tile_code(struct libdeflate_compressor *z, const uint32_t *screen, int stride, int width, int height,
		uint8_t *planes, uint8_t *out, size_t room, uint64_t *sum_of, int *up) {
	const int n = width * height;
	uint8_t *g = planes, *r = planes + n, *b = planes + 2 * n, *less = planes + 3 * n;
	sum s = {0, 0};
	int plain_cost = 0, up_cost = 0;
	for (int y = 0; y < height; y++) {
		const uint32_t *row = screen + (size_t)y * stride, *above = y ? row - stride : row;
		for (int x = 0; x < width; x++) {
			uint32_t p = row[x];
			// As canvases have it: alpha, blue, green, red from the top.
			s = mix(s, 0xff000000u | (p & 0xff) << 16 | (p & 0xff00) | (p >> 16 & 0xff));
		}
		for (int x = 0; x < width; x++) {
			uint32_t p = row[x];
			uint8_t green = p >> 8;
			g[y * width + x] = green;
			r[y * width + x] = (uint8_t)(p >> 16) - green;
			b[y * width + x] = (uint8_t)p - green;
		}
		// Runs of one colour are coded best as they are, pictures by their differences.
		for (int x = 1; x < width; x++) {
			plain_cost += (row[x] ^ row[x - 1]) << 8 != 0;
			up_cost += (row[x] ^ above[x]) << 8 != 0;
		}
	}
	*sum_of = whole(s);
	*up = plain_cost > n / 2 || up_cost < plain_cost / 2;
	if (*up) {
		for (int plane = 0; plane < 3; plane++) {
			const uint8_t *from = planes + plane * n;
			uint8_t *to = less + plane * n;
			memcpy(to, from, width);
			for (int i = width; i < n; i++)
				to[i] = from[i] - from[i - width];
		}
	}
	return libdeflate_deflate_compress(z, *up ? less : planes, 3 * (size_t)n, out, room);
}
*/
import "C"

import (
	"errors"
	"unsafe"

	"github.com/backlot/backlot/internal/wire"
)

// tileEffort is how hard libdeflate tries, of 12. A harder try makes noise smaller by an
// eighth, for half as much time again.
const tileEffort = 1

// tileCoder codes tiles. One goroutine uses it.
type tileCoder struct {
	deflate *C.struct_libdeflate_compressor
	planes  []byte
	out     []byte
}

func newTileCoder() (*tileCoder, error) {
	c := &tileCoder{
		deflate: C.libdeflate_alloc_compressor(tileEffort),
		planes:  make([]byte, 6*wire.TileSide*wire.TileSide),
		out:     make([]byte, wire.MaxTile),
	}
	if c.deflate == nil {
		return nil, errors.New("make a libdeflate compressor")
	}
	return c, nil
}

func (c *tileCoder) close() { C.libdeflate_free_compressor(c.deflate) }

// code codes the pixels of a screen that has stride pixels a row, four bytes each,
// from the first of screen on. The data are good until the next call.
func (c *tileCoder) code(screen []byte, stride, width, height int) (data []byte, coding uint8, sum uint64, err error) {
	if width < 1 || height < 1 || width > wire.TileSide || height > wire.TileSide || len(screen) < 4*((height-1)*stride+width) {
		return nil, 0, 0, errors.New("code a tile outside the screen")
	}
	var (
		total C.uint64_t
		up    C.int
	)
	n := C.tile_code(c.deflate, (*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(screen))), C.int(stride), C.int(width), C.int(height),
		pointer(c.planes), pointer(c.out), C.size_t(len(c.out)), &total, &up)
	if n == 0 {
		return nil, 0, 0, errors.New("deflate a tile")
	}
	coding = wire.CodingPlain
	if up != 0 {
		coding = wire.CodingUp
	}
	return c.out[:n], coding, uint64(total), nil
}

// sumOf is the sum of tiles' sums.
func sumOf(sums []uint64) uint64 {
	words := make([]uint32, 0, 2*len(sums))
	for _, s := range sums {
		words = append(words, uint32(s>>32), uint32(s))
	}
	return uint64(C.sum_words((*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(words))), C.int(len(words))))
}
