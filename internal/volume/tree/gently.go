package tree

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// gently runs what nobody waits for, on a thread to which the programs of artists
// go before. The thread ends with it: a priority that was given up does not come back.
func gently(run func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		const nice = 5
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, nice) // 0: this thread
		done <- run()
	}()
	return <-done
}
