package reconcile

import "time"

// leap is how far the wall clock may go wrong between two looks before deadlines
// that were noted by it say nothing any more.
const leap = 2 * time.Second

// clock notices when the wall clock is set, by the one that only goes on.
type clock struct{ at time.Time }

// set tells whether the wall clock was set since the last time that was asked.
func (c *clock) set(now time.Time) bool {
	before := c.at
	c.at = now
	return !before.IsZero() && leaped(now.Round(0).Sub(before.Round(0)), now.Sub(before))
}

// leaped compares how far the wall clock went with how long it took.
func leaped(wall, took time.Duration) bool { return (wall - took).Abs() > leap }
