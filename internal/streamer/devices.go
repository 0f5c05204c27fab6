//go:build linux

package streamer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// deviceAgain is how long a device that failed is left alone.
const deviceAgain = time.Second

// devices are the input devices of X that are ours alone, for what XTEST cannot
// say: a pen's pressure, a wheel's fractions. Where the X server has none, or they
// are not open yet, the pen is a mouse, and the wheel clicks.
type devices struct {
	display *display
	log     *slog.Logger

	mu     sync.Mutex
	pen    pen
	wheel  *device
	last   *device // that had the latest event; nil: XTEST had
	opened bool    // once
	failed time.Time
}

func newDevices(d *display, dir string, log *slog.Logger) *devices {
	v := &devices{display: d, log: log, wheel: newDevice(d, dir, wheelDevice)}
	v.pen = pen{tip: newDevice(d, dir, penDevice), eraser: newDevice(d, dir, eraserDevice)}
	return v
}

// run opens the devices once the desktop is there: for that the X server needs some
// 30 ms. It cannot wait until somebody has a pen, as one that listens to a streamer
// which has died does nothing else.
func (v *devices) run(ctx context.Context, ready <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-ready:
		v.mu.Lock()
		defer v.mu.Unlock()
		v.opened = true
		v.open()
	}
}

// open connects to all devices that there are.
func (v *devices) open() {
	for _, d := range v.all() {
		if d.absent || d.conn != nil {
			continue
		}
		err := d.open()
		switch {
		case errors.Is(err, errNoDevice):
			d.absent = true
		case err != nil:
			v.log.Warn("an input device does not answer", "device", d.name, "err", err)
			v.failed = time.Now()
			return
		}
	}
}

func (v *devices) all() []*device { return []*device{v.pen.tip, v.pen.eraser, v.wheel} }

func (v *devices) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, d := range v.all() {
		d.close()
	}
}

// ready tells whether the devices can be used, and has what XTEST was told done
// before what they are told.
func (v *devices) ready(next *device) bool {
	if next.absent || !v.opened || !v.failed.IsZero() && time.Since(v.failed) < deviceAgain {
		return false
	}
	if !v.failed.IsZero() {
		v.failed = time.Time{}
		v.open()
		if next.absent || !v.opened || !v.failed.IsZero() {
			return false
		}
	}
	v.turn(next)
	return true
}

// turn waits until what came before has been done when another way to the X server
// is taken: the ways overtake each other.
func (v *devices) turn(next *device) {
	if v.last == next {
		return
	}
	if v.last == nil {
		v.display.x.Sync()
	} else if err := v.last.sync(); err != nil {
		v.failed = time.Now()
	}
	v.last = next
}

// draw moves the pen. It says no where that has to be done by other means.
func (v *devices) draw(m wire.Pen) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.ready(v.pen.tip) {
		return false
	}
	var err error
	for _, s := range m.Samples {
		if err == nil {
			err = v.pen.put(s)
		}
	}
	if len(m.Samples) == 0 {
		err = v.pen.leave()
	}
	if v.pen.near != nil {
		v.last = v.pen.near
	}
	v.note(err)
	return true
}

// glide turns the wheel by any fraction of a notch. It says no where it can only click.
func (v *devices) glide(m wire.Wheel) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if m.DX%notch == 0 && m.DY%notch == 0 || !v.ready(v.wheel) {
		return false
	}
	var axes []axis
	if m.DX != 0 {
		axes = append(axes, axis{axisScrollX, float64(m.DX)})
	}
	if m.DY != 0 {
		axes = append(axes, axis{axisScrollY, float64(m.DY)})
	}
	v.note(v.wheel.motion(false, axes...))
	return true
}

// release takes the pen away.
func (v *devices) release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.note(v.pen.leave())
	v.turn(nil)
}

// others is called before XTEST is used.
func (v *devices) others() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.turn(nil)
}

func (v *devices) note(err error) {
	if err == nil {
		return
	}
	v.log.Warn("an input device has failed", "err", err)
	v.pen.near, v.pen.pressed = nil, 0
	v.failed = time.Now()
}
