package streamer

import "time"

// encoder turns pictures of one size into a stream of access units. One
// goroutine uses it.
type encoder interface {
	// encode codes the picture, as a key frame if asked. It comes elapsed after
	// the one before.
	encode(p *picture, key bool, elapsed time.Duration) (unit, error)
	close()
}

// unit is one coded picture.
type unit struct {
	// data is good until the encoder's next call.
	data []byte
	key  bool
	// quantizer is how coarse it is.
	quantizer int
	// sharp says that the rate did not hold the quality back: coding the same
	// picture again would not make it better.
	sharp bool
	// debt is how long no change should be coded, so that the rate holds.
	debt time.Duration
}
