package btrfs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	// smallest is what btrfs can be made to be.
	smallest = 256 << 20
	// slack is how far size and room may differ before it is worth a resize.
	slack = 64 << 20
)

// resizeArgs is struct btrfs_ioctl_vol_args of <linux/btrfs.h>.
type resizeArgs struct {
	_    int64
	name [4088]byte
}

// fitting is the size for a file system whose file takes so much of the disk
// already, and may become so long.
func fitting(taken int64, host unix.Statfs_t, longest int64) int64 {
	room := taken + bytes(host.Bavail, host.Bsize) - reserve(host)
	return min(max(room, smallest), longest) &^ (1<<20 - 1)
}

// Tend keeps the store as large as its disk allows and counts quotas that were lost.
func (d *Driver) Tend(context.Context) error {
	d.mendQuotas()
	d.refit()
	return nil
}

// refit is fit where there is a loop file. That it fails is no reason to refuse
// what the store has room for.
func (d *Driver) refit() {
	if d.mountDir == "" {
		return
	}
	if err := d.fit(); err != nil {
		d.log.Warn("the disk may fill up below the volume store", "err", err)
	}
}

// fit makes the file system in the loop file as large as the disk below it can
// hold, less what is left to the machine. Whoever fills the store then meets an
// ordinary "no space left" of his own; else the disk would fail below everybody's
// file system, which would stop writing for all of them.
func (d *Driver) fit() error {
	var host, store unix.Statfs_t
	if err := unix.Statfs(d.dir, &host); err != nil {
		return &os.PathError{Op: "statfs", Path: d.dir, Err: err}
	}
	if err := unix.Statfs(d.root, &store); err != nil {
		return &os.PathError{Op: "statfs", Path: d.root, Err: err}
	}
	path := filepath.Join(d.dir, loopFile)
	var file unix.Stat_t
	if err := unix.Stat(path, &file); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	size, now := fitting(file.Blocks*512, host, file.Size), bytes(store.Blocks, store.Bsize)
	if size <= now+slack && size >= now-slack {
		return nil
	}
	root, err := os.Open(d.root)
	if err != nil {
		return err
	}
	defer root.Close()
	var args resizeArgs
	copy(args.name[:], fmt.Sprintf("1:%d", size)) // the only device
	if err := ioctl(root, fsResize, &args); err != nil {
		return fmt.Errorf("resize the volume store from %d to %d bytes: %w", now, size, err)
	}
	d.log.Info("volume store fits its disk", "from_bytes", now, "to_bytes", size)
	return nil
}
