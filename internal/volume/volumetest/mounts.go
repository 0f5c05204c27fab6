package volumetest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Main is for the TestMain of drivers that mount. It runs the tests in a mount
// namespace of their own, so that whatever they mount goes with them, however they end.
func Main(m *testing.M) int {
	if err := privateMounts(); err != nil {
		fmt.Fprintln(os.Stderr, "private mount namespace:", err)
		return 1
	}
	return m.Run()
}

// privateVariable holds the id of the process that has its own mount namespace.
const privateVariable = "BACKLOT_TEST_PRIVATE_MOUNTS"

// MountsArePrivate tells whether Main could do that, which needs root.
func MountsArePrivate() bool { return os.Getenv(privateVariable) == strconv.Itoa(os.Getpid()) }

func privateMounts() error {
	if MountsArePrivate() {
		return nil
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); errors.Is(err, unix.EPERM) {
		return nil
	} else if err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := os.Setenv(privateVariable, strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	return unix.Exec(exe, os.Args, os.Environ()) // this very test binary
}
