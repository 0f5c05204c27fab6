package btrfs

import (
	"errors"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests and arguments as in <linux/btrfs.h>; the sizes are part of a request's number.
const (
	iocWrite = 1 << 30
	iocRead  = 2 << 30
	iocType  = 0x94 << 8

	fitrim       = iocRead | iocWrite | 24<<16 | 'X'<<8 | 121 // of <linux/fs.h>
	fsResize     = iocWrite | 4096<<16 | iocType | 3
	snapCreate   = iocWrite | 4096<<16 | iocType | 23
	subvolCreate = iocWrite | 4096<<16 | iocType | 24
	snapDestroy  = iocWrite | 4096<<16 | iocType | 63
	subvolInfo   = iocRead | 504<<16 | iocType | 60
	treeSearch   = iocRead | iocWrite | 4096<<16 | iocType | 17
	fsInfo       = iocRead | 1024<<16 | iocType | 31
	quotaControl = iocRead | iocWrite | 16<<16 | iocType | 40
	qgroupCreate = iocWrite | 16<<16 | iocType | 42
	qgroupLimit  = iocRead | 48<<16 | iocType | 43
	quotaRescan  = iocWrite | 64<<16 | iocType | 44
	rescanWait   = iocType | 46
)

const (
	subvolReadOnly  = 1 << 1
	quotaEnable     = 1
	limitReferenced = 1 << 0
	qgroupUnlimited = ^uint64(0) // takes a limit away
)

type volArgs struct {
	fd    int64
	_     uint64
	flags uint64
	_     [4]uint64
	name  [4040]byte
}

type subvolInfoArgs struct {
	id uint64
	_  [496]byte
}

// resizeArgs is struct btrfs_ioctl_vol_args.
type resizeArgs struct {
	_    int64
	name [4088]byte
}

// trimArgs is struct fstrim_range; length comes back as what was trimmed.
type trimArgs struct{ start, length, _ uint64 }

// searchArgs is struct btrfs_ioctl_search_args; items comes back as how many were found.
type searchArgs struct {
	tree, minObject, maxObject, minOffset, maxOffset uint64
	_, maxTransaction                                uint64
	minType, maxType, items, _                       uint32
	_                                                [4]uint64
	found                                            [3992]byte
}

// searchHeader begins each item that was found.
type searchHeader struct {
	_, _, Offset uint64
	_, Length    uint32
}

type fsInfoArgs struct {
	_    [2]uint64
	fsid [16]byte
	_    [992]byte
}

type quotaControlArgs struct{ command, _ uint64 }

// qgroupCreateArgs with nothing else than an id remove the group.
type qgroupCreateArgs struct{ _, id uint64 }

type qgroupLimitArgs struct {
	id            uint64
	flags         uint64
	maxReferenced uint64
	_             [3]uint64
}

type quotaRescanArgs struct{ _ [8]uint64 }

// ioctl performs a request on an open file; T is the request's argument.
func ioctl[T any](f *os.File, request uintptr, arg *T) error {
	defer runtime.KeepAlive(f)
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(arg))) //nolint:gosec // the kernel reads and fills arg during the call
		if errno == 0 {
			return nil
		}
		if !errors.Is(errno, unix.EINTR) {
			return errno
		}
	}
}
