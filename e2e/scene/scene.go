// Package scene is what the streaming benchmark has drawn: pictures that program
// and judge make alike, each from nothing but its name.
//
// It holds no code of Backlot's and needs none.
package scene

import "math"

const (
	// Width of a picture in pixels.
	Width = 1920
	// Height of a picture in pixels.
	Height = 1080
	// Step is how many pixels a moving picture moves from one number to the next.
	Step = 4
	// Period is after how many pixels a moving picture repeats itself.
	Period = 3840
	// Block is the side of the blocks that a number is written with.
	Block = 32
	// Bits is how many blocks a number has, the lowest bit first, from the top left.
	Bits = 16
	// Small is the side of the square of a small change.
	Small = 64
)

// Picture is rows of B, G, R and an unused byte, as X keeps them.
type Picture struct {
	Width, Height int
	Pixels        []byte
}

func paint(width int, at func(x, y int) (r, g, b int)) Picture {
	p := Picture{width, Height, make([]byte, 4*width*Height)}
	for y := range Height {
		for x := range width {
			r, g, b := at(x, y)
			copy(p.Pixels[4*(y*width+x):], []byte{clip(b), clip(g), clip(r), 0})
		}
	}
	return p
}

func clip(n int) byte { return byte(max(0, min(255, n))) }

// Modes of which a key toggles between two pictures.
const (
	Flip      = "flip"      // black and white
	FlipImage = "flipimg"   // two unlike, noisy pictures
	FlipSmall = "flipsmall" // a square in a corner
)

// Of returns one of the two pictures of a mode. At (16, 16) the first is dark and
// the second is light.
func Of(mode string, second bool) Picture {
	light := 0
	if second {
		light = 255
	}
	switch mode {
	case FlipImage:
		return noisy(second)
	case FlipSmall:
		return paint(Width, func(x, y int) (r, g, b int) {
			if x < Small && y < Small {
				return light, light, light
			}
			return 70 + x/32, 90, 100 + y/32
		})
	default:
		return paint(Width, func(int, int) (r, g, b int) { return light, light, light })
	}
}

// Changed is the part of the picture that a mode changes: from the top left.
func Changed(mode string) (width, height int) {
	if mode == FlipSmall {
		return Small, Small
	}
	return Width, Height
}

// noisy is one of two pictures as a camera would make them: soft shapes, edges,
// and noise in every pixel.
func noisy(second bool) Picture {
	if second {
		return paint(Width, func(x, y int) (r, g, b int) {
			n := noise(x, y, 2)
			disc := 0
			if dx, dy := x%320-160, y%320-160; dx*dx+dy*dy < 120*120 {
				disc = 70
			}
			r, g, b = 200-y/8-disc+n, 150+disc/2-x/24+n, 90+disc+y/12+n
			return mark(x, y, true, r, g, b)
		})
	}
	return paint(Width, func(x, y int) (r, g, b int) {
		n := noise(x, y, 1)
		wave := int(50 * math.Sin(float64(x)/37) * math.Sin(float64(y)/53))
		edge := 0
		if (x/240+y/180)%2 == 0 {
			edge = 40
		}
		r, g, b = 40+x/12+edge+n, 60+wave+y/12+n, 160-x/16-edge+n
		return mark(x, y, false, r, g, b)
	})
}

// mark puts the block into the corner that tells the pictures from each other.
func mark(x, y int, light bool, r, g, b int) (int, int, int) {
	switch {
	case x >= Block || y >= Block:
		return r, g, b
	case light:
		return 255, 255, 255
	}
	return 0, 0, 0
}

// noise is -12 to 12, the same for the same pixel.
func noise(x, y, seed int) int {
	h := uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca77 ^ uint32(seed)*0xc2b2ae3d
	h ^= h >> 15
	h *= 0x2c1b3c6d
	h ^= h >> 12
	h *= 0x297a2d39
	h ^= h >> 15
	return int(h%25) - 12
}

// Texture is what moves: Period pixels wide. Of number n the left edge is at pixel
// Step*n of it.
func Texture() Picture {
	return paint(Period, func(x, y int) (r, g, b int) {
		wave := int(60 * math.Sin(2*math.Pi*float64(x)/Period*3))
		r, g, b = 110+wave+noise(x, y, 3)/6, 60+y/8+noise(x, y, 4)/6, 150-wave/2-y/16+noise(x, y, 5)/6
		// Rows that look like text: dark strokes in cells of 8 x 16, words, margins.
		if y%120 >= 60 {
			const cellWidth, cellHeight = 8, 16
			cx, cy := x/cellWidth, y/cellHeight
			word := noise(cx/6, cy, 6) > -6
			ix, iy := x%cellWidth, y%cellHeight
			glyph := noise(cx, cy, 7)
			stroke := ix == 1+(glyph+12)%5 || iy == 3+(glyph+12)%9
			if word && ix < 7 && iy > 2 && iy < 13 && stroke {
				return 20, 20, 24
			}
		}
		return r, g, b
	})
}

// Luma is the brightness of each pixel: 0.2126 R + 0.7152 G + 0.0722 B, in whole
// numbers as the page counts them.
func (p Picture) Luma() []byte {
	luma := make([]byte, p.Width*p.Height)
	for i := range luma {
		b, g, r := uint(p.Pixels[4*i]), uint(p.Pixels[4*i+1]), uint(p.Pixels[4*i+2])
		luma[i] = byte((54*r + 183*g + 19*b + 128) >> 8)
	}
	return luma
}

// Hash tells exact pictures from others: FNV-1a, a pixel at a time.
func (p Picture) Hash() uint32 {
	h := uint32(2166136261)
	for i := 0; i < len(p.Pixels); i += 4 {
		b, g, r := uint32(p.Pixels[i]), uint32(p.Pixels[i+1]), uint32(p.Pixels[i+2])
		h = (h ^ (r<<16 | g<<8 | b)) * 16777619
	}
	return h
}
