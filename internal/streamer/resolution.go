package streamer

import (
	"math"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

const (
	// fair is the quantizer beyond which fewer pixels show more than coarser ones, and slow
	// how long the rate takes for one picture of a movement that is too slow to look at. soon is what it may take at first when it has fewer pixels: once pictures follow
	// each other sooner they cost less.
	fair = 36
	slow = time.Second / 30
	soon = time.Second / 8
	// fine and smooth are the same where frames are what is to be kept.
	fine   = 30
	smooth = time.Second / 60
	// legible is the coarsest quantizer where all pixels are to be kept.
	legible = 40
	// strainFor is how long a movement is too slow before it has fewer pixels, restFor how
	// long nothing has moved before it has all of them again.
	strainFor = 250 * time.Millisecond
	restFor   = 300 * time.Millisecond
	// recall is how long it is remembered how many pixels a movement had.
	recall = 10 * time.Second
	// easeFor is how long a movement costs little before it has more pixels again. Each time
	// that these are too many it takes twice as long, up to easeMost.
	easeFor  = 2 * time.Second
	easeMost = time.Minute
	// keyMost is how long the rate may take for the key frame that more pixels begin with.
	keyMost = time.Second / 3
	// leastSide is the least side of a picture with fewer pixels than the screen.
	leastSide = 180
)

// parts are what the picture's sides may be of the screen's.
var parts = []float64{1, 3. / 4, 1. / 2, 1. / 4}

// resolution decides how many pixels the picture has: those of the screen, or fewer while
// the rate does not carry what moves. It is told what happens and never looks at a clock.
type resolution struct {
	keep     uint8     // of package wire
	step     int       // of parts
	before   int       // the step of the last movement, if it was of late
	changed  time.Time // when the last picture with a change was made
	waits    bool      // something has changed since
	moves    bool      // soon after the change before
	strained time.Duration
	easy     time.Duration // for how long it has moved at too much cost, or at little
	patience time.Duration // how long it has to be easy before it has more pixels

	// What a picture of the movement costs in bits, and what the last key frame did, if
	// the quantizer is fair.
	bits, keyBits float64
}

// stir is told that something on the screen has changed.
func (r *resolution) stir(now time.Time) {
	if !r.waits {
		r.waits, r.moves = true, now.Sub(r.changed) < settled
	}
}

// made records a picture.
func (r *resolution) made(now time.Time, change bool, u unit, bitsPerSecond int) {
	fair, slow := r.limits()
	bits := float64(8*len(u.data)) * math.Exp2(float64(u.quantizer-fair)/6)
	if u.key {
		r.keyBits = bits
	}
	if !change {
		return
	}
	gap := now.Sub(r.changed)
	r.changed, r.waits = now, false
	switch {
	case !r.moves:
		if gap > recall {
			r.before = 0
		}
		r.bits, r.strained, r.easy, r.patience = 0, 0, 0, easeFor/2
		return
	case u.key:
		return
	case r.bits == 0:
		r.bits = bits
	default:
		r.bits += (bits - r.bits) / 4
	}
	if (u.quantizer > fair || u.debt > slow) && takes(r.bits, bitsPerSecond) > slow {
		r.strained, r.easy = r.strained+gap, 0
	} else {
		r.strained, r.easy = 0, r.easy+gap
	}
}

// wanted is the step for a picture of a screen of this size, made now.
func (r *resolution) wanted(now time.Time, width, height, bitsPerSecond int) int {
	last := 0
	for last+1 < len(parts) && parts[last+1]*float64(min(width, height)) >= leastSide {
		last++
	}
	// after is how long the rate takes for what costs so much now.
	after := func(step int, bits float64) time.Duration {
		ratio := parts[step] / parts[r.step]
		return takes(bits*ratio*ratio, bitsPerSecond)
	}
	_, slow := r.limits()
	switch {
	case r.keep == wire.KeepPixels:
		return 0
	case r.step > 0 && !r.waits && now.Sub(r.changed) >= restFor:
		return 0
	case r.strained > 0 && r.step < r.before:
		return min(r.before, last)
	case r.strained >= strainFor && r.step < last:
		step := r.step + 1
		for step < last && after(step, r.bits) > soon {
			step++
		}
		return step
	case r.step > 0 && r.waits && r.easy >= r.patience && after(r.step-1, r.bits) < slow/2 && after(r.step-1, r.keyBits) < keyMost:
		return r.step - 1
	}
	return r.step
}

// limits are the quantizer and the time for a picture beyond which there are fewer pixels.
func (r *resolution) limits() (int, time.Duration) {
	if r.keep == wire.KeepFrames {
		return fine, smooth
	}
	return fair, slow
}

// coarsest is the quantizer beyond which there are fewer frames.
func (r *resolution) coarsest() int {
	if r.keep == wire.KeepPixels {
		return legible
	}
	return coarsest
}

// take goes to a step.
func (r *resolution) take(step int) {
	if step > r.step {
		r.patience = min(2*r.patience, easeMost)
	}
	if r.waits {
		r.before = step
	}
	r.step, r.bits, r.strained, r.easy = step, 0, 0, 0
}

func takes(bits float64, bitsPerSecond int) time.Duration {
	return time.Duration(bits / float64(bitsPerSecond) * float64(time.Second))
}

// side is one of the picture's, of that of the screen.
func (r *resolution) side(of int) int { return int(parts[r.step]*float64(of)+0.5) &^ 1 }
