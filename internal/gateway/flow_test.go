package gateway

import (
	"testing"
	"time"
)

func TestPacer(t *testing.T) {
	t.Parallel()
	var p pacer
	now := time.Now()
	began := now
	const bits, size, count = 10_000_000, 1200, 250
	if wait := p.take(burst/2, bits, now); wait != 0 {
		t.Errorf("half a burst waits %v", wait)
	}
	for range count {
		now = now.Add(p.take(size, bits, now))
	}
	want := time.Duration(size*count-burst/2) * 8 * time.Second / (bits * headroom)
	if took := now.Sub(began); took < want*9/10 || took > want {
		t.Errorf("%d bytes took %v, want about %v", size*count, took, want)
	}
	now = now.Add(time.Second)
	if wait := p.take(burst, bits, now); wait != 0 {
		t.Errorf("a burst after a rest waits %v", wait)
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := newBudget(10, now)
	count := func() (n int) {
		for b.take(now) {
			n++
		}
		return n
	}
	if n := count(); n != 10 {
		t.Errorf("%d at once, want 10", n)
	}
	now = now.Add(500 * time.Millisecond)
	if n := count(); n != 5 {
		t.Errorf("%d after half a second, want 5", n)
	}
	now = now.Add(time.Hour)
	if n := count(); n != 10 {
		t.Errorf("%d after an hour, want 10", n)
	}
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	now := time.Now()
	e := newEstimate(now)
	for range 20 {
		e.loss(0)
	}
	if e.rate != highestRate {
		t.Errorf("%d without loss, want %d", e.rate, highestRate)
	}
	e.loss(13) // 5 %
	if e.rate != highestRate {
		t.Errorf("%d at 5 %% loss, want no change", e.rate)
	}
	e.loss(128)
	if want := highestRate * 3 / 4; e.rate != want {
		t.Errorf("%d at 50 %% loss, want %d", e.rate, want)
	}
	e.remb(1_000_000, now)
	if want := highestRate * 3 / 4; e.rate != want {
		t.Errorf("%d, want %d: nothing is being sent that the estimate could be of", e.rate, want)
	}
	e.count(3_000_000, now)
	now = now.Add(time.Second)
	e.remb(20_000_000, now)
	if e.rate != 20_000_000 {
		t.Errorf("%d while 24 Mb/s are sent and 20 arrive, want 20 Mb/s", e.rate)
	}
	for range 100 {
		e.loss(255)
	}
	if e.rate != lowestRate {
		t.Errorf("%d when all is lost, want %d", e.rate, lowestRate)
	}
}

func TestKeyFrameWishes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	k := newKeyFrames(now)
	if wait := k.wish(now); wait != 0 {
		t.Errorf("the first waits %v", wait)
	}
	if wait := k.wish(now.Add(keyAnswer / 3)); wait != keyAnswer*2/3 {
		t.Errorf("the second waits %v, want %v for the answer to the first", wait, keyAnswer*2/3)
	}
	k.came()
	asked := 1
	for range 100 {
		now = now.Add(50 * time.Millisecond)
		if k.wish(now) == 0 {
			asked++
			k.came()
		}
	}
	if asked < 15 || asked > 18 { // three at once and three a second, for five seconds
		t.Errorf("asked %d times in 5 s", asked)
	}
}
