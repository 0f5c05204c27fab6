package studio

import (
	"fmt"
	"hash/fnv"
	"time"
)

// sameIsFinal is how often in a row one and the same error is met before whoever
// waits for a workstation is told. It comes to half a minute.
const sameIsFinal = 8

// failed counts an attempt that came to nothing, and tells when there is no use
// in another one.
func (s *Session) failed(now time.Time, why Failure) (final bool) {
	h := fnv.New64a()
	fmt.Fprint(h, why.Code, why.Err)
	s.Attempts++
	if met := h.Sum64(); s.Attempts > 1 && met == s.Fault {
		s.Repeats++
	} else {
		s.Fault, s.Repeats = met, 1
	}
	if why.Final || s.comes() && s.Repeats >= sameIsFinal {
		return true
	}
	s.RetryAt = now.Add(backoff(s.Attempts))
	if s.Deadline.IsZero() {
		return false
	}
	if s.RetryAt.After(s.Deadline) {
		s.RetryAt = s.Deadline // for the last attempt
	}
	// One that hung has used up all the time by itself.
	return !now.Before(s.Deadline) && s.Attempts > 1
}

// comes tells whether somebody waits for the workstation to come up.
func (s *Session) comes() bool { return s.State == CreateInProgress || s.State == StartInProgress }

// step is how long one step of the present transition is tried.
func (s *Session) step(t Timing) time.Duration {
	if s.State == CreateInProgress {
		return t.Create
	}
	return t.Step
}

// patience is how long the present step may take, scripts included.
func (s *Session) patience(t Timing) time.Duration {
	if s.Scripted && s.Running && s.comes() {
		return s.step(t) + t.Scripts
	}
	return s.step(t)
}

// longestWait is the longest between two attempts.
const longestWait = time.Minute

// backoff is how long to wait after the n-th failure in a row.
func backoff(n int) time.Duration {
	return min(200*time.Millisecond<<min(n-1, 10), longestWait)
}
