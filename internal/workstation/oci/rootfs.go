package oci

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
)

// mountRootfs mounts a desktop's root file system at target: the image's layers
// below, the volume on top. Layers and volume are mapped to the workstation's
// ids by the mount, so on disk all of them keep plain ids and a volume can move
// to another range. To be called in a mount namespace of its own, by inOwnMounts.
//
// scratch is an empty directory to hang the mapped layers into.
func mountRootfs(target, scratch string, lower []string, volume string, base uint32, users *os.File) error {
	if err := unix.Mount("backlot", scratch, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC, "mode=0755,size=64k"); err != nil {
		return fmt.Errorf("mount %s: %w", scratch, capacity(err))
	}
	var layers []string
	for i, dir := range lower {
		layers = append(layers, strconv.Itoa(i))
		if err := mountMapped(dir, filepath.Join(scratch, layers[i]), unix.MOUNT_ATTR_RDONLY, users); err != nil {
			return err
		}
	}
	if err := mountMapped(volume, filepath.Join(scratch, "volume"), 0, users); err != nil {
		return err
	}
	// Relative to scratch: options are short then, and free of characters that
	// mean something in them. The thread's working directory is its own here.
	// index=off: an index would tie the volume to this very copy of its files.
	options := "index=off,redirect_dir=on,upperdir=volume/upper,workdir=volume/work,lowerdir=" + strings.Join(layers, ":")
	if err := unix.Chdir(scratch); err != nil {
		return err
	}
	err := asRootOf(base, func() error { return unix.Mount("backlot", target, "overlay", unix.MS_NODEV, options) })
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ELOOP):
		return workstation.Permanent(fmt.Errorf("mount overlay of %s: file systems that do not go together: %w", volume, err))
	case err != nil:
		return fmt.Errorf("mount overlay of %s: %w", volume, capacity(err))
	}
	return unix.Chdir("/")
}

// mountMapped binds dir to the directory at, which it makes, with its ids
// mapped by a user namespace.
func mountMapped(dir, at string, attributes uint64, users *os.File) error {
	if err := os.Mkdir(at, 0o755); err != nil {
		return err
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return fmt.Errorf("open tree %s: %w", dir, err)
	}
	defer unix.Close(tree)
	err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{
		Attr_set: unix.MOUNT_ATTR_IDMAP | attributes, Userns_fd: uint64(users.Fd()),
	})
	if errors.Is(err, unix.EINVAL) {
		return workstation.Permanent(fmt.Errorf("the file system of %s cannot map ids: %w", dir, err))
	}
	if err != nil {
		return fmt.Errorf("map ids of %s: %w", dir, err)
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s: %w", dir, capacity(err))
	}
	return nil
}

// asRootOf runs f, on the calling thread, as file-system user base. The overlay
// remembers who mounted it and works with that identity; the host's id 0 is not
// in the mapping, and the overlay would silently be read-only. Leaving id 0
// drops the file capabilities, which f needs, so they are raised again.
func asRootOf(base uint32, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var (
		header = unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		caps   [2]unix.CapUserData
	)
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	if err := errors.Join(unix.Setfsgid(int(base)), unix.Setfsuid(int(base))); err != nil {
		return fmt.Errorf("change file system user: %w", err)
	}
	defer func() { _ = errors.Join(unix.Setfsuid(0), unix.Setfsgid(0), unix.Capset(&header, &caps[0])) }()
	if err := unix.Capset(&header, &caps[0]); err != nil {
		return fmt.Errorf("raise capabilities: %w", err)
	}
	return f()
}

// userNamespaces holds one for each range of ids that was in use: to make one takes
// a copy of this whole process.
type userNamespaces struct {
	mu   sync.Mutex
	made map[uint32]*os.File
}

// of returns the user namespace of the range that begins with base.
func (u *userNamespaces) of(base uint32) (*os.File, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if ns := u.made[base]; ns != nil {
		return ns, nil
	}
	ns, err := userNamespace(base)
	if err != nil {
		return nil, err
	}
	if u.made == nil {
		u.made = map[uint32]*os.File{}
	}
	u.made[base] = ns
	return ns, nil
}

// userNamespace makes a user namespace with a workstation's mapping, to hand to
// the kernel. A namespace needs a process to be made by: one that is stopped
// before its first instruction and killed.
func userNamespace(base uint32) (*os.File, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: int(base), Size: idsPerRange - 1}}
	p, err := os.StartProcess("/proc/self/exe", []string{"backlot-idmap"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: ids,
		GidMappings: ids,
		Ptrace:      true,
		Pdeathsig:   syscall.SIGKILL,
	}})
	if err != nil {
		return nil, fmt.Errorf("make a user namespace: %w", capacity(err))
	}
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", p.Pid))
	_ = p.Kill()
	_, werr := p.Wait()
	if err = errors.Join(err, werr); err != nil {
		return nil, fmt.Errorf("make a user namespace: %w", err)
	}
	return ns, nil
}
