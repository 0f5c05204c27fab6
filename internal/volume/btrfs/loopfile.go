package btrfs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

const (
	loopFile = "volumes.btrfs"
	lockFile = "volumes.lock"
	// unfinishedFile ends, with something random, the name of a loop file being made.
	unfinishedFile = ".new"
	userFile       = "volumes.users"
)

// Is tells whether there is a store of this package in dir.
func Is(dir string) (bool, error) {
	for _, name := range []string{loopFile, newDir} {
		_, err := os.Lstat(filepath.Join(dir, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return err == nil, err
		}
	}
	return false, nil
}

// Supported returns what this machine lacks to make a store in dir; nil: nothing.
func Supported(dir string) error {
	if os.Geteuid() != 0 {
		return errors.New("btrfs subvolumes need root")
	}
	inLoopFile, err := needsLoopFile(dir)
	if err != nil || !inLoopFile {
		return err
	}
	if _, err := exec.LookPath("mkfs.btrfs"); err != nil {
		return fmt.Errorf("install btrfs-progs: %w", err)
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		return fmt.Errorf("no loop devices: %w", err)
	}
	if _, err := os.Stat("/sys/fs/btrfs"); err == nil {
		return nil
	}
	var host unix.Utsname
	if err := unix.Uname(&host); err != nil {
		return fmt.Errorf("ask the kernel's version: %w", err)
	}
	modules, err := filepath.Glob("/lib/modules/" + unix.ByteSliceToString(host.Release[:]) + "/kernel/fs/btrfs/btrfs.ko*")
	if err == nil && len(modules) == 0 {
		err = errors.New("the kernel has no btrfs")
	}
	return err
}

// needsLoopFile tells whether the store is in a loop file: it stays in one that
// exists, wherever the directory has been moved since.
func needsLoopFile(dir string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, loopFile))
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	var host unix.Statfs_t
	if err := unix.Statfs(dir, &host); err != nil {
		return false, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return host.Type != unix.BTRFS_SUPER_MAGIC, nil
}

// mountLoopFile mounts the loop file, making it when there is none. All of it
// happens under a lock: a file system attached to two loop devices destroys itself.
func (d *Driver) mountLoopFile(ctx context.Context, mountDir string) error {
	if err := os.MkdirAll(mountDir, 0o711); err != nil {
		return err
	}
	lock, err := d.lockLoopFile(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	path := filepath.Join(d.dir, loopFile)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := d.makeLoopFile(ctx, path); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	return mountFile(ctx, file, mountDir)
}

// fileSize is how long a loop file should be: four times the disk, within 64 GiB and
// 16 TiB (the largest file ext4 can have), which leaves the disk room to grow. It is
// sparse and takes of the disk only what is written. Free tells how much of it is true.
func fileSize(host volume.Disk) int64 { return min(max(4*host.Bytes, 64<<30), 16<<40-1<<30) }

// makeLoopFile makes the file under another name, so that what has its name is a
// complete file system, whenever the process or the machine dies.
func (d *Driver) makeLoopFile(ctx context.Context, path string) error {
	host, err := volume.DiskOf(d.dir)
	if err != nil {
		return err
	}
	size := fileSize(host)

	if err := d.removeUnfinished(); err != nil {
		return err
	}
	// An mkfs that outlived its server may only now come to open its file, by name.
	unfinished := path + unfinishedFile + rand.Text()
	if err := format(ctx, unfinished, size, min(room(0, host), size)); err != nil {
		return errors.Join(err, removeFile(unfinished))
	}
	if err := os.Rename(unfinished, path); err != nil {
		return err
	}
	dir, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return err
	}
	d.log.Info("made a volume store", "path", path, "size_bytes", size)
	return nil
}

func (d *Driver) removeUnfinished() error {
	entries, err := os.ReadDir(d.dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), loopFile+unfinishedFile) {
			err = errors.Join(err, removeFile(filepath.Join(d.dir, e.Name())))
		}
	}
	return err
}

// format makes the file, and in its beginning the file system, which can grow.
func format(ctx context.Context, path string, size, used int64) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := file.Truncate(size); err != nil {
		return err
	}
	mkfs := exec.CommandContext(ctx, "mkfs.btrfs", "-q", "--byte-count", strconv.FormatInt(used, 10), path)
	if out, err := mkfs.CombinedOutput(); err != nil {
		return fmt.Errorf("mkfs.btrfs (of btrfs-progs) %s: %w: %s", path, err, strings.TrimSpace(string(out)))
	}
	return file.Sync()
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// mountFile mounts the file system in file at dir, unless it is mounted there.
func mountFile(ctx context.Context, file *os.File, dir string) error {
	there, err := mountedAt(file, dir)
	if err != nil {
		return err
	}
	if there {
		store, err := volume.DiskOf(dir)
		if err != nil || !store.Stopped {
			return err
		}
	}
	if there { // it will never write again, but can be mounted anew
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", dir, err)
		}
	}
	const patience = 5 * time.Second
	for deadline := time.Now().Add(patience); ; {
		err := mountOnce(file, dir)
		// EBUSY: the kernel is still putting away what a dead server had mounted.
		again := errors.Is(err, unix.EBUSY) || errors.Is(err, volume.ErrReadOnly)
		if !again || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func mountOnce(file *os.File, dir string) error {
	device, err := attach(file)
	if err != nil {
		return err
	}
	// Once mounted, the mount keeps the device; without one, closing it detaches it.
	defer device.Close()
	const flags, options = unix.MS_NODEV | unix.MS_NOSUID | unix.MS_NOATIME, "nodiscard"
	err = unix.Mount(device.Name(), dir, "btrfs", flags, options)
	if errors.Is(err, unix.EINVAL) && mountedAnywhere(file) {
		// It stopped after an error, and what still has it mounted keeps it that way.
		return fmt.Errorf("sessions still hold the file system in %s: %w: %w", file.Name(), volume.ErrReadOnly, err)
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("mount %s (%s) at %s: %w", device.Name(), file.Name(), dir, err)
	}
	if err == nil {
		there, err := mountedAt(file, dir)
		if there && err == nil { // what sessions of an older server hold has other options
			err = unix.Mount("", dir, "", unix.MS_REMOUNT|flags, options)
		}
		if there || err != nil {
			return err
		}
		// Since 6.7 the kernel mounts a second file system of one id under another
		// id, but only once: the next server could not come in again.
		if err := unix.Unmount(dir, 0); err != nil {
			return fmt.Errorf("unmount %s: %w", dir, err)
		}
	}
	return fmt.Errorf("a copy of the file system in %[1]s is mounted already: `btrfstune -u %[1]s` makes it another", file.Name())
}

// mountedAnywhere tells whether the kernel has the file system in file mounted, in
// whatever mount namespace.
func mountedAnywhere(file *os.File) bool {
	id, err := fsidOf(file)
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join("/sys/fs/btrfs", uuid(id)))
	return err == nil
}

// fsidOf reads the id of the file system in file from its first superblock.
func fsidOf(file *os.File) (id [16]byte, err error) {
	const at = 64<<10 + 32
	_, err = file.ReadAt(id[:], at)
	return id, err
}

// mountedAt tells whether dir shows the file system in file already: a server that
// died outside a mount namespace of its own leaves its mount.
func mountedAt(file *os.File, dir string) (bool, error) {
	var info fsInfoArgs
	fsid, err := fsidOf(file)
	if err != nil {
		return false, err
	}
	mounted, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer mounted.Close()
	err = ioctl(mounted, fsInfo, &info)
	if errors.Is(err, unix.ENOTTY) {
		return false, nil // not btrfs at all
	}
	return err == nil && info.fsid == fsid, err
}
