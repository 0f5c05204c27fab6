package streamer

import (
	"testing"
	"time"
)

func TestBudget(t *testing.T) {
	t.Parallel()
	const rate = 10_000_000
	for _, fps := range []int{60, 10, 1} {
		b := newBudget(rate)
		gap, bits := time.Second/time.Duration(fps), 0.0
		for range 30 * fps {
			b.pass(gap)
			bits += b.allowance()
			b.spend(int(b.allowance() / 8))
		}
		if most := 30.3 * rate; bits > most || fps >= 10 && bits < 0.9*most {
			t.Errorf("%d fps: %.1f Mbit in 30 s at %d Mbit/s", fps, bits/1e6, rate/1_000_000)
		}
	}
}

func TestBudgetDebt(t *testing.T) {
	t.Parallel()
	b := newBudget(8_000_000)
	b.spend(300_000)
	if got := b.debt(); got != 100*time.Millisecond || b.allowance() != 0 {
		t.Errorf("a picture of 300 ms at a burst of 200: debt %v, allowance %.0f", got, b.allowance())
	}
	b.pass(time.Second)
	if !b.full() || b.debt() != 0 {
		t.Error("a second of rest pays for nothing")
	}
	b.set(1_000_000)
	if b.allowance() > 100_000 {
		t.Errorf("after the rate fell a picture may cost %.0f bits, want 100000", b.allowance())
	}
}
