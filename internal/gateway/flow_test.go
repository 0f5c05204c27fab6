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
	// way carries so many bits a second, and takes 20 ms at least; packets that are too
	// many for it queue.
	free := now
	way := func(carries int, span time.Duration, used float64) {
		const size = 1200
		for end := now.Add(span); now.Before(end); {
			rate := used * float64(e.rate)
			e.count(size, now)
			if free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(size * 8 * float64(time.Second) / float64(carries)))
			e.deliver(delivery{bytes: size, took: free.Add(20*time.Millisecond).Sub(now) - time.Hour, at: free})
			now = now.Add(time.Duration(size * 8 * float64(time.Second) / rate))
		}
	}
	near := func(what string, low, high int) {
		t.Helper()
		if e.rate < low || e.rate > high {
			t.Errorf("%s: %d, want %d to %d", what, e.rate, low, high)
		}
	}
	way(1e9, 5*time.Second, 1)
	near("a wide way", highestRate, highestRate)
	way(2e6, 2*time.Second, 1)
	near("a narrow way", 1_500_000, 2_000_000)
	way(2e6, 20*time.Second, 1)
	near("a narrow way for long", 1_500_000, 2_200_000)
	way(2e6, 15*time.Second, 0.5)
	near("a narrow way that is half used", 1_500_000, 2_200_000)
	before := e.rate
	way(2e6, 20*time.Second, 0.1)
	near("a way that is not used", before, before*11/10)
	way(1e9, 45*time.Second, 1)
	near("a way that is wide again", 40_000_000, highestRate)
	way(500_000, 3*time.Second, 1)
	near("a way that is narrow for a moment", lowestRate, 600_000)
	way(1e9, 6*time.Second, 1)
	near("six seconds later", 5_000_000, highestRate)

	e.set(highestRate)
	e.loss(13, now) // 5 %
	near("at 5 % loss", highestRate, highestRate)
	e.loss(128, now)
	near("at 50 % loss", highestRate*3/4, highestRate*3/4)
	e.loss(255, now)
	near("at a loss of the same moment", highestRate*3/4, highestRate*3/4)
	for range 100 {
		now = now.Add(2 * calm)
		e.loss(255, now)
	}
	near("when all is lost", lowestRate, lowestRate)
}

func TestEstimateOfSparseFrames(t *testing.T) {
	t.Parallel()
	const size, carries = 1200, 2_000_000
	now := time.Now()
	e := newEstimate(now)
	for range 20 { // of 24 kB each, two a second
		free := now
		for range 20 {
			free = free.Add(time.Duration(size * 8 * float64(time.Second) / carries))
			e.count(size, now)
			e.deliver(delivery{bytes: size, took: free.Sub(now), at: free})
		}
		now = now.Add(time.Second / 2)
	}
	if e.rate < carries*3/4 || e.rate > initialRate {
		t.Errorf("a way that carries %d bits a second, used for a fifth of the time: %d", carries, e.rate)
	}
}

// Of a WebSocket's frames one may take a second, and nothing else comes meanwhile.
func TestEstimateOfOneLargeFrame(t *testing.T) {
	t.Parallel()
	const carries = 2_000_000
	now := time.Now()
	e := newEstimate(now)
	frame := func(size int, idle time.Duration) {
		now = now.Add(idle)
		took := 3*time.Millisecond + time.Duration(8*size)*time.Second/carries
		e.count(size, now)
		now = now.Add(took)
		e.deliver(delivery{bytes: size, took: took, at: now})
	}
	e.near(delivery{took: 3 * time.Millisecond, at: now})
	frame(240_000, 300*time.Millisecond)
	if e.rate < carries*3/4 || e.rate > carries {
		t.Errorf("after a frame that took a second on a way of %d bits a second: %d", carries, e.rate)
	}
	before := e.rate
	e.deliver(delivery{bytes: 30_000, took: 400 * time.Millisecond, at: now.Add(2 * time.Second)}) // a part was lost, and repeated
	if e.rate < before {
		t.Errorf("after a small frame that was late: %d where it was %d", e.rate, before)
	}

	e = newEstimate(now)
	e.near(delivery{took: 300 * time.Millisecond, at: now})
	e.deliver(delivery{bytes: 220_000, took: 1500 * time.Millisecond, at: now.Add(2 * time.Second)})
	if e.rate < initialRate {
		t.Errorf("after a frame that took five round trips of a new TCP connection: %d", e.rate)
	}
}

// Where other things fill the way, what arrives of the video is not what the way carries.
func TestEstimateBesideOtherThings(t *testing.T) {
	t.Parallel()
	const size, carries = 1200, 2_000_000
	now := time.Now()
	e := newEstimate(now)
	each := time.Duration(size * 8 * float64(time.Second) / carries)
	e.deliver(delivery{bytes: size, at: now})
	for moment := range 24 {
		others := 1
		if moment%4 > 0 {
			others = 10 // packets for each of ours
		}
		for end := now.Add(200 * time.Millisecond); now.Before(end); now = now.Add(each * time.Duration(others)) {
			e.count(size, now)
			e.deliver(delivery{bytes: size, took: 200 * time.Millisecond, at: now})
		}
	}
	if e.rate < carries*3/4 || e.rate > carries {
		t.Errorf("a way that carries %d bits a second, most of the time mostly other things: %d", carries, e.rate)
	}
}

func TestRepeats(t *testing.T) {
	t.Parallel()
	const rate = 2_000_000
	var r repeats
	now := time.Now()
	if r.take(60, rate, now) {
		t.Error("a quarter of a second's worth is sent again")
	}
	sent := 0
	for range 100 { // a second's
		if r.take(4, rate, now) {
			sent += 4
		}
		now = now.Add(10 * time.Millisecond)
	}
	if bits := 8 * maxPayload * sent; bits < rate || bits > rate*13/10 {
		t.Errorf("%d bits are sent again in a second at %d", bits, rate)
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
