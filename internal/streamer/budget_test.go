package streamer

import (
	"math/rand/v2"
	"testing"
	"time"
)

// model is the bucket of an encoder that believes in 60 frames per second, and
// spends all it can.
type model struct{ fill, burst float64 }

func (m *model) picture(wants, rate float64) (size int) {
	spent := min(wants, m.fill)
	m.fill = min(m.burst, m.fill-spent+rate/60)
	return int(spent / 8)
}

func TestBudgetHoldsInTrueTime(t *testing.T) {
	t.Parallel()
	const rate = 10_000_000
	for name, gap := range map[string]func(*rand.Rand) time.Duration{
		"60 fps":    func(*rand.Rand) time.Duration { return time.Second / 60 },
		"10 fps":    func(*rand.Rand) time.Duration { return time.Second / 10 },
		"irregular": func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(300)) * time.Millisecond },
	} {
		random := rand.New(rand.NewPCG(1, 1))
		b := newBudget(60, rate, 200*time.Millisecond, 0.9)
		m := model{0.9 * rate / 5, rate / 5}
		var bits, seconds, capped float64
		elapsed := time.Duration(0)
		for range 500 {
			size := m.picture(rate, b.before(elapsed))
			b.after(size)
			bits += float64(8 * size)
			seconds += elapsed.Seconds()
			capped += min(elapsed.Seconds(), 0.2) // a full bucket takes no more
			elapsed = gap(random)
		}
		if bits > (seconds+0.2)*rate*1.05 {
			t.Errorf("%s: %.1f Mbit in %.1f s at %d Mbit/s", name, bits/1e6, seconds, rate/1_000_000)
		}
		if bits < capped*rate*0.6 {
			t.Errorf("%s: only %.1f Mbit in %.1f s at %d Mbit/s", name, bits/1e6, capped, rate/1_000_000)
		}
	}
}

func TestBudgetRefillsAtRest(t *testing.T) {
	t.Parallel()
	b := newBudget(60, 10_000_000, 200*time.Millisecond, 0.9)
	b.before(0)
	b.after(225_000) // all of it
	b.before(time.Second)
	b.after(20) // a frame that says nothing
	if b.known < 1_900_000 {
		t.Errorf("after a second of rest the encoder may spend %.0f bits, want 2 million", b.known)
	}
	b.set(1_000_000, 200*time.Millisecond)
	if b.known > 200_000 {
		t.Errorf("after the rate fell the encoder may spend %.0f bits, want 200000", b.known)
	}
}
