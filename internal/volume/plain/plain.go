package plain

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

// Directories of the store. What is in volumesDir or snapshotsDir is complete;
// tempDir holds what is being copied or removed, under random names.
const (
	volumesDir   = "volumes"
	snapshotsDir = "snapshots"
	tempDir      = "temp"
)

// Driver is a volume.Driver that copies. Use Open to make one.
type Driver struct{ dir string }

var _ volume.Driver = (*Driver)(nil)

// Open opens the store in dir, making it first when there is none, and sweeps what
// a process that died left behind.
func Open(dir string) (*Driver, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open volume store: %w", err)
	}
	d := &Driver{dir: dir}
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("open volume store %s: %w", dir, err)
	}
	return d, nil
}

func (d *Driver) open() error {
	if err := os.RemoveAll(filepath.Join(d.dir, tempDir)); err != nil {
		return err
	}
	if err := os.MkdirAll(d.dir, 0o711); err != nil {
		return err
	}
	for name, mode := range map[string]fs.FileMode{volumesDir: 0o711, snapshotsDir: 0o700, tempDir: 0o700} {
		if err := os.Mkdir(filepath.Join(d.dir, name), mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// Create copies the snapshot, or makes an empty directory.
func (d *Driver) Create(ctx context.Context, id string, o volume.Options) error {
	if err := errors.Join(volume.CheckID(id), o.Check()); err != nil {
		return err
	}
	source := ""
	if o.FromSnapshot != "" {
		source = filepath.Join(d.dir, snapshotsDir, o.FromSnapshot)
	}
	if err := d.place(ctx, source, filepath.Join(d.dir, volumesDir, id)); err != nil {
		return fmt.Errorf("create volume %s: %w", id, err)
	}
	return nil
}

// Snapshot copies the volume.
func (d *Driver) Snapshot(ctx context.Context, volumeID, snapshotID string) error {
	if err := errors.Join(volume.CheckID(volumeID), volume.CheckID(snapshotID)); err != nil {
		return err
	}
	source, target := filepath.Join(d.dir, volumesDir, volumeID), filepath.Join(d.dir, snapshotsDir, snapshotID)
	if err := d.place(ctx, source, target); err != nil {
		return fmt.Errorf("snapshot volume %s as %s: %w", volumeID, snapshotID, err)
	}
	return nil
}

// place copies source, or nothing when it is empty, to target: under another name,
// onto the disk, and then by one rename.
func (d *Driver) place(ctx context.Context, source, target string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if there, err := exists(target); there || err != nil {
		return err
	}
	temp := filepath.Join(d.dir, tempDir, rand.Text())
	err := fill(ctx, source, temp)
	if err == nil {
		err = unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, target, unix.RENAME_NOREPLACE)
	}
	if err == nil {
		return syncDir(filepath.Dir(target))
	}
	undo := os.RemoveAll(temp)
	if errors.Is(err, unix.EEXIST) { // another call was faster
		err = nil
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		err = fmt.Errorf("%w: %w", volume.ErrNoCapacity, err)
	}
	return errors.Join(err, undo)
}

func fill(ctx context.Context, source, temp string) error {
	if source == "" {
		if err := os.Mkdir(temp, 0o755); err != nil {
			return err
		}
		return os.Chmod(temp, 0o755)
	}
	if err := copyTree(ctx, source, temp); err != nil {
		return err
	}
	f, err := os.Open(temp)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return &os.PathError{Op: "syncfs", Path: temp, Err: err}
	}
	return nil
}

// Mount returns the volume's directory.
func (d *Driver) Mount(_ context.Context, id string) (string, error) {
	if err := volume.CheckID(id); err != nil {
		return "", err
	}
	dir := filepath.Join(d.dir, volumesDir, id)
	there, err := exists(dir)
	if err == nil && !there {
		err = volume.ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("mount volume %s: %w", id, err)
	}
	return dir, nil
}

// Usage walks through the volume's files.
func (d *Driver) Usage(ctx context.Context, id string) (volume.Usage, error) {
	dir, err := d.Mount(ctx, id)
	if err != nil {
		return volume.Usage{}, err
	}
	used, err := volume.TreeBytes(ctx, dir)
	if err != nil {
		return volume.Usage{}, fmt.Errorf("usage of volume %s: %w", id, err)
	}
	return volume.Usage{UsedBytes: used}, nil
}

// Delete renames the volume away, at once, and then removes it file by file.
func (d *Driver) Delete(ctx context.Context, id string) error {
	if err := d.remove(ctx, volumesDir, id); err != nil {
		return fmt.Errorf("delete volume %s: %w", id, err)
	}
	return nil
}

// DeleteSnapshot does the same to a snapshot.
func (d *Driver) DeleteSnapshot(ctx context.Context, snapshotID string) error {
	if err := d.remove(ctx, snapshotsDir, snapshotID); err != nil {
		return fmt.Errorf("delete snapshot %s: %w", snapshotID, err)
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
	temp := filepath.Join(d.dir, tempDir, rand.Text())
	err := os.Rename(filepath.Join(d.dir, dir, id), temp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(temp)
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

func (d *Driver) names(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(d.dir, dir)) // ordered
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// Free is what the disk has left for others than root.
func (d *Driver) Free(context.Context) (int64, error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(d.dir, &disk); err != nil {
		return 0, fmt.Errorf("free space of volume store: %w", err)
	}
	return int64(disk.Bavail) * disk.Bsize, nil
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
