//go:build linux

package streamer

import (
	"context"
	"errors"

	"github.com/BurntSushi/xgb/xproto"
)

// desktop waits until a window manager runs: before that a picture would show
// an empty screen, and windows would have no frames.
type desktop struct {
	display *display
	wake    chan struct{} // when the root window's property has changed, or that of the window it names
	ready   chan struct{} // closed once a window manager is there
}

func newDesktop(d *display) *desktop {
	return &desktop{display: d, wake: make(chan struct{}, 1), ready: make(chan struct{})}
}

func (w *desktop) run(ctx context.Context) error {
	for {
		managed, err := w.managed()
		if err != nil {
			return err
		}
		if managed {
			close(w.ready)
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.wake:
		}
	}
}

// managed says whether the root window names a window that names itself, as
// Extended Window Manager Hints demands of a running window manager. One that
// died may have left the root's property behind.
func (w *desktop) managed() (bool, error) {
	named, err := w.check(w.display.root)
	if err != nil || named == 0 {
		return false, err
	}
	// It may name itself later than the root does; who looks after asking to be told misses nothing.
	xproto.ChangeWindowAttributes(w.display.x, named, xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange})
	itself, err := w.check(named)
	if _, ok := errors.AsType[xproto.WindowError](err); ok {
		return false, nil
	}
	return itself == named, err
}

func (w *desktop) check(window xproto.Window) (xproto.Window, error) {
	p, err := xproto.GetProperty(w.display.x, false, window, w.display.wmCheck, xproto.AtomWindow, 0, 1).Reply()
	if err != nil || p.Format != 32 || p.ValueLen != 1 {
		return 0, err
	}
	b := p.Value
	return xproto.Window(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24), nil
}
