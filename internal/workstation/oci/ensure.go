package oci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/backlot/backlot/internal/workstation"
)

// Ensure makes the workstation exist and run as spec says.
func (d *Driver) Ensure(ctx context.Context, spec workstation.Spec) error {
	if err := check(spec); err != nil {
		return workstation.Permanent(err)
	}
	s, leave, err := d.enter(ctx, spec.ID)
	if err != nil {
		return err
	}
	defer leave()
	missing := missingParts(s)
	if len(missing) == 0 {
		return nil
	}
	if err := d.scriptFailed(ctx, s, spec); err != nil {
		return fmt.Errorf("ensure workstation %s: %w", spec.ID, err)
	}
	var rousing sync.WaitGroup
	rousing.Go(d.cgroups.rouse)
	defer rousing.Wait()
	if err := d.at(s, "claim"); err != nil {
		return fmt.Errorf("ensure workstation %s: %w", spec.ID, err)
	}
	r, err := d.claim(s, spec.Volume)
	if err != nil {
		return fmt.Errorf("ensure workstation %s: %w", spec.ID, capacity(err))
	}
	if err := d.start(ctx, s, spec, r, missing); err != nil {
		return fmt.Errorf("ensure workstation %s: %w", spec.ID, err)
	}
	return nil
}

// missingParts are those that must be started. A streamer does not outlive the
// display it captures, nor the desktop that it says is there.
func missingParts(s session) []part {
	missing := slices.DeleteFunc(parts(), func(p part) bool { return s.alive(p) != 0 })
	if len(missing) > 0 && !slices.Contains(missing, streamer) {
		missing = append(missing, streamer)
	}
	// A desktop that waits at the gate waits for this very streamer.
	if slices.Contains(missing, streamer) && !slices.Contains(missing, desktop) && s.atGate(desktop) {
		missing = append(missing, desktop)
	}
	return missing
}

// shared is what the parts of a workstation have in common.
type shared struct {
	ipc  string // the path of the IPC namespace
	gate *gate  // nil when there are no scripts to wait for
}

// start starts parts: the display and the desktop side by side, as each has to
// wait for the other; the streamer, for which they have to be there, after the
// display, whose start is what everybody waits for.
func (d *Driver) start(ctx context.Context, s session, spec workstation.Spec, r record, missing []part) error {
	if err := d.at(s, "share"); err != nil {
		return err
	}
	ipc, err := sharedIPC(s, missing)
	if err != nil {
		return err
	}
	defer ipc.Close()
	with := shared{ipc: fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ipc.Fd())}
	if slices.Contains(missing, desktop) && !spec.Scripts.Empty() {
		if with.gate, err = newGate(); err != nil {
			return err
		}
		defer with.gate.close()
	}
	// Sticky and open to all, as X wants it; only containers of this workstation see it.
	if err := makeDir(s.path("x11"), openToAll, r.IDBase); err != nil {
		return err
	}
	// Nobody but the streamer finds a way in.
	if err := makeDir(s.path("files"), 0o700, r.IDBase+streamerID); err != nil {
		return err
	}
	// Where X makes the sockets of its input devices, for the streamer alone: who
	// speaks there is believed to be the artist's hand.
	if err := makeDir(s.path("input"), 0o750, r.IDBase+uint32(spec.User.ID)); err != nil {
		return err
	}
	if err := os.Chown(s.path("input"), -1, int(r.IDBase+streamerID)); err != nil {
		return err
	}
	if _, err := s.cookie(); err != nil {
		return err
	}
	if slices.Contains(missing, desktop) {
		if err := makeSound(spec, r.IDBase); err != nil {
			return fmt.Errorf("make the pipes of the sound: %w", err)
		}
	}
	how := map[part]func(context.Context, session, workstation.Spec, record, shared) error{
		display: d.startDisplay, streamer: d.startStreamer, desktop: d.startDesktop,
	}
	one := func(p part) error {
		if !slices.Contains(missing, p) {
			return nil
		}
		if err := d.at(s, string(p)+" clear"); err != nil {
			return err
		}
		if err := d.clear(ctx, s, p); err != nil {
			return err
		}
		if err := d.at(s, string(p)+" make"); err != nil {
			return err
		}
		if err := makeDir(s.part(p), 0o711, 0); err != nil {
			return err
		}
		err := how[p](ctx, s, spec, r, with)
		d.step(string(p) + " done")
		return err
	}
	var inside, beside error
	var wg sync.WaitGroup
	wg.Go(func() { inside = one(desktop) })
	wg.Go(func() {
		if beside = one(display); beside == nil {
			wg.Go(d.cgroups.rouse) // it may be long ago
			beside = one(streamer)
		}
	})
	wg.Wait()
	return errors.Join(inside, beside)
}

// sharedIPC is the IPC namespace of the parts that stay, or a new one.
func sharedIPC(s session, missing []part) (*os.File, error) {
	for _, p := range parts() {
		if slices.Contains(missing, p) {
			continue
		}
		if pid := s.alive(p); pid != 0 {
			return os.Open(fmt.Sprintf("/proc/%d/ns/ipc", pid))
		}
	}
	return newIPC()
}

// clear takes away what is left of a part: processes, cgroups, network, files.
func (d *Driver) clear(ctx context.Context, s session, p part) error {
	if err := d.cgroups.kill(ctx, s.cgroupOf(p), s.lock.held); err != nil {
		return err
	}
	if err := d.at(s, string(p)+" killed"); err != nil {
		return err
	}
	if p == desktop && d.Network != nil {
		if err := d.Network.Detach(ctx, s.id); err != nil {
			return fmt.Errorf("disconnect workstation %s: %w", s.id, err)
		}
	}
	if err := d.at(s, string(p)+" detached"); err != nil {
		return err
	}
	if err := d.cgroups.remove(ctx, s.cgroupOf(p), s.lock.held); err != nil {
		return err
	}
	if err := d.at(s, string(p)+" without cgroup"); err != nil {
		return err
	}
	if err := s.discard(s.path("runc", string(p))); err != nil {
		return err
	}
	return s.discard(s.part(p))
}

const (
	longestID = 32
	maxLayers = 500  // of one overlay
	maxScreen = 8192 // what the X server's memory holds, see xorgConfig
)

// validName reports whether s has 1 to longest characters of a-z0-9, as all ids have.
func validName(s string, longest int) bool {
	return s != "" && len(s) <= longest && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// check refuses what no repetition will make right.
func check(spec workstation.Spec) error {
	switch {
	case !validName(spec.ID, longestID):
		return fmt.Errorf("workstation id %q: want 1-32 characters of a-z0-9", spec.ID)
	case spec.Hostname == "" || len(spec.Hostname) > 63 || strings.ContainsFunc(spec.Hostname, notOfHostname):
		return fmt.Errorf("workstation %s: %q is no host name", spec.ID, spec.Hostname)
	case !spec.Scripts.Empty() && spec.Scripts.Within <= 0:
		return fmt.Errorf("workstation %s: no time for its scripts", spec.ID)
	case len(spec.Lower) == 0:
		return fmt.Errorf("workstation %s: no image", spec.ID)
	case len(spec.Lower) > maxLayers:
		return fmt.Errorf("workstation %s: an image of %d layers: want at most %d", spec.ID, len(spec.Lower), maxLayers)
	case spec.User.ID < 1 || spec.User.ID >= streamerID:
		return fmt.Errorf("workstation %s: user id %d: want 1 to %d", spec.ID, spec.User.ID, streamerID-1)
	case spec.Screen.Width < 1 || spec.Screen.Height < 1 || spec.Screen.Width > maxScreen || spec.Screen.Height > maxScreen:
		return fmt.Errorf("workstation %s: a screen of %d x %d pixels: want 1 to %d each", spec.ID, spec.Screen.Width, spec.Screen.Height, maxScreen)
	}
	for _, dir := range append(slices.Clone(spec.Lower), spec.Volume, spec.Streamer.SocketDir) {
		fi, err := os.Stat(dir)
		if err == nil && (!fi.IsDir() || !filepath.IsAbs(dir)) {
			err = fmt.Errorf("%s is no absolute path of a directory", dir)
		}
		if err != nil {
			return fmt.Errorf("workstation %s: %w", spec.ID, err)
		}
	}
	return nil
}

func notOfHostname(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}
