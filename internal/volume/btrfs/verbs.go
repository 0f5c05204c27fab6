package btrfs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

// Create makes the volume under a random name, gives it its limit and only then
// its own name: what has a volume's name is complete, whenever the process dies.
func (d *Driver) Create(ctx context.Context, id string, o volume.Options) error {
	if err := errors.Join(volume.CheckID(id), o.Check()); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mendQuotas()
	d.refit(false)
	there, err := d.exists(volumesDir, id)
	if err == nil && !there {
		err = d.createNew(id, o)
	}
	if err == nil {
		err = d.persist(volumesDir) // also when it was there: its maker may have died before
	}
	if err != nil {
		return fmt.Errorf("create volume %s: %w", id, d.meant(err))
	}
	return nil
}

func (d *Driver) createNew(id string, o volume.Options) error {
	name := fmt.Sprintf("%d-%s", time.Now().Unix(), rand.Text())
	err := d.begin(name, o.FromSnapshot)
	if err == nil {
		err = d.limit(newDir, name, o.LimitBytes)
	}
	if err == nil {
		err = unix.Renameat2(unix.AT_FDCWD, filepath.Join(d.root, newDir, name),
			unix.AT_FDCWD, filepath.Join(d.root, volumesDir, id), unix.RENAME_NOREPLACE)
	}
	if err == nil {
		return nil
	}
	undo := d.destroy(newDir, name)
	if errors.Is(undo, fs.ErrNotExist) {
		undo = nil
	}
	if errors.Is(err, unix.EEXIST) { // another call was faster
		err = nil
	}
	return errors.Join(err, undo)
}

// begin makes the subvolume a volume starts as, in newDir.
func (d *Driver) begin(name, fromSnapshot string) error {
	if fromSnapshot == "" {
		if err := d.create(newDir, name); err != nil {
			return err
		}
		return os.Chmod(filepath.Join(d.root, newDir, name), 0o755)
	}
	source, err := d.openDir(snapshotsDir, fromSnapshot)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("snapshot %s: %w", fromSnapshot, volume.ErrNotFound)
	}
	if err != nil {
		return err
	}
	defer source.Close()
	return d.snapshot(source, newDir, name, 0)
}

// Snapshot is a single transaction of the file system: it happens or does not.
func (d *Driver) Snapshot(ctx context.Context, volumeID, snapshotID string) error {
	if err := errors.Join(volume.CheckID(volumeID), volume.CheckID(snapshotID)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.makeSnapshot(volumeID, snapshotID); err != nil {
		return fmt.Errorf("snapshot volume %s as %s: %w", volumeID, snapshotID, d.meant(err))
	}
	return nil
}

func (d *Driver) makeSnapshot(volumeID, snapshotID string) error {
	if there, err := d.exists(snapshotsDir, snapshotID); there || err != nil {
		return err
	}
	source, err := d.openVolume(volumeID)
	if err != nil {
		return err
	}
	defer source.Close()
	err = d.snapshot(source, snapshotsDir, snapshotID, subvolReadOnly)
	if errors.Is(err, unix.EEXIST) { // another call was faster
		return nil
	}
	return err
}

// Mount returns the subvolume's directory: the file system is mounted already.
func (d *Driver) Mount(_ context.Context, id string) (string, error) {
	dir, err := d.mounted(volumesDir, id)
	if err == nil {
		err = d.writable() // or a desktop would start on what takes nothing
	}
	if err != nil {
		return "", fmt.Errorf("mount volume %s: %w", id, err)
	}
	return dir, nil
}

// MountSnapshot returns the subvolume's directory, in which the kernel lets nobody write.
func (d *Driver) MountSnapshot(_ context.Context, snapshotID string) (string, error) {
	dir, err := d.mounted(snapshotsDir, snapshotID)
	if err != nil {
		return "", fmt.Errorf("mount snapshot %s: %w", snapshotID, err)
	}
	return dir, nil
}

func (d *Driver) mounted(dir, id string) (string, error) {
	if err := volume.CheckID(id); err != nil {
		return "", err
	}
	there, err := d.exists(dir, id)
	if err == nil && !there {
		err = volume.ErrNotFound
	}
	return filepath.Join(d.root, dir, id), err
}

// Usage asks the quota group; without quotas it walks through the files.
func (d *Driver) Usage(ctx context.Context, id string) (volume.Usage, error) {
	if err := volume.CheckID(id); err != nil {
		return volume.Usage{}, err
	}
	u, err := d.readUsage(ctx, id)
	if err != nil {
		return volume.Usage{}, fmt.Errorf("usage of volume %s: %w", id, err)
	}
	return u, nil
}

func (d *Driver) readUsage(ctx context.Context, id string) (u volume.Usage, err error) {
	sub, err := d.openVolume(id)
	if err != nil {
		return u, err
	}
	defer sub.Close()
	if d.quotas == "" {
		u.UsedBytes, err = volume.TreeBytes(ctx, sub.Name())
		return u, err
	}
	number, err := subvolumeID(sub)
	if err != nil {
		return u, err
	}
	u.UsedBytes, u.LimitBytes, err = d.usage(number)
	return u, err
}

// Delete unlinks the subvolume.
func (d *Driver) Delete(ctx context.Context, id string) error {
	if err := d.remove(ctx, volumesDir, id); err != nil {
		return fmt.Errorf("delete volume %s: %w", id, d.meant(err))
	}
	return nil
}

// DeleteSnapshot unlinks the subvolume.
func (d *Driver) DeleteSnapshot(ctx context.Context, snapshotID string) error {
	if err := d.remove(ctx, snapshotsDir, snapshotID); err != nil {
		return fmt.Errorf("delete snapshot %s: %w", snapshotID, d.meant(err))
	}
	return nil
}

func (d *Driver) remove(ctx context.Context, dir, id string) error {
	if err := volume.CheckID(id); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.destroy(dir, id); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// List reads the directories of the store.
func (d *Driver) List(context.Context) (i volume.Inventory, err error) {
	if i.Volumes, err = d.names(volumesDir); err == nil {
		i.Snapshots, err = d.names(snapshotsDir)
	}
	if err != nil {
		return volume.Inventory{}, fmt.Errorf("list volumes: %w", err)
	}
	return i, nil
}

// Free is what both btrfs and the disk below it can take: the loop file is sparse,
// so that btrfs alone would promise what the disk does not have. A disk that fills
// up below a loop file makes the whole store fail to write.
func (d *Driver) Free(context.Context) (int64, error) {
	free, err := d.free()
	if err != nil {
		return 0, fmt.Errorf("free space of volume store: %w", err)
	}
	return free, nil
}

func (d *Driver) free() (int64, error) {
	if err := d.writable(); err != nil {
		return 0, err
	}
	d.refit(false)
	store, err := volume.DiskOf(d.root)
	if err != nil {
		return 0, err
	}
	host, err := volume.DiskOf(d.dir)
	if err != nil {
		return 0, err
	}
	return max(min(store.Free, host.Free-host.Reserve), 0), nil
}

func (d *Driver) exists(dir, name string) (bool, error) {
	_, err := os.Lstat(filepath.Join(d.root, dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (d *Driver) openVolume(id string) (*os.File, error) {
	f, err := d.openDir(volumesDir, id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, volume.ErrNotFound
	}
	return f, err
}

// meant marks the errors of a file system that is full, or has stopped.
func (d *Driver) meant(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%w: %w", volume.ErrNoCapacity, err)
	case err != nil && !errors.Is(err, volume.ErrReadOnly) && errors.Is(d.writable(), volume.ErrReadOnly):
		return fmt.Errorf("%w: %w", volume.ErrReadOnly, err)
	default:
		return err
	}
}

// writable returns ErrReadOnly when the store's file system has stopped.
func (d *Driver) writable() error {
	store, err := volume.DiskOf(d.root)
	if err == nil && store.Stopped {
		err = volume.ErrReadOnly
	}
	return err
}
