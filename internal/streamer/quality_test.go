package streamer

import (
	"testing"
	"time"
)

// hardship is a picture of 40 by 40 blocks of a detail, to choose quantizers for.
type hardship struct {
	t *testing.T
	p *picture
	q *quality
	b *budget
}

func newHardship(t *testing.T, bitsPerSecond int, detail byte) *hardship {
	t.Helper()
	p := newPicture(640, 640, false)
	t.Cleanup(p.close)
	for i := range p.detail {
		p.detail[i] = detail
	}
	return &hardship{t: t, p: p, q: newQuality(len(p.same)), b: newBudget(bitsPerSecond)}
}

// change has a part of the picture changed, and says what quantizer that gets. It
// costs as much as expected, or a part of that.
func (h *hardship) change(width, height int, elapsed time.Duration, costs float64) int {
	h.t.Helper()
	h.p.unmark()
	h.p.mark(0, 0, width, height)
	h.b.pass(elapsed)
	quantizer := h.q.choose(h.p, false, elapsed, h.b)
	size := int(costs * (h.q.changed.bits(quantizer) + h.q.rough.bits(quantizer)) / 8)
	h.q.coded(h.p, false, quantizer, size)
	h.b.spend(size)
	return quantizer
}

func TestQualityOfChanges(t *testing.T) {
	t.Parallel()
	h := newHardship(t, 100_000_000, 20)
	if got := h.change(64, 64, time.Second, 1); got != sharpest {
		t.Errorf("a small change: quantizer %d, want %d", got, sharpest)
	}
	if h.q.fresh {
		t.Error("a small change counts as a picture that is new")
	}
	if got := h.change(640, 640, time.Second, 1); got != swift || !h.q.fresh {
		t.Errorf("a change of all: quantizer %d, new %v, want %d", got, h.q.fresh, swift)
	}
	if h.change(640, 640, time.Second/60, 1); h.q.fresh {
		t.Error("what moves on counts as a picture that is new")
	}
	if got := h.change(32, 32, time.Millisecond, 1); got != swift {
		t.Errorf("a small change just after: quantizer %d, which has all of it refined, want %d", got, swift)
	}
	if h.q.sharp() {
		t.Error("it is sharp before it is refined")
	}
	for n := 0; !h.q.sharp(); n++ {
		if n > 30 {
			t.Fatal("it does not become sharp")
		}
		h.change(0, 0, sharpenGap, 1)
	}
}

func TestQualityKeepsToTheRate(t *testing.T) {
	t.Parallel()
	h := newHardship(t, 2_000_000, 60)
	if got := h.change(640, 640, time.Second, 1); got <= swift {
		t.Errorf("too much for the rate: quantizer %d", got)
	}
	for range 30 {
		h.change(640, 640, time.Second/60, 1)
	}
	if h.b.fill < -0.2*h.b.burst {
		t.Errorf("after half a second of changes it owes %.0f bits", -h.b.fill)
	}
	// What moves costs less than it seems.
	got := 0
	for range 60 {
		got = h.change(640, 640, time.Second/60, 0.02)
	}
	if got != swift {
		t.Errorf("movement that costs next to nothing: quantizer %d, want %d", got, swift)
	}
}

// What moves brings its coarseness along: to make it fine is not as cheap as to move it.
func TestQualityOfMovementBecomesFineByAndBy(t *testing.T) {
	t.Parallel()
	h := newHardship(t, 5_000_000, 60)
	for range 30 {
		h.change(640, 640, time.Second/60, 1)
	}
	last := h.change(640, 640, time.Second/60, 0.02)
	if last <= swift {
		t.Fatalf("quantizer %d of what is too much", last)
	}
	for n := 0; last > swift; n++ {
		got := h.change(640, 640, time.Second/60, 0.02)
		if n > 300 || got < last-8 {
			t.Fatalf("after %d pictures quantizer %d, before %d", n, got, last)
		}
		last = got
	}
}

func TestQualityAtRestWaitsForTheRate(t *testing.T) {
	t.Parallel()
	h := newHardship(t, 1_000_000, 60)
	rough := h.change(640, 640, time.Second, 1)
	spent := h.b.fill
	for range 300 {
		h.change(0, 0, sharpenGap, 1)
		spent = min(spent, h.b.fill)
	}
	if at := int(h.q.at[0]); at >= rough {
		t.Errorf("ten seconds of rest made nothing of quantizer %d", at)
	}
}

// Who has the very pixels gains nothing by a finer picture: it would cost what the next change
// could have.
func TestQualityOfWhatIsExact(t *testing.T) {
	t.Parallel()
	h := newHardship(t, 20_000_000, 60)
	rough := h.change(640, 640, time.Second, 1)
	h.p.exact = true
	h.change(0, 0, time.Second, 1)
	if got := int(h.q.at[0]); got != rough {
		t.Errorf("quantizer %d of a picture that says nothing, want %d", got, rough)
	}
	before := h.b.fill
	if got := h.change(64, 64, time.Second, 1); got > rough {
		t.Errorf("quantizer %d of a small change, the rest has %d", got, rough)
	}
	if cost := before - h.b.fill; cost > h.b.burst/10 {
		t.Errorf("a small change has all of it refined for %.0f bits", cost)
	}
	if got := h.change(640, 640, time.Second, 1); got > rough {
		t.Errorf("quantizer %d of a change of all, want %d", got, rough)
	}
	// What is flat costs nothing.
	h = newHardship(t, 20_000_000, 1)
	h.change(640, 640, time.Second, 1)
	h.p.exact = true
	if got := h.change(64, 64, time.Second, 1); got != sharpest {
		t.Errorf("quantizer %d of a small change where all is flat, want %d", got, sharpest)
	}
}
