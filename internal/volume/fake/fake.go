package fake

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/backlot/backlot/internal/volume"
)

// Driver is a volume.Driver for tests. Set its fields before the first verb.
type Driver struct {
	// Dir holds everything; drivers with the same Dir see the same volumes.
	Dir string
	// Fail, when set, is called before each verb does anything, with the verb's name
	// as in volume.Driver and its first id, or none. An error becomes the verb's. It
	// may block, and is called from many goroutines.
	Fail func(verb, id string) error
	// FreeBytes is what Free answers.
	FreeBytes int64

	mu sync.Mutex
}

var _ volume.Driver = (*Driver)(nil)

// Create makes a directory, or copies the snapshot's.
func (d *Driver) Create(ctx context.Context, id string, o volume.Options) error {
	if err := errors.Join(volume.CheckID(id), o.Check()); err != nil {
		return err
	}
	return d.do(ctx, "Create", id, func() error {
		from := ""
		if o.FromSnapshot != "" {
			from = d.path("snapshots", o.FromSnapshot)
		}
		return d.place(ctx, from, d.path("volumes", id))
	})
}

// Snapshot copies the volume's directory.
func (d *Driver) Snapshot(ctx context.Context, volumeID, snapshotID string) error {
	if err := errors.Join(volume.CheckID(volumeID), volume.CheckID(snapshotID)); err != nil {
		return err
	}
	return d.do(ctx, "Snapshot", volumeID, func() error {
		return d.place(ctx, d.path("volumes", volumeID), d.path("snapshots", snapshotID))
	})
}

// Mount returns the volume's directory.
func (d *Driver) Mount(ctx context.Context, id string) (dir string, err error) {
	if err := volume.CheckID(id); err != nil {
		return "", err
	}
	dir = d.path("volumes", id)
	return dir, d.do(ctx, "Mount", id, func() error { return exists(dir) })
}

// MountSnapshot returns the snapshot's directory.
func (d *Driver) MountSnapshot(ctx context.Context, snapshotID string) (dir string, err error) {
	if err := volume.CheckID(snapshotID); err != nil {
		return "", err
	}
	dir = d.path("snapshots", snapshotID)
	return dir, d.do(ctx, "MountSnapshot", snapshotID, func() error { return exists(dir) })
}

// Usage adds up the volume's files.
func (d *Driver) Usage(ctx context.Context, id string) (u volume.Usage, err error) {
	if err := volume.CheckID(id); err != nil {
		return u, err
	}
	err = d.do(ctx, "Usage", id, func() (err error) {
		if err := exists(d.path("volumes", id)); err != nil {
			return err
		}
		u.UsedBytes, err = volume.TreeBytes(ctx, d.path("volumes", id))
		return err
	})
	return u, err
}

// Delete removes the volume's directory.
func (d *Driver) Delete(ctx context.Context, id string) error {
	return d.remove(ctx, "Delete", "volumes", id)
}

// DeleteSnapshot removes the snapshot's directory.
func (d *Driver) DeleteSnapshot(ctx context.Context, snapshotID string) error {
	return d.remove(ctx, "DeleteSnapshot", "snapshots", snapshotID)
}

// List reads the directories.
func (d *Driver) List(ctx context.Context) (i volume.Inventory, err error) {
	err = d.do(ctx, "List", "", func() error {
		for dir, names := range map[string]*[]string{"volumes": &i.Volumes, "snapshots": &i.Snapshots} {
			entries, err := os.ReadDir(d.path(dir))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			for _, e := range entries {
				*names = append(*names, e.Name())
			}
		}
		return nil
	})
	return i, err
}

// Free returns FreeBytes.
func (d *Driver) Free(ctx context.Context) (int64, error) {
	return d.FreeBytes, d.do(ctx, "Free", "", func() error { return nil })
}

// do performs a verb that is not told to fail.
func (d *Driver) do(ctx context.Context, verb, id string, act func() error) error {
	if d.Fail != nil {
		if err := d.Fail(verb, id); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	err := ctx.Err()
	if err == nil {
		err = act()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, id, err)
	}
	return nil
}

// place makes target unless it exists: a copy of source, or empty.
func (d *Driver) place(ctx context.Context, source, target string) error {
	if exists(target) == nil {
		return nil
	}
	temp := d.path("temp", rand.Text())
	for _, dir := range []string{filepath.Dir(temp), filepath.Dir(target)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if source == "" {
		if err := os.Mkdir(temp, 0o755); err != nil {
			return err
		}
		return os.Rename(temp, target)
	}
	if err := exists(source); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "cp", "-aT", source, temp).CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("cp: %w: %s", err, out), ctx.Err(), os.RemoveAll(temp))
	}
	return os.Rename(temp, target)
}

func (d *Driver) remove(ctx context.Context, verb, dir, id string) error {
	if err := volume.CheckID(id); err != nil {
		return err
	}
	return d.do(ctx, verb, id, func() error {
		temp := d.path("temp", rand.Text())
		if err := os.Rename(d.path(dir, id), temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return os.RemoveAll(temp)
	})
}

func (d *Driver) path(elem ...string) string {
	return filepath.Join(append([]string{d.Dir}, elem...)...)
}

// exists returns ErrNotFound when there is no such directory.
func exists(dir string) error {
	_, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return volume.ErrNotFound
	}
	return err
}
