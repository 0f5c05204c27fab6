package streamer

import (
	"slices"
	"testing"
)

func TestPictureMarksBlocks(t *testing.T) {
	t.Parallel()
	p := newPicture(100, 70, false) // 7 by 5 blocks
	t.Cleanup(p.close)
	type band struct{ top, bottom int }
	for _, c := range []struct {
		name       string
		x, y, w, h int
		blocks     int
		bands      []band
	}{
		{"nothing", 10, 10, 0, 5, 0, nil},
		{"a pixel", 16, 16, 1, 1, 1, []band{{16, 32}}},
		{"two by two", 15, 15, 2, 2, 4, []band{{0, 32}}},
		{"all", 0, 0, 100, 70, 35, []band{{0, 70}}},
		{"more than all", -20, -20, 1000, 1000, 35, []band{{0, 70}}},
		{"the last row", 99, 69, 5, 5, 1, []band{{64, 70}}},
		{"outside", 100, 0, 10, 10, 0, nil},
		{"before", -10, 5, 10, 10, 0, nil},
	} {
		p.unmark()
		p.mark(c.x, c.y, c.w, c.h)
		if n := p.columns*p.rows - sum(p.same); n != c.blocks {
			t.Errorf("%s: %d blocks changed, want %d", c.name, n, c.blocks)
		}
		var bands []band
		for top, bottom := range p.bands() {
			bands = append(bands, band{top, bottom})
		}
		if !slices.Equal(bands, c.bands) {
			t.Errorf("%s: bands %v, want %v", c.name, bands, c.bands)
		}
	}
	p.unmark()
	p.mark(0, 0, 1, 1)
	p.mark(50, 60, 1, 1)
	n := 0
	for range p.bands() {
		n++
	}
	if n != 2 {
		t.Errorf("%d bands, want 2", n)
	}
}

func TestPictureShrinks(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		from, to := newPicture(320, 160, full), newPicture(160, 80, full)
		t.Cleanup(from.close)
		t.Cleanup(to.close)
		for i := range from.y {
			from.y[i] = byte(100 + 50*(i%2))
		}
		for i := range from.u {
			from.u[i], from.v[i] = 90, 200
		}
		from.unmark()
		from.mark(64, 64, 16, 16)
		to.shrink(from)
		if to.y[0] != 125 || to.y[len(to.y)-1] != 125 || to.u[len(to.u)-1] != 90 || to.v[0] != 200 {
			t.Errorf("full colour %v: pixels of %d, %d and %d, want the means", full, to.y[0], to.u[0], to.v[0])
		}
		if n := len(to.same) - sum(to.same); n != 4 || to.same[2*to.columns+2] != 0 {
			t.Errorf("full colour %v: %d blocks changed, want the one and those it touches", full, n)
		}
	}
}

func sum(b []byte) int {
	n := 0
	for _, v := range b {
		n += int(v)
	}
	return n
}

func TestPictureConverts(t *testing.T) {
	t.Parallel()
	const stride = 4 * 33 // a screen of 33 pixels: the picture leaves out the last
	screen := make([]byte, stride*20)
	for i := range len(screen) / 4 {
		copy(screen[4*i:], []byte{0, 0, 255, 0}) // red
	}
	p := newPicture(32, 20, false)
	t.Cleanup(p.close)
	if err := p.convert(screen, stride, 4, 8); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		plane []byte
		width int
		rows  [2]int
		want  byte
	}{{"Y", p.y, 32, [2]int{4, 8}, 82}, {"U", p.u, 16, [2]int{2, 4}, 90}, {"V", p.v, 16, [2]int{2, 4}, 239}} {
		for i, got := range c.plane {
			row, want := i/c.width, byte(0)
			if row >= c.rows[0] && row < c.rows[1] {
				want = c.want
			}
			if got != want {
				t.Fatalf("%s in row %d is %d, want %d", c.name, row, got, want)
			}
		}
	}
	for _, rows := range [][2]int{{-2, 4}, {4, 4}, {6, 4}, {0, 22}} {
		if err := p.convert(screen, stride, rows[0], rows[1]); err == nil {
			t.Errorf("converted rows %v of 20", rows)
		}
	}
	if err := p.convert(screen[:100], stride, 0, 20); err == nil {
		t.Error("converted a screen that is not there")
	}
}

func FuzzMark(f *testing.F) {
	f.Add(uint8(3), uint8(4), int16(-5), int16(7), uint16(9), uint16(65535))
	f.Fuzz(func(t *testing.T, width, height uint8, x, y int16, w, h uint16) {
		p := newPicture(2+int(width)&^1, 2+int(height)&^1, false)
		defer p.close()
		p.unmark()
		p.mark(int(x), int(y), int(w), int(h))
		for top, bottom := range p.bands() {
			if top%2 != 0 || bottom%2 != 0 || top < 0 || top >= bottom || bottom > p.height {
				t.Errorf("band from %d to %d of %d", top, bottom, p.height)
			}
		}
	})
}
