package btrfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

// Directories of the store. What is in volumesDir or snapshotsDir is complete;
// newDir holds what Create is still working on, under the time and random names.
const (
	volumesDir   = "volumes"
	snapshotsDir = "snapshots"
	newDir       = "new"
)

// Config says where the store is.
type Config struct {
	// Dir is the directory of the store; it is made when missing. It takes the
	// subvolumes themselves when it is on btrfs, and a sparse loop file otherwise.
	Dir string
	// MountDir is where a loop file is mounted; it is made when missing. It is not
	// used, and may be empty, when Dir is on btrfs. Whoever reaches a volume's files needs search
	// permission on the directories above it.
	MountDir string
}

// Driver is a volume.Driver on btrfs. Use Open to make one.
type Driver struct {
	dir      string   // on the host's file system
	root     string   // on btrfs, holds the directories of the store
	mountDir string   // where the loop file is mounted; empty: the file system is not ours
	quotas   string   // sysfs directory of the quota groups; empty: limits cannot be enforced
	users    *os.File // see join
	fitting  sync.Mutex
	tooSmall tooSmall // guarded by fitting
	misfit   bool     // guarded by fitting
	backed   backed   // guarded by fitting
	log      *slog.Logger
}

var (
	_ volume.Driver  = (*Driver)(nil)
	_ volume.Tender  = (*Driver)(nil)
	_ volume.Limiter = (*Driver)(nil)
)

// Open opens the store, making it first when there is none. A loop file is
// mounted in the caller's mount namespace, through the loop device it is still
// attached to when an earlier process left sandboxes that hold it. A file system
// that stopped after an error is mounted afresh when nothing of the kind holds it,
// and else ErrReadOnly.
func Open(ctx context.Context, c Config, log *slog.Logger) (*Driver, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("open volume store: %w", err)
	}
	d := &Driver{dir: dir, root: dir, log: log}
	if err := d.open(ctx, c.MountDir); err != nil {
		return nil, fmt.Errorf("open volume store %s: %w", dir, errors.Join(err, d.Close()))
	}
	return d, nil
}

func (d *Driver) open(ctx context.Context, mountDir string) error {
	if err := os.MkdirAll(d.dir, 0o711); err != nil {
		return err
	}
	inLoopFile, err := needsLoopFile(d.dir)
	if err != nil {
		return err
	}
	if inLoopFile {
		if mountDir == "" {
			return errors.New("not on btrfs, and no directory is given to mount a loop file at")
		}
		if mountDir, err = filepath.Abs(mountDir); err != nil {
			return err
		}
		if err := d.mountLoopFile(ctx, mountDir); err != nil {
			return err
		}
		d.root, d.mountDir = mountDir, mountDir
	}
	// Nobody else on the host may reach a volume: what belongs to a sandbox's root
	// there belongs to root on the disk, set-user-id programs included.
	for _, name := range []string{volumesDir, snapshotsDir, newDir} {
		path := filepath.Join(d.root, name)
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := os.Chmod(path, 0o700); err != nil {
			return err
		}
	}
	if d.quotas, err = d.openQuotas(); err != nil {
		return err
	}
	if err := d.join(ctx); err != nil {
		return err
	}
	d.refit(true)
	return nil
}

// Close unmounts the loop file. When no sandbox holds the file system any more
// that detaches the loop device too, and nothing of the store is left on the
// machine but its files. It fails while a file below the mount point is in use,
// and may be called again.
func (d *Driver) Close() error {
	if d.users != nil {
		_ = d.users.Close()
		d.users = nil
	}
	if d.mountDir == "" {
		return nil
	}
	// For a moment files are in use that are not: a process being started holds
	// copies of all that were open, until its exec.
	const patience = time.Second
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := unix.Unmount(d.mountDir, 0)
		if err == nil || errors.Is(err, unix.EINVAL) { // EINVAL: nothing is mounted there
			d.mountDir = ""
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return fmt.Errorf("unmount %s: %w", d.mountDir, err)
		}
	}
}

// names returns what a directory of the store holds, ordered.
func (d *Driver) names(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(d.root, dir))
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, nil
}
