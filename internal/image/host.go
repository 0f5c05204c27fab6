package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

func (s *Store) buildHost(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buildHostLocked(ctx)
}

// buildHostLocked builds the mask on a file system nobody sees yet, and then puts
// it in place of the old one. What is mounted from the old one holds it until
// it ends.
func (s *Store) buildHostLocked(ctx context.Context) error {
	began := time.Now()
	root, err := s.openRoot()
	if err != nil {
		return err
	}
	defer unix.Close(root)
	fd, err := newFilesystem(ctx)
	if err != nil {
		return err
	}
	defer unix.Close(fd)

	m := &mask{from: descriptor(root), to: descriptor(fd), listed: listing{}}
	if _, err := os.Stat(filepath.Join(m.from, "usr/bin/env")); err != nil {
		return errors.New("/usr is a file system of its own, and an overlay shows only one: build or import an image instead")
	}
	if err := m.only(".", hostView()); err != nil {
		return err
	}
	if err := m.copyEtc(); err != nil {
		return err
	}
	if err := detach(s.mask); err != nil {
		return err
	}
	if err := unix.MoveMount(fd, "", unix.AT_FDCWD, s.mask, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s: %w", s.mask, err)
	}
	if err := tryOverlay(s.mask, s.root); err != nil {
		return errors.Join(err, detach(s.mask))
	}
	s.listed = m.listed
	s.log.DebugContext(ctx, "host image built", "took", time.Since(began))
	return nil
}

// openRoot returns a copy of the root mount alone: it shows what an overlay does,
// the files below the mount points of other file systems included.
func (s *Store) openRoot() (fd int, err error) {
	fd, err = unix.OpenTree(unix.AT_FDCWD, s.root, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("open the machine's root directory: %w", err)
	}
	return fd, nil
}

// stale reports whether there is something the mask does not hide because it came
// later.
func (s *Store) stale() (bool, error) {
	root, err := s.openRoot()
	if err != nil {
		return false, err
	}
	defer unix.Close(root)
	for dir, was := range s.listed {
		now, err := names(filepath.Join(descriptor(root), dir))
		if err != nil {
			return false, fmt.Errorf("list /%s: %w", dir, err)
		}
		if !slices.Equal(was, now) {
			return true, nil
		}
	}
	return false, nil
}

func descriptor(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// tryOverlay makes the overlay once, mounted nowhere, so that a machine that
// can not do it says so now and not when a session starts.
func tryOverlay(mask, root string) error {
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return fmt.Errorf("overlay file systems: %w", err)
	}
	defer unix.Close(fs)
	err = unix.FsconfigSetString(fs, "lowerdir", mask+":"+root)
	if err == nil {
		err = unix.FsconfigCreate(fs)
	}
	switch {
	case errors.Is(err, unix.ELOOP):
		return fmt.Errorf("an overlay of %s over %s: one lies inside the other on the same file system: %w", mask, root, err)
	case err != nil:
		return fmt.Errorf("an overlay of %s over %s, whose file system may not be fit for it: %w", mask, root, err)
	}
	return nil
}

// detach unmounts whatever is mounted at dir.
func detach(dir string) error {
	for {
		err := unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, fs.ErrNotExist) {
			return nil // not a mount point
		}
		if err != nil {
			return fmt.Errorf("unmount %s: %w", dir, err)
		}
	}
}
