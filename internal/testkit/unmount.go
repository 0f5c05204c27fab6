package testkit

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Unmount waits for processes that other tests start: they hold copies of open files
// until their exec. It fails a test when something else still holds the mount.
func Unmount(t testing.TB, at string) {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for err := unix.Unmount(at, 0); err != nil; err = unix.Unmount(at, 0) {
		if time.Now().After(deadline) {
			t.Errorf("unmount %s: %v", at, err)
			_ = unix.Unmount(at, unix.MNT_DETACH)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
