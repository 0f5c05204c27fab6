package btrfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// attach returns the loop device file is attached to, opened, attaching it first
// when there is none. The device detaches itself when nobody uses it any more.
// The caller keeps others from attaching the same file meanwhile.
func attach(file *os.File) (*os.File, error) {
	device, err := attached(file)
	if device != nil || err != nil {
		return device, err
	}
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	for {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a free loop device: %w", err)
		}
		device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", number), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		err = configure(device, file)
		if err == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) { // EBUSY: somebody else took the device first
			return nil, fmt.Errorf("attach %s to %s: %w", file.Name(), device.Name(), err)
		}
	}
}

// attached finds the loop device a file is attached to, by the file's identity:
// names differ between mount namespaces and change when directories move. It
// returns nil when there is none.
func attached(file *os.File) (*os.File, error) {
	var want unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &want); err != nil {
		return nil, &os.PathError{Op: "stat", Path: file.Name(), Err: err}
	}
	inUse, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return nil, err
	}
	for _, path := range inUse {
		name, _, _ := strings.Cut(strings.TrimPrefix(path, "/sys/block/"), "/")
		device, err := os.OpenFile(filepath.Join("/dev", name), os.O_RDONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		info, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
		if err == nil && info.Device == want.Dev && info.Inode == want.Ino {
			return device, nil // being open, it stays attached
		}
		device.Close()
		if err != nil && !errors.Is(err, unix.ENXIO) { // ENXIO: detached meanwhile
			return nil, fmt.Errorf("ask what %s is attached to: %w", device.Name(), err)
		}
	}
	return nil, nil
}

// configure attaches file to device. Direct I/O, which the kernel leaves out where
// the file's file system has none, keeps every block from being cached twice.
func configure(device, file *os.File) error {
	config := unix.LoopConfig{
		Fd:   uint32(file.Fd()),
		Size: 4096, // of a block, as btrfs writes them
		Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR | unix.LO_FLAGS_DIRECT_IO},
	}
	copy(config.Info.File_name[:len(config.Info.File_name)-1], file.Name())
	return unix.IoctlLoopConfigure(int(device.Fd()), &config)
}
