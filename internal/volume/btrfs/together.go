package btrfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockLoopFile keeps other processes from attaching the loop file or changing its
// size until the lock is closed. It does not wait for ever: who has it may be frozen.
func (d *Driver) lockLoopFile(ctx context.Context) (*os.File, error) {
	const patience = time.Minute // for a mkfs on a slow disk
	for deadline := time.Now().Add(patience); ; {
		lock, err := d.tryLockLoopFile()
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (d *Driver) tryLockLoopFile() (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(d.dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another process is at work on the loop file: %w", err), lock.Close())
	}
	return lock, nil
}

// join makes this process one of those that have the store open, until users is
// closed. Who is alone sweeps all that is left of Creates; others what is so old
// that it is nobody's any more.
func (d *Driver) join(ctx context.Context) (err error) {
	d.users, err = os.OpenFile(filepath.Join(d.dir, userFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	// Only who opens the store locks it like this, for as long as it takes to sweep.
	alone := unix.Flock(int(d.users.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
	if err := d.sweep(alone); err != nil {
		return err
	}
	for {
		err := unix.Flock(int(d.users.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return &os.PathError{Op: "lock", Path: d.users.Name(), Err: err}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// unfinished is how old what Create is working on may be.
const unfinished = time.Minute

// sweep deletes what processes that died in Create left. It would not harm one that
// is frozen in it: its Create fails.
func (d *Driver) sweep(all bool) error {
	left, err := d.names(newDir)
	if err != nil {
		return err
	}
	for _, name := range left {
		since, _, _ := strings.Cut(name, "-")
		begun, err := strconv.ParseInt(since, 10, 64)
		if !all && err == nil && time.Since(time.Unix(begun, 0)) < unfinished {
			continue
		}
		if err := d.destroy(newDir, name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
