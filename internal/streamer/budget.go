package streamer

import "time"

// budget makes an encoder that believes in a constant frame rate keep to a bit
// rate in true time. The encoder's model is a bucket: each picture takes its
// size out of it, and then one frame's share of the rate flows in. Our bucket is
// filled by the clock. The encoder is told, picture by picture, a rate by which
// its bucket catches up with ours.
type budget struct {
	framesPerSecond float64 // that the encoder believes in
	bitsPerSecond   float64
	burst           float64 // bits that fit into a bucket
	fill            float64 // bits in our bucket
	known           float64 // bits in the encoder's
	told            float64 // bits per second that the encoder knows of
}

// newBudget starts with the buckets filled by a given part.
func newBudget(framesPerSecond, bitsPerSecond int, burst time.Duration, filled float64) *budget {
	b := &budget{framesPerSecond: float64(framesPerSecond)}
	b.set(bitsPerSecond, burst)
	b.fill = filled * b.burst
	b.known, b.told = b.fill, b.bitsPerSecond
	return b
}

// set changes the rate. The bucket holds as much as the rate gives in burst.
func (b *budget) set(bitsPerSecond int, burst time.Duration) {
	b.bitsPerSecond = float64(bitsPerSecond)
	b.burst = b.bitsPerSecond * burst.Seconds()
	b.fill, b.known = min(b.fill, b.burst), min(b.known, b.burst)
}

// before is called before a picture that comes elapsed after the last one. It
// returns the rate to tell the encoder in bits per second: the same as the last
// time while that is near enough.
func (b *budget) before(elapsed time.Duration) float64 {
	b.fill = min(b.burst, b.fill+b.bitsPerSecond*elapsed.Seconds())
	rate := max(1000, b.bitsPerSecond+(b.fill-b.known)*b.framesPerSecond)
	if rate < b.told*0.9 || rate > b.told*1.1 {
		b.told = rate
	}
	return b.told
}

// after is called with the size of the picture, in bytes.
func (b *budget) after(size int) {
	b.fill -= float64(8 * size)
	b.known = min(b.burst, max(0, b.known-float64(8*size))+b.told/b.framesPerSecond)
}
