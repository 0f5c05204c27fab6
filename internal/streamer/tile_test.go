//go:build linux

package streamer

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/backlot/backlot/internal/wire"
)

// decodeTile is what the page does, in Go.
func decodeTile(t testing.TB, data []byte, coding uint8, width, height int) (pixels []uint32) {
	t.Helper()
	planes, err := io.ReadAll(flate.NewReader(bytes.NewReader(data)))
	if err != nil || len(planes) != 3*width*height {
		t.Fatalf("inflated to %d bytes, %v, want %d", len(planes), err, 3*width*height)
	}
	n := width * height
	for p := 0; coding == wire.CodingUp && p < 3*n; p += n {
		for i := p + width; i < p+n; i++ {
			planes[i] += planes[i-width]
		}
	}
	for i, g := range planes[:n] {
		r, b := planes[n+i]+g, planes[2*n+i]+g
		pixels = append(pixels, 0xff000000|uint32(b)<<16|uint32(g)<<8|uint32(r))
	}
	return pixels
}

// sumWords is the sum, in Go.
func sumWords(words []uint32) uint64 {
	a, b := uint32(0), uint32(0)
	for _, v := range words {
		a = (a ^ v) * 0x9e3779b1
		b += v
		b = (b ^ b>>15) * 0x85ebca6b
	}
	return uint64(a)<<32 | uint64(b)
}

func checkTile(t testing.TB, c *tileCoder, screen []byte, stride, width, height int) {
	t.Helper()
	data, coding, sum, err := c.code(screen, stride, width, height)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > wire.MaxTile {
		t.Fatalf("%d bytes", len(data))
	}
	pixels := decodeTile(t, data, coding, width, height)
	for i, have := range pixels {
		v := binary.LittleEndian.Uint32(screen[4*(i/width*stride+i%width):])
		if want := 0xff000000 | v&0xff<<16 | v&0xff00 | v>>16&0xff; have != want {
			t.Fatalf("pixel %d is %08x, want %08x", i, have, want)
		}
	}
	if want := sumWords(pixels); sum != want {
		t.Errorf("sum %x, want %x", sum, want)
	}
}

func TestTilesLoseNothing(t *testing.T) { //nolint:tparallel // its parts share the coder
	t.Parallel()
	c, err := newTileCoder()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	random := rand.New(rand.NewPCG(1, 2))
	for name, at := range map[string]func(x, y int) uint32{
		"black":    func(int, int) uint32 { return 0 },
		"white":    func(int, int) uint32 { return 0xffffffff },
		"gradient": func(x, y int) uint32 { return uint32(x)<<16 | uint32(y)<<8 | uint32(x+y) },
		"text":     func(x, y int) uint32 { return uint32(x*y%7/6) * 0xffffff },
		"noise":    func(int, int) uint32 { return random.Uint32() },
	} {
		for _, size := range [][2]int{{128, 128}, {2, 2}, {128, 56}, {1, 128}} {
			const stride = 150
			screen := make([]byte, 4*stride*128)
			for i := range stride * 128 {
				binary.LittleEndian.PutUint32(screen[4*i:], at(i%stride, i/stride))
			}
			t.Run(fmt.Sprint(name, size), func(t *testing.T) { checkTile(t, c, screen, stride, size[0], size[1]) })
		}
	}
	if _, _, _, err := c.code(make([]byte, 100), 100, 10, 10); err == nil {
		t.Error("a tile outside the screen was coded")
	}
	sums := []uint64{1<<40 | 7, 9}
	if want := sumWords([]uint32{1 << 8, 7, 0, 9}); sumOf(sums) != want {
		t.Errorf("sum of sums %x, want %x", sumOf(sums), want)
	}
}

func FuzzTile(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8}, uint8(2), uint8(1))
	f.Fuzz(func(t *testing.T, pixels []byte, width, height uint8) {
		c, err := newTileCoder()
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		w, h := 1+int(width)%wire.TileSide, 1+int(height)%wire.TileSide
		screen := make([]byte, 4*w*h)
		for i := range screen {
			if len(pixels) > 0 {
				screen[i] = pixels[i%len(pixels)]
			}
		}
		checkTile(t, c, screen, w, w, h)
	})
}

func BenchmarkTiles(b *testing.B) {
	for name, at := range map[string]func(x, y int) uint32{
		"text":  func(x, y int) uint32 { return uint32(x*y%7/6) * 0xffffff },
		"noise": func(x, y int) uint32 { n := uint32(x*7919^y*104729) * 2654435761 >> 28; return n * 0x010101 },
	} {
		b.Run(name, func(b *testing.B) {
			const width, height = 1920, 1080
			screen := make([]byte, 4*width*height)
			for i := range width * height {
				binary.LittleEndian.PutUint32(screen[4*i:], at(i%width, i/width))
			}
			c, err := newTileCoder()
			if err != nil {
				b.Fatal(err)
			}
			defer c.close()
			size := 0
			for b.Loop() {
				size = 0
				for y := 0; y < height; y += wire.TileSide {
					for x := 0; x < width; x += wire.TileSide {
						data, _, _, err := c.code(screen[4*(y*width+x):], width, min(wire.TileSide, width-x), min(wire.TileSide, height-y))
						if err != nil {
							b.Fatal(err)
						}
						size += len(data)
					}
				}
			}
			b.ReportMetric(float64(size)/1000, "kB")
		})
	}
}
