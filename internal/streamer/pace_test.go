package streamer

import (
	"testing"
	"time"
)

var (
	tiny  = unit{sharp: true}
	rough = unit{}
	idr   = unit{key: true, sharp: true}
)

// start is a pace that has just shown a sharp key frame, and the time of it.
func start() (*pace, time.Time) {
	now := time.Unix(1000, 0)
	p := &pace{watched: true, framesPer: 50}
	p.made(now, true, idr)
	return p, now
}

func expect(t *testing.T, p *pace, what string, since time.Time, want time.Duration) {
	t.Helper()
	due, ok := p.due()
	if got := due.Sub(since); !ok || got != want {
		t.Errorf("%s: due after %v (%v), want %v", what, got, ok, want)
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	if _, ok := new(pace).due(); ok {
		t.Error("a frame for nobody")
	}
	p, now := start()
	expect(t, p, "at rest", now, time.Second)
	p.damaged = true
	expect(t, p, "a change", now, 10*time.Millisecond)

	p, now = start()
	later := now.Add(time.Minute)
	p.made(later, false, tiny)
	p.damaged = true
	if due, _ := p.due(); due.After(later) {
		t.Error("a frame that said nothing holds up a change")
	}
}

func TestPaceKeepsTheFrameRate(t *testing.T) {
	t.Parallel()
	p, now := start()
	begin := now
	const frames = 100
	for range frames {
		p.damaged = true
		due, _ := p.due()
		now = due.Add(3 * time.Millisecond) // the timer is late
		p.damaged = false
		p.made(now, true, tiny)
	}
	if got, want := now.Sub(begin), frames*20*time.Millisecond; got < want-20*time.Millisecond || got > want+20*time.Millisecond {
		t.Errorf("%d frames in %v, want %v", frames, got, want)
	}
}

func TestPaceSharpens(t *testing.T) {
	t.Parallel()
	p, now := start()
	p.made(now, true, rough)
	begin, n := now, 0
	for ; ; n++ {
		due, _ := p.due()
		if due.Sub(now) == aliveGap {
			break
		}
		now = due
		p.made(now, false, rough)
	}
	if d := now.Sub(begin); n < 149 || n > 151 || d > 5100*time.Millisecond {
		t.Errorf("%d attempts in %v at a picture that never becomes sharp, want about 150 in 5s", n, d)
	}
	p.made(now, true, rough)
	expect(t, p, "after another change", now, sharpenGap)
	p.made(now, false, tiny)
	expect(t, p, "when it is sharp", now, aliveGap)

	p = &pace{watched: true, framesPer: 10, damaged: true}
	p.made(now, true, rough)
	expect(t, p, "a change of a picture that could be better, at a low rate", now, 50*time.Millisecond)
}

func TestPaceLimitsKeyFrames(t *testing.T) {
	t.Parallel()
	p, now := start()
	p.key = true
	expect(t, p, "a key frame", now, keyGap)
	if p.keyDue(now.Add(keyGap-1)) || !p.keyDue(now.Add(keyGap)) {
		t.Error("key frames are not half a second apart")
	}
	p.damaged = true
	expect(t, p, "a change meanwhile", now, 10*time.Millisecond)
	p.made(now.Add(keyGap), false, idr)
	if p.key {
		t.Error("it wants another key frame")
	}
}
