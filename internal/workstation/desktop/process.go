package desktop

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// service is a program that is started anew when it ends.
type service struct {
	name string
	argv []string
	// file is its first open file, when it has one.
	file *os.File
	// needsBus: to be started once the message bus answers.
	needsBus bool
	pid      int // 0: does not run
	started  time.Time
	pause    time.Duration // before the next start
}

// A service that ran this long was well; one that did not waits longer each time.
const (
	wellAfter  = 10 * time.Second
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// ended notes that the service's process is gone and returns how long to wait
// before the next.
func (s *service) ended(now time.Time) time.Duration {
	s.pid = 0
	if now.Sub(s.started) >= wellAfter || s.pause == 0 {
		s.pause = firstPause
	} else {
		s.pause = min(2*s.pause, lastPause)
	}
	return s.pause
}

// reap collects all children that have ended, and how, also those of others:
// whoever loses its parent becomes a child of process 1.
func reap() map[int]unix.WaitStatus {
	gone := make(map[int]unix.WaitStatus)
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return gone
		}
		gone[pid] = status
	}
}

// others lists the processes of the sandbox but this one.
func others() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid > 1 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// endAll asks every process but last to end, waits until they are gone, at most
// grace, and then kills what is left. The message bus goes last: programs save
// their settings through it.
func endAll(last int, grace time.Duration) error {
	if os.Getpid() != 1 {
		return errors.New("only process 1 of a sandbox may end everything")
	}
	deadline := time.Now().Add(grace)
	asked := make(map[int]bool)
	for time.Now().Before(deadline) {
		reap()
		left := 0
		for _, pid := range others() {
			if pid == last {
				continue
			}
			left++
			if asked[pid] {
				continue
			}
			asked[pid] = true
			// No hang-up: it would cut short a program that saves its work. A shell,
			// which heeds nothing else, gets one when its terminal's program ends.
			_ = unix.Kill(pid, unix.SIGTERM)
			_ = unix.Kill(pid, unix.SIGCONT)
		}
		if left == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	var err error
	for range 400 {
		reap()
		left := others()
		if len(left) == 0 {
			return nil
		}
		for _, pid := range left {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		err = fmt.Errorf("%d processes do not die", len(left))
		time.Sleep(5 * time.Millisecond)
	}
	return err
}
