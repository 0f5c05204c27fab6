package oci

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroups are the hierarchies of the machine: one under version 2; one for each
// controller, one of systemd's and perhaps an empty version 2 one under version 1.
type cgroups struct {
	version     int
	mounts      []string
	controllers []string
	swap        bool // swap is counted
}

func findCgroups() (cgroups, error) {
	var c cgroups
	all, err := mountPoints()
	if err != nil {
		return c, err
	}
	for _, m := range all {
		if m.fsType == "cgroup" || m.fsType == "cgroup2" {
			c.mounts = append(c.mounts, m.point)
		}
		if m.fsType == "cgroup" && !strings.Contains(m.superOptions, "name=") {
			c.version = 1
			c.controllers = append(c.controllers, strings.Split(filepath.Base(m.point), ",")...)
		}
	}
	for _, m := range c.mounts {
		if _, err := os.Stat(filepath.Join(m, "memory.memsw.limit_in_bytes")); err == nil {
			c.swap = true
		}
	}
	if len(c.mounts) == 0 {
		return c, errors.New("no cgroup file system is mounted")
	}
	if c.version == 0 {
		c.version = 2
		text, err := os.ReadFile(filepath.Join(c.mounts[0], "cgroup.controllers"))
		if err != nil {
			return c, err
		}
		c.controllers = strings.Fields(string(text))
		c.swap = slices.Contains(c.controllers, "memory")
	}
	slices.Sort(c.controllers)
	return c, nil
}

// has reports whether a controller can be used.
func (c cgroups) has(controller string) bool { return slices.Contains(c.controllers, controller) }

// rouse makes the kernel ready to move processes between cgroups: the first move
// after a pause waits for all processors to come by (10 to 20 ms), those that
// follow at once do not. To move this process to where it is already is enough.
func (c cgroups) rouse() {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(own)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		for _, m := range c.mounts {
			if controllers != "" && filepath.Base(m) != controllers {
				continue
			}
			// Names may mislead where this process sees only some of the cgroups.
			file := filepath.Join(m, path, "cgroup.procs")
			members, err := os.ReadFile(file)
			self := strconv.Itoa(os.Getpid())
			if err != nil || !slices.Contains(strings.Fields(string(members)), self) {
				continue
			}
			if os.WriteFile(file, []byte(self), 0) == nil {
				return
			}
		}
	}
}

// processes returns who is in a cgroup or below, in whichever hierarchy: runc
// enters one after the other, and may have been killed in between.
func (c cgroups) processes(path string) ([]int, error) {
	var pids []int
	for _, dir := range c.directories(path) {
		text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for word := range strings.FieldsSeq(string(text)) {
			// 0 is a process of another pid namespace: none of ours.
			if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// directories lists a cgroup and those below it in all hierarchies, children
// before parents.
func (c cgroups) directories(path string) []string {
	var dirs []string
	for _, m := range c.mounts {
		_ = filepath.WalkDir(m+path, func(p string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				dirs = append(dirs, p)
			}
			return nil // what has gone in the meantime is gone
		})
	}
	slices.Reverse(dirs)
	return dirs
}

// patience bounds the wait for the kernel to take killed processes away. Only a
// process stuck in a disk that does not answer takes this long.
const patience = 10 * time.Second

// kill ends every process in a cgroup and below, and waits until they are gone. It
// asks before each whether it still may.
func (c cgroups) kill(ctx context.Context, path string, may func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		pids, err := c.processes(path)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if err := may(); err != nil {
				return err
			}
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("kill process %d of cgroup %s: %w", pid, path, err)
			}
		}
		for _, pid := range pids {
			if err := waitGone(ctx, pid); err != nil {
				return fmt.Errorf("processes of cgroup %s do not die: %w", path, err)
			}
		}
	}
}

// remove deletes a cgroup and those below it, which hold no process any more, for
// as long as it may.
func (c cgroups) remove(ctx context.Context, path string, may func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, dir := range c.directories(path) {
		for {
			if err := may(); err != nil {
				return err
			}
			err := unix.Rmdir(dir)
			if err == nil || errors.Is(err, unix.ENOENT) {
				break
			}
			if !errors.Is(err, unix.EBUSY) {
				return fmt.Errorf("remove cgroup %s: %w", dir, err)
			}
			// A process that has just died still counts for an instant.
			if err := pause(ctx, time.Millisecond); err != nil {
				return fmt.Errorf("remove cgroup %s: still busy: %w", dir, err)
			}
		}
	}
	return nil
}

// waitGone waits until a process has ended, also one that is not our child.
func waitGone(ctx context.Context, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("watch process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	for {
		// In slices, because a poll does not hear of a cancelled context.
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 50)
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("watch process %d: %w", pid, err)
		case n > 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
