package btrfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

const (
	// smallest is what btrfs can be made to be.
	smallest = 256 << 20
	// slack is how far size and room may differ, at least, before it is worth a resize.
	slack = 64 << 20
)

// Tend keeps the store as large as its disk allows, and counts what quotas lost.
func (d *Driver) Tend(context.Context) error {
	if err := d.writable(); err != nil {
		return fmt.Errorf("tend volume store %s: %w", d.dir, err)
	}
	d.mendQuotas()
	d.refit(true)
	return nil
}

// room is how large a file system can be whose file takes so much of the disk already.
func room(taken int64, host volume.Disk) int64 {
	return max(taken+host.Free-host.Reserve, smallest) &^ (1<<20 - 1)
}

// refit is fit where there is a loop file, unless somebody is at it already. That it
// fails is no reason to refuse what the store has room for; it is said once.
// Shrinking may take a while, and so may trimming, which goes with it.
func (d *Driver) refit(mayShrink bool) {
	if d.mountDir == "" || !d.fitting.TryLock() {
		return
	}
	defer d.fitting.Unlock()
	err := errors.Join(d.back(mayShrink), d.fit(mayShrink))
	switch {
	case err == nil && !mayShrink:
		return // it did not try all
	case err != nil && !d.misfit:
		d.log.Warn("the disk may fill up below the volume store, which would stop it: make room on the disk", "err", err)
	case err == nil && d.misfit:
		d.log.Info("the disk below the volume store has room again")
	}
	d.misfit = err != nil
}

// fit makes the file system in the loop file as large as the disk below it can
// hold, less what is left to the machine. Whoever fills the store then meets an
// ordinary "no space left" of his own; else the disk would fail below everybody's
// file system, which would stop writing for all of them. Where others have taken
// the disk it becomes as small as what is in it allows.
func (d *Driver) fit(mayShrink bool) error {
	host, err := volume.DiskOf(d.dir)
	if err != nil {
		return err
	}
	store, err := volume.DiskOf(d.root)
	if err != nil {
		return err
	}
	path := filepath.Join(d.dir, loopFile)
	var file unix.Stat_t
	if err := unix.Stat(path, &file); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	size := room(file.Blocks*512, host)
	switch {
	case size > file.Size && fileSize(host) > file.Size:
		if err := d.lengthen(path, fileSize(host)); err != nil {
			return err
		}
		size = min(size, fileSize(host))
	case size > file.Size:
		size = file.Size &^ (1<<20 - 1)
	}
	// Each resize makes all writers wait for a moment.
	enough := max(slack, host.Reserve/8)
	switch {
	case size > store.Bytes+enough:
		return d.resize(store.Bytes, size)
	case size < store.Bytes-enough && mayShrink:
		return d.shrink(store, size, host)
	default:
		return nil
	}
}

// shrink makes the file system smaller, as far as it goes. That writes to the disk
// before it frees any of it: on a disk that is nearly full it could be the end.
func (d *Driver) shrink(store volume.Disk, size int64, host volume.Disk) error {
	if host.Free < host.Reserve/2 {
		return fmt.Errorf("the disk has only %d bytes left, too few to make the volume store smaller", host.Free)
	}
	least := store.Bytes - store.Free
	if d.tooSmall.err != nil && size >= d.tooSmall.size-slack && least >= d.tooSmall.least-slack {
		return d.tooSmall.err // as before
	}
	d.tooSmall = tooSmall{}
	for smaller := max(size, least); ; smaller += (store.Bytes - smaller) / 2 {
		err := d.resize(store.Bytes, smaller)
		// What is spread over all of the file system does not always go into so little.
		if errors.Is(err, unix.ENOSPC) && store.Bytes-smaller >= 2*slack {
			continue
		}
		if err == nil && smaller > size {
			err = fmt.Errorf("what it holds does not go into %d bytes", size)
		}
		if err != nil {
			d.tooSmall = tooSmall{size, least, err}
		}
		return err
	}
}

// tooSmall is a size that a store could not be made while it held so much, and why.
type tooSmall struct {
	size, least int64
	err         error
}

func (d *Driver) resize(from, to int64) error {
	lock, err := d.tryLockLoopFile()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil // another process does it
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	root, err := d.openDir()
	if err != nil {
		return err
	}
	defer root.Close()
	var args resizeArgs
	copy(args.name[:], fmt.Sprintf("1:%d", to)) // the only device
	if err := ioctl(root, fsResize, &args); err != nil {
		return fmt.Errorf("resize the volume store from %d to %d bytes: %w", from, to, err)
	}
	d.log.Info("volume store fits its disk", "from_bytes", from, "to_bytes", to)
	return errors.Join(d.cut(), d.back(false))
}

// cut gives back to the disk what is behind the end of the file system; nobody may
// resize it meanwhile.
func (d *Driver) cut() error {
	store, err := volume.DiskOf(d.root)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(d.dir, loopFile), os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() <= store.Bytes {
		return err
	}
	err = unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_KEEP_SIZE|unix.FALLOC_FL_PUNCH_HOLE, store.Bytes, info.Size()-store.Bytes)
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return &os.PathError{Op: "cut", Path: file.Name(), Err: err}
	}
	return nil
}

// lengthen makes the loop file longer, and tells its device.
func (d *Driver) lengthen(path string, size int64) error {
	lock, err := d.tryLockLoopFile()
	if err != nil {
		return err
	}
	defer lock.Close()
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	now, err := file.Stat()
	if err != nil || now.Size() >= size { // another process was faster
		return err
	}
	if err := file.Truncate(size); err != nil {
		return err
	}
	device, err := attached(file)
	if err != nil {
		return err
	}
	if device == nil {
		return &os.PathError{Op: "find the loop device of", Path: path, Err: fs.ErrNotExist}
	}
	defer device.Close()
	if err := unix.IoctlSetInt(int(device.Fd()), unix.LOOP_SET_CAPACITY, 0); err != nil {
		return &os.PathError{Op: "lengthen", Path: device.Name(), Err: err}
	}
	return nil
}
