package btrfs

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openDir opens a directory of the store, or a subvolume in it.
func (d *Driver) openDir(elem ...string) (*os.File, error) {
	path := filepath.Join(append([]string{d.root}, elem...)...)
	return os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
}

// create makes an empty subvolume.
func (d *Driver) create(dir, name string) error {
	return d.inDir(dir, name, subvolCreate, &volArgs{})
}

// snapshot makes a subvolume that shares everything with source. The kernel
// writes out what is dirty in source and commits before it returns, so that the
// snapshot has all of it and survives a power cut.
func (d *Driver) snapshot(source *os.File, dir, name string, flags uint64) error {
	return d.inDir(dir, name, snapCreate, &volArgs{fd: int64(source.Fd()), flags: flags})
}

// destroy unlinks a subvolume; the kernel frees what it held in the background.
func (d *Driver) destroy(dir, name string) error {
	parent, err := d.openDir(dir)
	if err != nil {
		return err
	}
	defer parent.Close()
	sub, err := d.openDir(dir, name)
	if err != nil {
		return err
	}
	id, err := subvolumeID(sub)
	sub.Close()
	if err != nil {
		return err
	}
	if err := subvolumeIoctl(parent, name, snapDestroy, &volArgs{}); err != nil {
		return err
	}
	d.dropQuotaGroup(parent, id)
	return nil
}

func (d *Driver) inDir(dir, name string, request uintptr, args *volArgs) error {
	parent, err := d.openDir(dir)
	if err != nil {
		return err
	}
	defer parent.Close()
	return subvolumeIoctl(parent, name, request, args)
}

func subvolumeIoctl(parent *os.File, name string, request uintptr, args *volArgs) error {
	copy(args.name[:len(args.name)-1], name)
	if err := ioctl(parent, request, args); err != nil {
		return fmt.Errorf("subvolume %s/%s: %w", filepath.Base(parent.Name()), name, err)
	}
	return nil
}

// persist makes what was renamed into a directory of the store survive a power
// cut. Other ways are worse: syncfs writes out the dirty files of every running
// session, and BTRFS_IOC_START_SYNC sometimes fails to wake the kernel's commit
// thread, and then takes half a minute.
func (d *Driver) persist(dir string) error {
	f, err := d.openDir(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// subvolumeID returns the number of the subvolume a file is in.
func subvolumeID(f *os.File) (uint64, error) {
	var info subvolInfoArgs
	if err := ioctl(f, subvolInfo, &info); err != nil {
		return 0, fmt.Errorf("subvolume id of %s: %w", f.Name(), err)
	}
	return info.id, nil
}
