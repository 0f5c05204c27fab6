package oci

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// onOwnThread runs f on a thread that ends afterwards, so that namespaces and
// identities given to the thread end with it.
func onOwnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlock: the runtime then ends the thread
		if unix.Gettid() == os.Getpid() {
			// Except the main thread, which it would keep for ever. Hold it, so
			// that the next attempt gets another one.
			done <- onOwnThread(f)
			runtime.UnlockOSThread()
			return
		}
		done <- f()
	}()
	return <-done
}

// inOwnMounts runs f in a private copy of the mount namespace. What f mounts is
// seen by the programs f starts and by nobody else, and goes when f and they are
// gone: there is nothing to unmount later, also not after a crash.
func inOwnMounts(f func() error) error {
	return onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("make a mount namespace: %w", capacity(err))
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return fmt.Errorf("make mounts private: %w", err)
		}
		return f()
	})
}

// newIPC makes an IPC namespace that lasts as long as the file or a process in it.
// It belongs to the host's user namespace: no root of a sandbox rules in it.
func newIPC() (ns *os.File, err error) {
	err = onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWIPC); err != nil {
			return fmt.Errorf("make an ipc namespace: %w", capacity(err))
		}
		ns, err = os.Open("/proc/thread-self/ns/ipc")
		return err
	})
	return ns, err
}
