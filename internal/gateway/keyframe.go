package gateway

import "time"

const (
	// keyAnswer is how long a streamer may take to answer with a key frame before
	// it is asked again.
	keyAnswer = 300 * time.Millisecond
	// keysPerSecond bounds how often a streamer is asked, and how often at once.
	keysPerSecond = 3
	// catchUpEvery is how often one is asked for because a way is too narrow.
	catchUpEvery = 2 * time.Second
)

// keyFrames turns many wishes for a key frame into few questions.
type keyFrames struct {
	allowed budget
	asked   time.Time   // of a question without an answer; zero: none
	pending *time.Timer // of the next question; nil: none
}

func newKeyFrames(now time.Time) keyFrames { return keyFrames{allowed: *newBudget(keysPerSecond, now)} }

// wish says how long to wait before asking; 0 is now, and counts as asked.
func (k *keyFrames) wish(now time.Time) time.Duration {
	if unanswered := k.asked.Add(keyAnswer).Sub(now); unanswered > 0 {
		return unanswered
	}
	if !k.allowed.take(now) {
		return time.Second / keysPerSecond
	}
	k.asked = now
	return 0
}

// came is called with every key frame: it fulfils all wishes.
func (k *keyFrames) came() {
	k.asked = time.Time{}
	if k.pending != nil {
		k.pending.Stop()
		k.pending = nil
	}
}
