package volume

import (
	"os"

	"golang.org/x/sys/unix"
)

// Disk is the room on the file system that a store shares with its machine.
type Disk struct {
	Bytes   int64 // all there is
	Free    int64 // for others than root
	Reserve int64 // what a store leaves of it: a twentieth of all, at most 10 GiB
	// Stopped: the kernel lets nobody write any more, as it does after it could not
	// write what it had to.
	Stopped bool
}

// DiskOf asks the file system that dir is on.
func DiskOf(dir string) (Disk, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Disk{}, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	all := int64(st.Blocks) * st.Bsize
	return Disk{
		Bytes:   all,
		Free:    int64(st.Bavail) * st.Bsize,
		Reserve: min(all/20, 10<<30),
		Stopped: st.Flags&unix.ST_RDONLY != 0,
	}, nil
}
