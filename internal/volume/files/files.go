package files

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
	userFile     = "volumes.users"
)

// Config says where the store is and how it copies.
type Config struct {
	// Dir is the directory of the store; it is made when missing.
	Dir string
	// Reflink has copies share their contents. Both ways may open a store in turn.
	Reflink bool
}

// Driver is a volume.Driver that copies. Use Open to make one.
type Driver struct {
	dir     string
	reflink bool
	users   *os.File // locked by every process that has the store open
}

var _ volume.Driver = (*Driver)(nil)

// Open opens the store, making it first when there is none. Who has it alone sweeps
// what processes that died left behind. errors.ErrUnsupported: its file system has no reflink.
func Open(c Config) (*Driver, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("open volume store: %w", err)
	}
	d := &Driver{dir: dir, reflink: c.Reflink}
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("open volume store %s: %w", dir, errors.Join(err, d.Close()))
	}
	return d, nil
}

// Close leaves the store to others. What is being copied goes on.
func (d *Driver) Close() error {
	if d.users == nil {
		return nil
	}
	err := d.users.Close()
	d.users = nil
	return err
}

func (d *Driver) open() error {
	if err := os.MkdirAll(d.dir, 0o711); err != nil {
		return err
	}
	if err := d.join(); err != nil {
		return err
	}
	for name, mode := range map[string]fs.FileMode{volumesDir: 0o711, snapshotsDir: 0o700, tempDir: 0o700} {
		if err := os.Mkdir(filepath.Join(d.dir, name), mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if d.reflink {
		return CanReflink(filepath.Join(d.dir, tempDir))
	}
	return nil
}

// join makes this process one of those that have the store open. Another may be
// copying, for however long, so only who is alone throws half copies away.
func (d *Driver) join() (err error) {
	d.users, err = os.OpenFile(filepath.Join(d.dir, userFile), os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if unix.Flock(int(d.users.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		err = os.RemoveAll(filepath.Join(d.dir, tempDir))
	}
	// Whoever sweeps at this moment lets others in at once.
	return errors.Join(err, unix.Flock(int(d.users.Fd()), unix.LOCK_SH))
}

// Is tells whether there is a store of this package in dir.
func Is(dir string) (bool, error) { return exists(filepath.Join(dir, tempDir)) }

// CanReflink returns errors.ErrUnsupported when files in dir cannot share contents.
func CanReflink(dir string) error {
	source, err := os.CreateTemp(dir, "reflink-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(source.Name()) }()
	defer source.Close()
	target, err := os.CreateTemp(dir, "reflink-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(target.Name()) }()
	defer target.Close()
	if _, err := source.WriteString("shared"); err != nil {
		return err
	}
	if err := unix.IoctlFileClone(int(target.Fd()), int(source.Fd())); err != nil {
		return fmt.Errorf("files in %s cannot share contents (%w): %w", dir, err, errors.ErrUnsupported)
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
	if err := d.fill(ctx, source, temp); err != nil {
		return errors.Join(meant(err), os.RemoveAll(temp))
	}
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, target, unix.RENAME_NOREPLACE)
	if err == nil {
		return syncDir(filepath.Dir(target))
	}
	undo := os.RemoveAll(temp)
	if errors.Is(err, unix.EEXIST) { // another call was faster
		err = nil
	}
	return errors.Join(meant(err), undo)
}

// meant marks the errors of a file system that is full, or has stopped.
func meant(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%w: %w", volume.ErrNoCapacity, err)
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%w: %w", volume.ErrReadOnly, err)
	default:
		return err
	}
}

func (d *Driver) fill(ctx context.Context, source, temp string) error {
	if source == "" {
		if err := os.Mkdir(temp, 0o755); err != nil {
			return err
		}
		return os.Chmod(temp, 0o755)
	}
	if err := copyTree(ctx, source, temp, d.reflink); err != nil {
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
	dir, err := d.there(volumesDir, id)
	if err != nil {
		return "", fmt.Errorf("mount volume %s: %w", id, err)
	}
	return dir, nil
}

// MountSnapshot returns the snapshot's directory.
func (d *Driver) MountSnapshot(_ context.Context, snapshotID string) (string, error) {
	dir, err := d.there(snapshotsDir, snapshotID)
	if err != nil {
		return "", fmt.Errorf("mount snapshot %s: %w", snapshotID, err)
	}
	return dir, nil
}

func (d *Driver) there(dir, id string) (string, error) {
	if err := volume.CheckID(id); err != nil {
		return "", err
	}
	path := filepath.Join(d.dir, dir, id)
	there, err := exists(path)
	if err == nil && !there {
		err = volume.ErrNotFound
	}
	return path, err
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
		return fmt.Errorf("delete volume %s: %w", id, meant(err))
	}
	return nil
}

// DeleteSnapshot does the same to a snapshot.
func (d *Driver) DeleteSnapshot(ctx context.Context, snapshotID string) error {
	if err := d.remove(ctx, snapshotsDir, snapshotID); err != nil {
		return fmt.Errorf("delete snapshot %s: %w", snapshotID, meant(err))
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

// Free is what the disk can take.
func (d *Driver) Free(context.Context) (int64, error) {
	disk, err := volume.DiskOf(d.dir)
	if err == nil && disk.Stopped {
		err = volume.ErrReadOnly
	}
	if err != nil {
		return 0, fmt.Errorf("free space of volume store: %w", err)
	}
	return max(disk.Free-disk.Reserve, 0), nil
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
