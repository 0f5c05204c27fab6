package streamer

import "time"

const (
	// keyGap is the least time between key frames that are asked for: a key frame costs as much as
	// many other frames, and viewers who lost one packet ask several times.
	keyGap = 500 * time.Millisecond
	// sharpenFor is how long after the last change a still picture is made better.
	sharpenFor = 5 * time.Second
	// tilesFor is how long viewers have, after the last tile, to say that they see the
	// very pixels. Until then the video is not made better, and afterwards, for those
	// whose way is slow, less often.
	tilesFor       = 250 * time.Millisecond
	slowSharpenGap = time.Second / 8
	// aliveGap is the time between frames that say nothing. Without any frame
	// Chromium thinks that it has lost something, and asks for key frames.
	aliveGap = time.Second
	// vainGap is the least time to the next look when one found nothing new: what another
	// monitor shows may change all the time.
	vainGap = 4 * time.Millisecond
)

// pace decides when the next frame is due. It is told what happens and never
// looks at a clock.
type pace struct {
	watched   bool
	held      bool
	framesPer int // second
	damaged   bool
	key       bool // wanted
	sharp     bool // the last frame was as good as it gets
	exact     bool // viewers have the very pixels, by tiles
	small     bool // the picture has fewer pixels than the screen

	next      time.Time // the earliest time of the next change, by framesPer
	lastFrame time.Time
	lastKey   time.Time
	tiles     time.Time // when the last tile was sent
	changed   time.Time // when the last frame with a change or a new start was made
}

// due says when the next frame is to be made, unless something happens before;
// false means never.
func (p *pace) due() (time.Time, bool) {
	if !p.watched || p.held {
		return time.Time{}, false
	}
	due := p.lastFrame.Add(aliveGap)
	sooner := func(t time.Time) {
		if t.Before(due) {
			due = t
		}
	}
	if p.key {
		sooner(p.lastKey.Add(keyGap))
	}
	switch {
	case p.damaged:
		sooner(p.next)
	case p.small:
		sooner(later(p.changed.Add(restFor), p.lastKey.Add(keyGap)))
	case !p.sharp && !p.exact && p.lastFrame.Sub(p.changed) < sharpenFor:
		gap := sharpenGap
		if p.tiles.After(p.changed) {
			gap = slowSharpenGap
		}
		sooner(later(p.lastFrame.Add(gap), p.tiles.Add(tilesFor)))
	}
	return due, true
}

// keyDue says whether a frame made now is to be a key frame.
func (p *pace) keyDue(now time.Time) bool {
	return p.key && p.keyAllowed(now)
}

// keyAllowed says whether the last key frame is long enough ago.
func (p *pace) keyAllowed(now time.Time) bool { return !now.Before(p.lastKey.Add(keyGap)) }

// elapsed is the time since the last frame, 0 for the first one.
func (p *pace) elapsed(now time.Time) time.Duration {
	if p.lastFrame.IsZero() {
		return 0
	}
	return now.Sub(p.lastFrame)
}

// made records a frame: whether it showed a change, and what the encoder made of it.
func (p *pace) made(now time.Time, change bool, u unit) {
	p.lastFrame, p.sharp = now, u.sharp
	if change {
		// Frames keep to a grid, so that timers that fire late do not lower the
		// rate. Frames without a change never hold one up.
		interval := time.Second / time.Duration(p.framesPer)
		p.next = later(later(p.next.Add(interval), now.Add(interval/2)), now.Add(u.debt))
	}
	if change || u.key {
		p.changed, p.exact = now, false
	}
	if u.key {
		p.lastKey, p.key = now, false
	}
}

// vain records a look at the screen that found nothing new.
func (p *pace) vain(now time.Time) { p.next = later(p.next, now.Add(vainGap)) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
