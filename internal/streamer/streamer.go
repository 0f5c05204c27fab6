//go:build linux

package streamer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/BurntSushi/xgb"
	"github.com/BurntSushi/xgb/damage"
	"github.com/BurntSushi/xgb/randr"
	"github.com/BurntSushi/xgb/xfixes"
	"github.com/BurntSushi/xgb/xproto"
)

// Config says which display to stream where.
type Config struct {
	// Display is the X display, such as ":0", of this machine. Its cookie, for any display,
	// comes from the environment's XAUTHORITY.
	Display string
	// Socket is the path of the gateway's Unix socket.
	Socket string
	// CredentialFile holds what proves to the gateway that this is the session's
	// streamer. It is read again for each connection.
	CredentialFile string
	// SoundDir is the directory of the pipes to and from the desktop's sound server;
	// empty: there is no sound.
	SoundDir string
	// Session is the key of the session in the gateway.
	Session string
	// Input is the directory with the sockets of X's input devices that are the
	// streamer's alone; "": there are none.
	Input string
	// Clipboard lets viewers share the desktop's clipboard.
	Clipboard bool
	// Files is the path of the Unix socket where the sandbox takes viewers' files; "":
	// it takes none.
	Files string
	Log   *slog.Logger
}

var errDisplayGone = errors.New("the X server has gone")

// Run streams until ctx ends, which is not an error, or the X server goes away,
// which is. It waits a while for the X server, and as long as it takes for the gateway.
func Run(ctx context.Context, c Config) error {
	freeLargeAtOnce()
	d, err := openDisplay(ctx, c.Display)
	if err != nil {
		return err
	}
	var (
		link     = newLink(c)
		began    = time.Now()
		sound    = newSound(c, link, began)
		mic      = newMicrophone(c)
		cursor   = &cursor{display: d, link: link, wake: make(chan struct{}, 1)}
		scale    = &scale{display: d, link: link, log: c.Log, wake: make(chan struct{}, 1)}
		desktop  = newDesktop(d)
		keyboard = &keyboard{display: d, log: c.Log}
		input    = &input{display: d, keyboard: keyboard, devices: newDevices(d, c.Input, c.Log)}
	)
	transfers := &transfers{link: link, files: c.Files}
	if c.Clipboard {
		if transfers.clipboard, err = newClipboard(d, link, c.Log); err != nil {
			d.hangUp()
			return fmt.Errorf("prepare the clipboard: %w", err)
		}
	}
	monitors, err := newMonitors(d, link, began, c.Log)
	if err != nil {
		d.hangUp()
		return fmt.Errorf("find the monitors: %w", err)
	}
	handle := func(e xgb.Event) {
		if transfers.clipboard != nil {
			transfers.clipboard.event(e)
		}
		switch e := e.(type) {
		case damage.NotifyEvent:
			monitors.damaged(e.Damage)
		case randr.ScreenChangeNotifyEvent:
			monitors.wish(func(w *wishes) { w.resized = true })
		case xfixes.CursorNotifyEvent:
			poke(cursor.wake)
		case xproto.PropertyNotifyEvent:
			switch e.Atom {
			case d.wmCheck:
				poke(desktop.wake)
			case xproto.AtomResourceManager:
				poke(scale.wake)
			}
		case xproto.MappingNotifyEvent:
			keyboard.stale.Store(true)
		}
	}
	if err := input.adopt(); err != nil {
		d.hangUp()
		return fmt.Errorf("release keys: %w", err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	session := &session{monitors: monitors, sound: sound, microphone: mic, input: input, cursor: cursor, desktop: desktop, transfers: transfers, scale: scale, link: link}

	start := func(group *sync.WaitGroup, run func() error) {
		group.Go(func() {
			if err := run(); err != nil {
				stop(err)
			}
		})
	}
	var events, users sync.WaitGroup
	start(&events, func() error { return d.events(ctx, handle, c.Log) })
	monitors.run(func(run func(context.Context) error) { start(&users, func() error { return run(ctx) }) })
	start(&users, func() error { return cursor.run(ctx) })
	start(&users, func() error { return scale.run(ctx) })
	start(&users, func() error { return sound.run(ctx) })
	start(&users, func() error { return mic.run(ctx) })
	start(&users, func() error { return desktop.run(ctx) })
	if clipboard := transfers.clipboard; clipboard != nil {
		start(&users, func() error { return clipboard.run(ctx) })
		start(&users, func() error { return clipboard.selection.run(ctx) })
	}
	start(&users, func() error { return desktop.keymap(ctx) })
	users.Go(func() { input.devices.run(ctx, desktop.ready) })
	start(&users, func() error { return link.run(ctx, session) })
	<-ctx.Done()
	users.Wait()
	input.close()
	d.hangUp()
	events.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// poke wakes the goroutine that waits on c, which holds one wake-up.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
