package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// newFilesystem makes an empty file system for a mask, in memory, and returns a
// mount of it that has no place yet. It is gone when its last user is.
//
// A tmpfs, where it can be mounted with mapped user ids, as sessions need it:
// from Linux 6.3. Before that an ext4 in a file in memory.
func newFilesystem(ctx context.Context) (mountFD int, err error) {
	if kernelAtLeast(6, 3) {
		return newTmpfs()
	}
	return newExt4(ctx)
}

const maskBytes = 64 << 20

func newTmpfs() (mountFD int, err error) {
	return mountNew("tmpfs", map[string]string{"source": "backlot", "mode": "0755", "size": fmt.Sprint(maskBytes)})
}

func newExt4(ctx context.Context) (mountFD int, err error) {
	memory, err := unix.MemfdCreate("backlot-mask", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(memory), "mask")
	defer f.Close()
	if err := f.Truncate(maskBytes); err != nil {
		return -1, fmt.Errorf("make a file in memory: %w", err)
	}
	mkfs := exec.CommandContext(ctx, "/sbin/mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0", "/proc/self/fd/3")
	mkfs.ExtraFiles = []*os.File{f}
	if out, err := mkfs.CombinedOutput(); err != nil {
		return -1, fmt.Errorf("mkfs.ext4: %w: %s", err, strings.TrimSpace(string(out)))
	}
	loop, err := attachLoop(f)
	if err != nil {
		return -1, err
	}
	defer loop.Close()
	fd, err := mountNew("ext4", map[string]string{"source": loop.Name()})
	if err != nil {
		return -1, err
	}
	if err := unix.Unlinkat(fd, "lost+found", unix.AT_REMOVEDIR); err != nil {
		return -1, errors.Join(fmt.Errorf("empty the new file system: %w", err), unix.Close(fd))
	}
	return fd, nil
}

// attachLoop makes a loop device of a file, one that goes away by itself.
func attachLoop(f *os.File) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("loop devices: %w", err)
	}
	defer control.Close()
	for {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a free loop device: %w", err)
		}
		loop, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("open a loop device: %w", err)
		}
		err = unix.IoctlLoopConfigure(int(loop.Fd()), &unix.LoopConfig{
			Fd: uint32(f.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR},
		})
		if err == nil {
			return loop, nil
		}
		_ = loop.Close()
		if !errors.Is(err, unix.EBUSY) { // else somebody else was faster
			return nil, fmt.Errorf("set up loop device %d: %w", n, err)
		}
	}
}

// mountNew makes a file system and a mount of it that has no place yet.
func mountNew(kind string, options map[string]string) (mountFD int, err error) {
	fs, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("make a %s: %w", kind, err)
	}
	defer unix.Close(fs)
	for key, value := range options {
		if err := unix.FsconfigSetString(fs, key, value); err != nil {
			return -1, fmt.Errorf("make a %s: option %s: %w", kind, key, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("make a %s: %w", kind, err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return -1, fmt.Errorf("mount a %s: %w", kind, err)
	}
	return fd, nil
}

func kernelAtLeast(major, minor int) bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	var a, b int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &a, &b); err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}
