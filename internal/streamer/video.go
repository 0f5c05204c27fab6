//go:build linux

package streamer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// wide is the rate, in bits per second, from which on bits are not saved any more. A picture of 245 kB has
// 50 kB less by CABAC, and takes 16 ms more to code and decode: the same at 25 Mb/s. It is less than the
// rate that is guessed at first.
const wide = 16_000_000

// wishes is what others want of the video and what they have seen happen, since
// it last looked. The latest wish wins.
type wishes struct {
	leave   bool // the last viewer has left, or the gateway; watch may follow
	watch   bool
	greet   bool // tell a new gateway that the desktop is ready
	key     bool
	hold    *bool // make no frames, or go on
	damaged bool
	resized bool // by whomever
	resize  *wire.Resize
	rate    *wire.Rate
	format  *wire.Format
	main    *wire.Main
	keep    *wire.Keep
	exact   *wire.Exact
}

// video owns capture and encoder of one monitor. It makes frames while somebody looks,
// and holds nothing while nobody does.
type video struct {
	monitors *monitors
	number   uint8
	display  *display
	start    time.Time
	damage   atomic.Uint32 // the id of the capture's
	// unplugged ends it, done says that it has ended.
	unplugged, done chan struct{}

	mu     sync.Mutex
	wishes wishes
	wake   chan struct{}

	// Only run touches these.
	pace          pace
	bitsPerSecond int
	place         place
	fullColour    bool
	main          bool // everybody plays that profile
	coding        coding
	resolution    resolution
	capture       *capture
	small         *picture // what is coded in place of the screen's picture; nil: that is
	budget        *budget
	encoder       encoder
	tiles         *tiles
	everything    bool // the next frame is the first of its capture
	stats         stats
}

// coding is how an encoder spends: thorough, more time than bits; main, by that profile.
type coding struct{ thorough, main bool }

func newVideo(m *monitors, number uint8) *video {
	return &video{
		monitors: m, number: number, display: m.display, start: m.began,
		unplugged:     make(chan struct{}),
		done:          make(chan struct{}),
		wake:          make(chan struct{}, 1),
		pace:          pace{framesPer: 60},
		bitsPerSecond: 20_000_000,
	}
}

// tell sends the gateway a message about the monitor.
func (v *video) tell(m wire.Message) {
	if v.number > 1 {
		m = wire.Monitor{Number: v.number, Message: m}
	}
	v.monitors.link.send(m)
}

// handle does what the gateway says of the monitor. It says no to what is no video's matter.
func (v *video) handle(m wire.Message) bool {
	switch m := m.(type) {
	case wire.Watch:
		v.wish(func(w *wishes) { w.watch, w.leave = m.On, w.leave || !m.On })
	case wire.Hold:
		v.wish(func(w *wishes) { w.hold = &m.On })
	case wire.KeyFrame:
		v.wish(func(w *wishes) { w.key = true })
	case wire.Rate:
		v.wish(func(w *wishes) { w.rate = &m })
	case wire.Format:
		v.wish(func(w *wishes) { w.format = &m })
	case wire.Main:
		v.wish(func(w *wishes) { w.main = &m })
	case wire.Keep:
		v.wish(func(w *wishes) { w.keep = &m })
	case wire.Resize:
		v.wish(func(w *wishes) { w.resize = &m })
	case wire.Exact:
		v.wish(func(w *wishes) { w.exact = &m })
	default:
		return false
	}
	return true
}

// wish tells the video something. It may be called from any goroutine and does not wait.
func (v *video) wish(do func(*wishes)) {
	v.mu.Lock()
	do(&v.wishes)
	v.mu.Unlock()
	poke(v.wake)
}

func (v *video) run(ctx context.Context) error {
	defer close(v.done)
	defer v.release()
	var err error
	if v.place, err = v.monitors.place(v.number); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	for {
		if err := v.heed(); err != nil {
			return err
		}
		timer.Stop()
		v.stats.tell(v.tell, time.Now())
		frameDue, frames := v.pace.due()
		frames = frames && v.place.size != (size{})
		tilesDue, tiles := v.tilesDue()
		tiles = tiles && (!frames || tilesDue.Before(frameDue))
		switch {
		case tiles:
			timer.Reset(time.Until(tilesDue))
		case frames:
			timer.Reset(time.Until(frameDue))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-v.unplugged:
			return nil
		case <-v.wake:
		case <-timer.C:
			var err error
			if tiles {
				v.pace.tiles = time.Now()
				err = v.tiles.send(v.pace.tiles, v.capture.screen, v.capture.stride())
			} else {
				err = v.frame(time.Now())
			}
			if err != nil {
				return err
			}
		}
	}
}

// heed does what was wished since the last call.
func (v *video) heed() error {
	v.mu.Lock()
	w := v.wishes
	v.wishes = wishes{}
	v.mu.Unlock()

	if w.damaged {
		v.pace.damaged = true
		v.resolution.stir(time.Now())
	}
	v.pace.key = v.pace.key || w.key
	if w.rate != nil {
		v.pace.framesPer, v.bitsPerSecond = int(w.rate.FramesPerSecond), int(w.rate.BitsPerSecond)
		if v.budget != nil {
			v.budget.set(v.bitsPerSecond)
		}
	}
	if w.exact != nil && v.tiles != nil && v.tiles.is(w.exact.Sum) {
		v.pace.exact = true
	}
	if w.format != nil && w.format.FullColour != v.fullColour {
		v.fullColour = w.format.FullColour
		v.release()
		v.renew()
	}
	if w.main != nil && w.main.On != v.main {
		v.main = w.main.On
	}
	if w.keep != nil {
		v.resolution.keep = w.keep.What
		if v.budget != nil {
			v.budget.coarsest = v.resolution.coarsest()
		}
	}
	if w.hold != nil {
		v.pace.held = *w.hold
	}
	if w.resize != nil {
		v.monitors.resize(v.number, size{int(w.resize.Width) &^ 1, int(w.resize.Height) &^ 1})
	}
	if w.resized || w.resize != nil {
		if err := v.measure(); err != nil {
			return err
		}
	}
	if w.greet {
		v.greet()
	}
	if w.leave {
		v.pace.watched, v.pace.held = false, false
		v.release()
	}
	if w.watch && !v.pace.watched {
		v.pace.watched = true
		v.renew()
	}
	return nil
}

// greet tells a new gateway how large the monitor is, of the first also that the desktop
// is ready.
func (v *video) greet() {
	if v.place.size == (size{}) {
		return
	}
	width, height := v.shown()
	if v.number == 1 {
		v.tell(wire.Ready{Width: width, Height: height})
	} else {
		v.tell(wire.Screen{Width: width, Height: height})
	}
}

// measure asks where the monitor lies, and starts anew when that has changed.
func (v *video) measure() error {
	at, err := v.monitors.place(v.number)
	if err != nil || at == v.place {
		return err
	}
	v.place = at
	v.release()
	v.renew()
	w, h := v.shown()
	v.tell(wire.Screen{Width: w, Height: h})
	return nil
}

// shown is the size of the picture, which has even sides.
func (v *video) shown() (width, height uint16) {
	return uint16(v.place.width) &^ 1, uint16(v.place.height) &^ 1
}

// renew has the next frame come at once, as a key frame.
func (v *video) renew() {
	v.pace = pace{watched: v.pace.watched, held: v.pace.held, framesPer: v.pace.framesPer, key: true, damaged: true}
}

// release frees what capturing and encoding need.
func (v *video) release() {
	v.resolution = resolution{keep: v.resolution.keep}
	v.coding = coding{}
	v.dropSmall()
	if v.capture != nil {
		v.capture.close()
		v.capture = nil
	}
	if v.encoder != nil {
		v.encoder.close()
		v.encoder = nil
		trimMemory()
	}
	if v.tiles != nil {
		v.tiles.close()
		v.tiles = nil
	}
}

func (v *video) dropSmall() {
	if v.small != nil {
		v.small.close()
		v.small = nil
	}
}

// tilesDue says when a part of the screen is to be sent without loss; false: when
// something has changed.
func (v *video) tilesDue() (time.Time, bool) {
	if v.tiles == nil || !v.pace.watched {
		return time.Time{}, false
	}
	return v.tiles.due()
}

// frame makes one frame and sends it.
func (v *video) frame(now time.Time) error {
	if v.capture == nil {
		if err := v.open(now); err != nil {
			return err
		}
	}
	change, first := v.pace.damaged, v.everything
	captured := uint64(now.Sub(v.start).Microseconds())
	if change {
		v.pace.damaged = false
		changed, err := v.capture.take(v.everything)
		if err != nil {
			return v.resizedMeanwhile(err)
		}
		if !changed && !v.pace.keyDue(now) { // it was another monitor that did
			v.pace.vain(now)
			v.resolution.waits = false
			return nil
		}
		v.stats.capture += time.Since(now)
		v.everything = false
	} else {
		v.capture.picture.unmark()
	}
	v.tiles.frame(now, captured, v.capture.picture, change, first)
	began := time.Now()
	p, err := v.scaled(now, change)
	if err != nil {
		return err
	}
	p.exact = v.pace.exact
	u, err := v.encoder.encode(p, v.pace.keyDue(now), v.pace.elapsed(now))
	if err != nil {
		return err
	}
	v.stats.made(time.Since(began), len(u.data))
	v.pace.made(now, change, u)
	v.resolution.made(now, change, u, v.bitsPerSecond)
	v.tell(wire.Video{
		Key:            u.key,
		CapturedMicros: captured,
		Width:          uint16(p.width), Height: uint16(p.height),
		Data: u.data,
	})
	return nil
}

// wanted is how to code a picture of a step of the resolution. What only saves bits is changed
// with a key frame that is due anyway; what takes time on a way that has become wide, at rest.
func (v *video) wanted(step int, change, keyDue bool) coding {
	narrow := v.bitsPerSecond < wide
	c := coding{thorough: step > 0 || narrow && keyDue || v.coding.thorough && (narrow || change)}
	anew := keyDue || step != v.resolution.step || c.thorough != v.coding.thorough
	c.main = c.thorough && v.main && !v.fullColour && (anew || v.coding.main)
	return c
}

// scaled is the picture to code: of as many pixels as the rate carries. When these are
// others than before, or it is to be coded in another way, the encoder begins anew.
func (v *video) scaled(now time.Time, change bool) (p *picture, err error) {
	p = v.capture.picture
	step := v.resolution.wanted(now, p.width, p.height, v.bitsPerSecond)
	next := v.wanted(step, change, v.pace.keyDue(now))
	if (step != v.resolution.step || next != v.coding) && v.pace.keyAllowed(now) {
		if v.coding = next; step != v.resolution.step {
			v.resolution.take(step)
		}
		v.pace.small, v.pace.key = step > 0, true
		v.encoder.close()
		v.encoder = nil
		v.dropSmall()
		if step > 0 {
			v.small = newPicture(v.resolution.side(p.width), v.resolution.side(p.height), p.full)
			p.mark(0, 0, p.width, p.height)
			v.small.shrink(p)
			p = v.small
		}
		return p, v.begin(p)
	}
	switch {
	case v.small == nil:
		return p, nil
	case change:
		v.small.shrink(p)
	default:
		v.small.unmark()
	}
	return v.small, nil
}

func (v *video) open(now time.Time) (err error) {
	if v.capture, err = newCapture(v.display, v.place, v.fullColour); err != nil {
		return err
	}
	v.damage.Store(uint32(v.capture.damage))
	v.everything = true
	width, height := v.shown()
	v.budget = newBudget(v.bitsPerSecond)
	v.budget.coarsest = v.resolution.coarsest()
	v.coding = v.wanted(0, true, true)
	if err := v.begin(v.capture.picture); err != nil {
		return err
	}
	v.tiles, err = newTiles(v.tell, int(width), int(height), now)
	return err
}

// begin makes an encoder of such pictures.
func (v *video) begin(p *picture) error {
	e, err := newH264(p, v.budget, v.coding)
	if err != nil {
		return err
	}
	v.encoder = e
	return nil
}

// resizedMeanwhile tells a grab that failed because the screen has become
// smaller, which is made up for, from one that failed for good.
func (v *video) resizedMeanwhile(cause error) error {
	before := v.place
	if err := v.measure(); err != nil {
		return err
	}
	if v.place == before {
		return fmt.Errorf("capture screen: %w", cause)
	}
	return nil
}
