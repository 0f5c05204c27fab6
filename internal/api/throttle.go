package api

import (
	"math"
	"sync"
	"time"
)

// maxBuckets is how many callers the throttle remembers; the others' buckets
// were full, or are taken to be.
const maxBuckets = 4096

// throttle gives every caller a bucket of tokens that fills at a steady rate; a
// request takes one.
type throttle struct {
	rate  float64 // tokens a second
	burst float64 // tokens a bucket holds

	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time // when tokens was counted
}

func newThrottle(rate float64, burst int) *throttle {
	return &throttle{rate: rate, burst: float64(burst), buckets: map[string]*bucket{}}
}

// take takes a token of the caller; when there is none, it tells in how many
// seconds there will be.
func (t *throttle) take(caller string, now time.Time) (wait int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.buckets[caller]
	if b == nil {
		if len(t.buckets) >= maxBuckets {
			t.forget(now)
		}
		b = &bucket{tokens: t.burst, at: now}
		t.buckets[caller] = b
	}
	b.tokens, b.at = t.level(b, now), now
	if b.tokens < 1 {
		return int(math.Ceil((1 - b.tokens) / t.rate)), false
	}
	b.tokens--
	return 0, true
}

func (t *throttle) level(b *bucket, now time.Time) float64 {
	return min(t.burst, b.tokens+max(0, now.Sub(b.at).Seconds())*t.rate)
}

// forget drops the buckets that are full again, or all of them when none is.
func (t *throttle) forget(now time.Time) {
	for caller, b := range t.buckets {
		if t.level(b, now) >= t.burst {
			delete(t.buckets, caller)
		}
	}
	if len(t.buckets) >= maxBuckets {
		clear(t.buckets)
	}
}
