//go:build linux

package streamer

import (
	"github.com/BurntSushi/xgb/xproto"
	"github.com/BurntSushi/xgb/xtest"

	"github.com/backlot/backlot/internal/wire"
)

// Button numbers of X's wheel.
const (
	wheelUp, wheelDown    = 4, 5
	wheelLeft, wheelRight = 6, 7
)

// notch is a wheel's step in the units of wire.Wheel.
const notch = 120

// input injects what a viewer presses and moves. One goroutine uses it.
type input struct {
	display  *display
	keyboard *keyboard
	devices  *devices
	buttons  [256]bool // held
	pointed  bool      // with a pen that was a mouse
	turned   struct{ x, y int }
}

// adopt takes over what is held already, and releases it: a streamer that died
// may have left keys and buttons pressed.
func (i *input) adopt() error {
	keys, err := xproto.QueryKeymap(i.display.x).Reply()
	if err != nil {
		return err
	}
	for code := range i.keyboard.held {
		i.keyboard.held[code] = keys.Keys[code/8]>>(code%8)&1 == 1
	}
	pointer, err := xproto.QueryPointer(i.display.x, i.display.root).Reply()
	if err != nil {
		return err
	}
	for b := range 5 {
		i.buttons[b+1] = pointer.Mask>>(8+b)&1 == 1
	}
	i.releaseAll()
	return nil
}

// close leaves nothing pressed.
func (i *input) close() {
	i.releaseAll()
	i.devices.close()
}

// handle injects an input message. What does not make sense is ignored.
func (i *input) handle(m wire.Message) {
	switch m := m.(type) {
	case wire.Pen:
		if !i.devices.draw(m) {
			i.point(m)
		} else if i.pointed {
			i.point(wire.Pen{})
		}
		return
	case wire.Wheel:
		if i.devices.glide(m) {
			return
		}
	}
	i.devices.others()
	switch m := m.(type) {
	case wire.Motion:
		i.fake(xproto.MotionNotify, 1, m.DX, m.DY)
	case wire.Layout:
		i.keyboard.choose(m)
	case wire.Locks:
		i.keyboard.lock(m)
	case wire.Pointer:
		i.fake(xproto.MotionNotify, 0, m.X, m.Y)
	case wire.Button:
		i.button(m.Button, m.Down)
	case wire.Wheel:
		i.turned.x = i.turn(i.turned.x, int(m.DX), wheelLeft, wheelRight)
		i.turned.y = i.turn(i.turned.y, int(m.DY), wheelUp, wheelDown)
	case wire.Key:
		i.keyboard.handle(m)
	case wire.ReleaseAll:
		i.releaseAll()
	}
}

func (i *input) button(b uint8, down bool) {
	if i.buttons[b] == down {
		return
	}
	i.buttons[b] = down
	kind := byte(xproto.ButtonRelease)
	if down {
		kind = xproto.ButtonPress
	}
	i.fake(kind, b, 0, 0)
}

// turn clicks for each whole notch and returns what is left for the next time.
func (i *input) turn(left, by int, back, forth uint8) int {
	if left*by < 0 {
		left = 0 // the wheel's direction has changed
	}
	left += by
	for ; left <= -notch; left += notch {
		i.click(back)
	}
	for ; left >= notch; left -= notch {
		i.click(forth)
	}
	return left
}

func (i *input) click(b uint8) {
	i.fake(xproto.ButtonPress, b, 0, 0)
	i.fake(xproto.ButtonRelease, b, 0, 0)
}

// point has a pen be a mouse: its tip is the left button.
func (i *input) point(m wire.Pen) {
	width, height, err := i.display.size()
	if err != nil {
		return
	}
	i.pointed = len(m.Samples) > 0
	for _, s := range m.Samples {
		i.fake(xproto.MotionNotify, 0, int16(int(s.X)*width>>16), int16(int(s.Y)*height>>16))
		for _, b := range penButtons {
			i.button(b.button, s.Buttons&b.bit != 0)
		}
	}
	if len(m.Samples) == 0 {
		for _, b := range penButtons {
			i.button(b.button, false)
		}
	}
}

func (i *input) releaseAll() {
	i.devices.release()
	for b, held := range i.buttons {
		if held {
			i.button(uint8(b), false)
		}
	}
	i.keyboard.releaseAll()
	i.turned.x, i.turned.y = 0, 0
}

func (i *input) fake(kind, detail byte, x, y int16) {
	xtest.FakeInput(i.display.x, kind, detail, 0, i.display.root, x, y, 0)
}
