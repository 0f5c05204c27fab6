package oci

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Stop asks the desktop to end, waits at most grace, then kills what is left.
func (d *Driver) Stop(ctx context.Context, id string, grace time.Duration) error {
	s, leave, err := d.enter(ctx, id)
	if err != nil {
		return err
	}
	defer leave()
	if !s.exists() {
		return nil
	}
	if pid := s.alive(desktop); pid != 0 && grace > 0 {
		if err := d.at(s, "ask"); err != nil {
			return fmt.Errorf("stop workstation %s: %w", id, err)
		}
		if err := ask(ctx, pid, grace); err != nil {
			return fmt.Errorf("stop workstation %s: %w", id, err)
		}
	}
	if err := d.end(ctx, s); err != nil {
		return fmt.Errorf("stop workstation %s: %w", id, err)
	}
	if err := d.at(s, "sync"); err != nil {
		return fmt.Errorf("stop workstation %s: %w", id, err)
	}
	r, err := s.record()
	if err != nil {
		return err
	}
	if err := syncVolume(r.Volume); err != nil {
		return fmt.Errorf("write the volume of workstation %s to disk: %w", id, err)
	}
	if r.IDBase == 0 {
		return nil
	}
	if err := d.at(s, "free ids"); err != nil {
		return fmt.Errorf("stop workstation %s: %w", id, err)
	}
	if err := d.freeRange(s, r); err != nil {
		return err
	}
	r.IDBase = 0
	return s.keep(r)
}

// Remove takes everything of the workstation off the machine.
func (d *Driver) Remove(ctx context.Context, id string) error {
	s, leave, err := d.enter(ctx, id)
	if err != nil {
		return err
	}
	defer leave()
	if s.lock == nil {
		return nil // it is no id
	}
	if err := s.emptyTrash(); err != nil {
		return fmt.Errorf("remove workstation %s: %w", id, err)
	}
	if !s.exists() {
		return nil
	}
	if err := d.end(ctx, s); err != nil {
		return fmt.Errorf("remove workstation %s: %w", id, err)
	}
	if err := d.at(s, "remove files"); err != nil {
		return fmt.Errorf("remove workstation %s: %w", id, err)
	}
	r, err := s.record()
	if err == nil {
		err = d.freeRange(s, r)
	}
	if err != nil {
		return fmt.Errorf("remove workstation %s: %w", id, err)
	}
	if err := s.discard(s.dir); err != nil {
		return fmt.Errorf("remove workstation %s: %w", id, err)
	}
	return nil
}

// ask sends the desktop's process 1 the signal to end and gives it time to. It
// repeats it: the kernel drops a signal that the process does not handle yet.
func ask(ctx context.Context, pid int, grace time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, grace, errGrace)
	defer cancel()
	for {
		if err := unix.Kill(pid, unix.SIGTERM); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
		again, stop := context.WithTimeout(ctx, 200*time.Millisecond)
		err := waitGone(again, pid)
		timeout := again.Err() != nil
		stop()
		switch {
		case err == nil || errors.Is(context.Cause(ctx), errGrace):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !timeout:
			return err
		}
	}
}

var errGrace = errors.New("the time to end is over")

// end ends all parts and takes away what belongs to running: the desktop first,
// so that it never sees its display go.
func (d *Driver) end(ctx context.Context, s session) error {
	for _, p := range []part{desktop, streamer, display} {
		if err := d.clear(ctx, s, p); err != nil {
			return err
		}
	}
	if err := d.at(s, "cgroup"); err != nil {
		return err
	}
	if err := d.cgroups.remove(ctx, s.cgroup, s.lock.held); err != nil {
		return err
	}
	if err := d.at(s, "shared files"); err != nil {
		return err
	}
	for _, name := range []string{"x11", "files", "runc", "cookie"} {
		if err := s.discard(s.path(name)); err != nil {
			return err
		}
	}
	return nil
}

// syncVolume waits until all that was written is on disk.
func syncVolume(dir string) error {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) || dir == "" {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
