//go:build linux

package streamer

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/BurntSushi/xgb"
	"github.com/BurntSushi/xgb/damage"
	"github.com/BurntSushi/xgb/randr"
	"github.com/BurntSushi/xgb/shm"
	"github.com/BurntSushi/xgb/xfixes"
	"github.com/BurntSushi/xgb/xproto"
	"github.com/BurntSushi/xgb/xtest"

	"github.com/backlot/backlot/internal/streamer/x11"
)

const (
	displayTries = 500
	displayPause = 20 * time.Millisecond
)

// display is the connection to the X server. All goroutines may use it.
type display struct {
	x       *xgb.Conn
	hangUp  func() // as if the X server had gone
	setup   *xproto.SetupInfo
	root    xproto.Window
	wmCheck xproto.Atom // _NET_SUPPORTING_WM_CHECK
	keymap  sync.Mutex  // held by who changes it
}

// openDisplay connects to an X server that may still be starting, and asks for
// the events that the streamer lives by.
func openDisplay(ctx context.Context, name string) (*display, error) {
	var (
		x      *xgb.Conn
		hangUp func()
		err    error
	)
	for range displayTries {
		if x, hangUp, err = x11.Dial(ctx, name); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(displayPause):
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open display %s: %w", name, err)
	}
	d := &display{x: x, hangUp: hangUp, setup: xproto.Setup(x)}
	d.root = d.setup.DefaultScreen(x).Root
	if err := d.prepare(); err != nil {
		hangUp()
		return nil, fmt.Errorf("prepare display %s: %w", name, err)
	}
	return d, nil
}

func (d *display) prepare() error {
	for _, extension := range []func(*xgb.Conn) error{shm.Init, damage.Init, xfixes.Init, randr.Init, xtest.Init} {
		if err := extension(d.x); err != nil {
			return err
		}
	}
	// Servers refuse requests of extensions whose version was not asked for.
	if _, err := damage.QueryVersion(d.x, 1, 1).Reply(); err != nil {
		return err
	}
	if _, err := xfixes.QueryVersion(d.x, 5, 0).Reply(); err != nil {
		return err
	}
	if _, err := randr.QueryVersion(d.x, 1, 3).Reply(); err != nil {
		return err
	}
	if screen := d.setup.DefaultScreen(d.x); screen.RootDepth != 24 || d.setup.ImageByteOrder != xproto.ImageOrderLSBFirst {
		return fmt.Errorf("screen of depth %d, byte order %d: want 24, little-endian", screen.RootDepth, d.setup.ImageByteOrder)
	}
	var err error
	if d.wmCheck, err = d.atom("_NET_SUPPORTING_WM_CHECK"); err != nil {
		return err
	}
	if err := xfixes.SelectCursorInputChecked(d.x, d.root, xfixes.CursorNotifyMaskDisplayCursor).Check(); err != nil {
		return err
	}
	if err := randr.SelectInputChecked(d.x, d.root, randr.NotifyMaskScreenChange).Check(); err != nil {
		return err
	}
	if err := xproto.ChangeWindowAttributesChecked(d.x, d.root, xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange}).Check(); err != nil {
		return err
	}
	// A blanked screen is of no use to anybody.
	return xproto.SetScreenSaverChecked(d.x, 0, 0, xproto.BlankingNotPreferred, xproto.ExposuresNotAllowed).Check()
}

// events hands each event to do, which must not wait, until the connection to the
// X server ends.
func (d *display) events(ctx context.Context, do func(xgb.Event), log *slog.Logger) error {
	for {
		e, xerr := d.x.WaitForEvent()
		if xerr != nil {
			log.DebugContext(ctx, "X refused a request", "err", xerr)
			continue
		}
		if _, gone := e.(x11.Gone); gone {
			return errDisplayGone
		}
		do(e)
	}
}

// size is the root window's, in pixels.
func (d *display) size() (width, height int, err error) {
	g, err := xproto.GetGeometry(d.x, xproto.Drawable(d.root)).Reply()
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the size of the screen: %w", err)
	}
	return int(g.Width), int(g.Height), nil
}
