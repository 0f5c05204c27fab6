//go:build linux

package streamer

import (
	"github.com/backlot/backlot/internal/wire"
)

// penButtons is which X button each bit of wire.PenSample.Buttons presses. Tip and
// eraser press the same button of two devices.
var penButtons = [...]struct{ bit, button uint8 }{
	{wire.PenTip | wire.PenEraser, 1}, {wire.PenBarrel, 3}, {wire.PenSecond, 2},
}

// pen is the artist's pen: to X two devices, as tablets have it, of which the one
// whose end is nearer is there. One goroutine uses it.
type pen struct {
	tip, eraser *device
	near        *device // that is over the screen; nil: neither
	pressed     uint8   // bits
	at          [2]axis // the place of the last sample
}

// put moves the pen as the samples say, in one event for each of them, and then
// presses and releases what is pressed otherwise than before.
func (p *pen) put(s wire.PenSample) error {
	end := p.tip
	if s.Buttons&wire.PenEraser != 0 {
		end = p.eraser
	}
	p.at = [2]axis{{axisX, float64(s.X)}, {axisY, float64(s.Y)}}
	axes := end.at(p.at[:], labelPressure, func(v valuator) float64 { return float64(s.Pressure) * v.max / 0xffff })
	axes = end.at(axes, labelTiltX, func(v valuator) float64 { return max(v.min, min(float64(s.TiltX), v.max)) })
	axes = end.at(axes, labelTiltY, func(v valuator) float64 { return max(v.min, min(float64(s.TiltY), v.max)) })
	if p.near != end {
		if err := p.leave(); err != nil {
			return err
		}
		if err := end.proximity(true, p.at[:]...); err != nil {
			return err
		}
		p.near = end
	}
	if err := end.motion(true, axes...); err != nil {
		return err
	}
	return p.press(s.Buttons, axes)
}

func (p *pen) press(buttons uint8, axes []axis) error {
	for _, b := range penButtons {
		down := buttons&b.bit != 0
		if down == (p.pressed&b.bit != 0) {
			continue
		}
		if err := p.near.button(b.button, down, axes...); err != nil {
			return err
		}
	}
	p.pressed = buttons
	return nil
}

// leave takes the pen away from the screen.
func (p *pen) leave() error {
	near := p.near
	if near == nil {
		return nil
	}
	p.near = nil
	axes := near.at(p.at[:], labelPressure, func(valuator) float64 { return 0 })
	for _, b := range penButtons {
		if p.pressed&b.bit == 0 {
			continue
		}
		if err := near.button(b.button, false, axes...); err != nil {
			p.pressed = 0
			return err
		}
	}
	p.pressed = 0
	if err := near.proximity(false, axes...); err != nil {
		return err
	}
	return near.sync()
}
