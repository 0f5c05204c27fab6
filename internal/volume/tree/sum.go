package tree

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Sum reads the tree in dir and writes its manifest to file: one line for each file
// with the hash of its content, directories rolling up what they hold. What cannot
// be read is told in the summary and is no error. The manifest appears at once,
// complete and on the disk, or not at all; only its owner may read it. Other programs
// of the machine go before.
func Sum(ctx context.Context, dir, file string, progress Progress) (Summary, error) {
	var s Summary
	err := writeAtomically(file, func(f *os.File) error {
		m, err := newManifestWriter(f)
		if err != nil {
			return err
		}
		w := walker{progress: progress, leave: m.add, tolerant: true}
		err = gently(func() (err error) { s, err = w.walk(ctx, dir); return err })
		if err != nil {
			return errors.Join(err, m.out.Close())
		}
		return m.close(s)
	})
	if err != nil {
		return Summary{}, fmt.Errorf("sum up %s: %w", dir, err)
	}
	return s, nil
}

// writeAtomically writes a file that has no name until it is complete.
func writeAtomically(path string, write func(*os.File) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.OpenFile(dir, os.O_WRONLY|unix.O_TMPFILE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	temp := path + "." + rand.Text()
	from := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if err := unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, temp, unix.AT_SYMLINK_FOLLOW); err != nil {
		return &os.LinkError{Op: "link", Old: from, New: temp, Err: err}
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
