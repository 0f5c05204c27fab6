package streamer

import "time"

// budgetBurst is how much of the rate may be saved up while little is sent.
const budgetBurst = 200 * time.Millisecond

// budget is what pictures may cost. Bits flow in by the clock, up to a burst of
// them; each picture takes out what it has.
type budget struct {
	bitsPerSecond float64
	burst         float64 // bits
	fill          float64 // bits; less than 0 is a debt
	coarsest      int     // quantizer: beyond it pictures become fewer
}

func newBudget(bitsPerSecond int) *budget {
	b := &budget{coarsest: coarsest}
	b.set(bitsPerSecond)
	b.fill = b.burst
	return b
}

func (b *budget) set(bitsPerSecond int) {
	b.bitsPerSecond = float64(bitsPerSecond)
	b.burst = b.bitsPerSecond * budgetBurst.Seconds()
	b.fill = min(b.fill, b.burst)
}

// pass lets time go by.
func (b *budget) pass(elapsed time.Duration) {
	b.fill = min(b.burst, b.fill+b.bitsPerSecond*elapsed.Seconds())
}

// allowance is what the next picture may cost, in bits: half of what is there, so
// that the first of many gets most, and all of them get the rate.
func (b *budget) allowance() float64 { return max(0, b.fill/2) }

// full says that waiting for more is of no use.
func (b *budget) full() bool { return b.fill > 0.95*b.burst }

// overrun says that a picture of so many bytes would stay unpaid for longer than anything
// may be saved up.
func (b *budget) overrun(size int) bool { return b.fill-float64(8*size) < -b.burst }

// spend takes out what a picture has cost, in bytes.
func (b *budget) spend(size int) { b.fill -= float64(8 * size) }

// debt is the time until pictures are paid for.
func (b *budget) debt() time.Duration {
	return time.Duration(max(0, -b.fill) / b.bitsPerSecond * float64(time.Second))
}
