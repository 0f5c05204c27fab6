package main

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// ownMounts marks, in the environment, a process that has its own mount namespace.
const ownMounts = "BACKLOT_OWN_MOUNTS"

// enterOwnMounts puts the process into a mount namespace of its own, by exec and
// so under the same pid: what it mounts is seen by nobody else, cannot be pinned
// by somebody else's copy of the host's namespace, and is gone with the process.
// Mounts and unmounts of the host still reach it. It returns only in the
// process that is there already, or with an error.
func enterOwnMounts() error {
	if os.Getenv(ownMounts) != "" {
		return os.Unsetenv(ownMounts)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	// unshare holds for this thread only; exec ends the others and makes it the process.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace (root is needed): %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("part from the host's mounts: %w", err)
	}
	return fmt.Errorf("start %s in its own mount namespace: %w", self,
		unix.Exec(self, os.Args, append(os.Environ(), ownMounts+"=1")))
}
