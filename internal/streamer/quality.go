package streamer

import (
	"math"
	"time"
)

// Quantizers of H.264: six more is twice as coarse.
const (
	// sharpest is what a picture at rest becomes: 42 to 48 dB luma.
	sharpest = 18
	// swift is what a change of the whole screen begins with: of the hardest
	// picture, noise in every pixel, 33 dB at a third of the bits of sharpest.
	swift = 27
	// coarsest is the end of what the rate can do to a picture, unless all of its pixels are to
	// be kept. Beyond it pictures become fewer.
	coarsest = 44

	// aside: one part in so many of what a picture may cost is for what nobody sees of it.
	aside = 8

	// sharpenGap is the time between pictures that only make others better.
	sharpenGap = time.Second / 30
	// settled is the time after which what changes has nothing to do with what
	// changed before.
	settled = 250 * time.Millisecond
)

// quality chooses the quantizer of each picture. x264 could, but looks at each
// picture in a second way for that, which takes a quarter of its time.
type quality struct {
	// at is the quantizer that each block was coded with.
	at []uint8
	// hard is what a change has cost, as a part of what its detail would if nothing
	// of it had been on the screen before: what moves costs little.
	hard      float64
	quiet     time.Duration // since the last change
	unrefined time.Duration // since the last picture that was coarser than it may become

	// Of the picture that was chosen for last: whether it makes blocks finer that did
	// not change, and whether next to nothing of it has to do with the one before.
	changed, rough tally
	refines, fresh bool
	had            int // the quantizer that what changed in it was coded with before
}

func newQuality(blocks int) *quality { return &quality{at: make([]uint8, blocks), hard: 1} }

// tally counts blocks by their detail.
type tally struct {
	blocks int
	detail [256]int
}

func (t *tally) add(detail uint8) {
	t.blocks++
	t.detail[detail]++
}

// bits is about what the blocks cost with a quantizer.
func (t *tally) bits(quantizer int) float64 {
	const (
		overhead = 8
		slope    = 2.4 // of bits a pixel, over detail in quantizer steps
		nothing  = 0.17
		most     = 3 // bits a pixel: high contrast has an end
	)
	step := math.Exp2(float64(quantizer-4) / 6)
	sum := float64(overhead * t.blocks)
	for detail, n := range t.detail {
		if over := float64(detail)/detailUnit/step - nothing; n > 0 && over > 0 {
			sum += float64(n) * min(slope*over, most) * block * block
		}
	}
	return sum
}

// choose returns the quantizer of a picture that comes elapsed after the last one.
func (q *quality) choose(p *picture, key bool, elapsed time.Duration, b *budget) int {
	q.quiet += elapsed
	q.unrefined += elapsed
	lull := q.quiet > settled
	if lull {
		q.hard = 1
	}
	q.changed, q.rough, q.had = tally{}, tally{}, 0
	worst := sharpest
	for i, same := range p.same {
		switch {
		case same == 0 || key:
			q.changed.add(p.detail[i])
			q.had += int(q.at[i])
		case q.at[i] > sharpest:
			q.rough.add(p.detail[i])
			worst = max(worst, int(q.at[i]))
		}
	}
	q.fresh = lull && q.anew()
	hard := q.hard
	if key {
		hard = 1
	}
	q.had /= max(q.changed.blocks, 1)
	before := q.changed.bits(q.had)
	// Blocks that did not change are coded again when they are coarser, and what moved
	// brings its coarseness along. Making that good costs somewhat more than having done it at once.
	had := q.rough.bits(worst)
	cost := func(quantizer int) float64 {
		bits := hard * q.changed.bits(quantizer)
		if quantizer < q.had {
			bits += 1.2 * max(0, 1-hard) * (q.changed.bits(quantizer) - before)
		}
		if quantizer < worst {
			bits += 1.2 * (q.rough.bits(quantizer) - had)
		}
		return bits
	}
	chosen, end := sharpest, b.coarsest
	if q.changed.blocks > 0 {
		chosen += min(swift-sharpest, 2*(swift-sharpest)*q.changed.blocks/len(q.at))
		if q.unrefined < sharpenGap*9/10 {
			chosen = max(chosen, worst)
		}
	} else if end = worst; b.full() {
		end = max(worst-1, sharpest)
	}
	allowance := b.allowance()
	if key { // all that follow build on it
		allowance = max(allowance, b.burst/2)
	}
	if p.exact && !key {
		// Nobody would see the rest of it become finer, but all would wait for that.
		if q.changed.blocks == 0 {
			chosen = worst
		}
		allowance = min(allowance, max(allowance/aside, cost(max(chosen, worst))))
	}
	for chosen < end && cost(chosen) > allowance {
		chosen++
	}
	q.refines = chosen < worst
	return chosen
}

// anew says that nearly all of the picture that was chosen for has changed.
func (q *quality) anew() bool { return 10*q.changed.blocks > 9*len(q.at) }

// coded records what a picture has cost, in bytes.
func (q *quality) coded(p *picture, key bool, quantizer, size int) {
	if q.refines || quantizer > sharpest {
		q.unrefined = 0
	}
	for i, same := range p.same {
		if same == 0 || key || int(q.at[i]) > quantizer {
			q.at[i] = uint8(quantizer)
		}
	}
	if q.changed.blocks == 0 {
		return
	}
	q.quiet = 0
	if !q.refines && !q.fresh && !key && quantizer >= q.had {
		q.learn(quantizer, size)
	}
}

// learn takes what the change has cost, in bytes.
func (q *quality) learn(quantizer, size int) {
	was := min(max(float64(8*size)/q.changed.bits(quantizer), 0.01), 4)
	q.hard = max(was, (q.hard+was)/2)
}

// sharp says that the picture is as good as it gets.
func (q *quality) sharp() bool {
	for _, at := range q.at {
		if at > sharpest {
			return false
		}
	}
	return true
}
