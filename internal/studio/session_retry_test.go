package studio_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// TestHowLongItIsTried: whoever waits for a workstation is told as soon as there
// is nothing to wait for.
func TestHowLongItIsTried(t *testing.T) {
	t.Parallel()
	fails := func(final bool, err func(try int) error) func(studio.Action) *studio.Failure {
		tries := 0
		return func(a studio.Action) *studio.Failure {
			if a != studio.EnsureWorkstation {
				return nil
			}
			tries++
			return &studio.Failure{Code: studio.InternalFailure, Message: "It does not work.", Final: final, Err: err(tries)}
		}
	}
	same := func(int) error { return errors.New("exec format error") }
	other := func(try int) error { return fmt.Errorf("process %d ended", try) }
	for _, c := range []struct {
		name      string
		broken    func(studio.Action) *studio.Failure
		silent    bool
		from, to  time.Duration // until a creation has failed
		startFrom time.Duration // until a start has failed
		startTo   time.Duration
	}{
		{"permanent", fails(true, same), false, 0, time.Second, 0, time.Second},
		{"the same error again and again", fails(false, same), false, 10 * time.Second, 40 * time.Second, 10 * time.Second, 40 * time.Second},
		{"errors that change", fails(false, other), false, time.Minute, 61 * time.Second, 2 * time.Minute, 121 * time.Second},
		{"no error, no desktop", nil, true, time.Minute, 90 * time.Second, 2 * time.Minute, 150 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			stopped := w.launch(t)
			w.stop(t, stopped.SessionID, "RETAIN")
			w.broken, w.silent = c.broken, c.silent
			within := func(what string, took, from, to time.Duration) {
				t.Helper()
				if took < from || took > to {
					t.Errorf("%s failed after %v, want %v to %v", what, took, from, to)
				}
			}

			s := w.launch(t)
			if s.State != studio.CreateFailed {
				t.Fatalf("%+v", s)
			}
			within("creation", s.UpdatedAt.Sub(s.CreatedAt), c.from, c.to)
			before := w.clock.Now()
			if s = w.start(t, stopped.SessionID, nil); s.State != studio.StartFailed {
				t.Fatalf("%+v", s)
			}
			within("start", s.UpdatedAt.Sub(before), c.startFrom, c.startTo)
		})
	}
}

// TestSameErrorsNowAndThen are no reason to give up.
func TestSameErrorsNowAndThen(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tries := 0
	w.broken = func(a studio.Action) *studio.Failure {
		if tries++; a != studio.EnsureWorkstation || tries > 9 {
			return nil
		}
		return &studio.Failure{Code: studio.InternalFailure, Err: fmt.Errorf("trouble %d", tries%2)}
	}
	if s := w.launch(t); s.State != studio.Ready {
		t.Errorf("%+v", s)
	}
}

// TestHungOnce: an attempt that took all the time there is, as one does that
// hangs, is followed by another.
func TestHungOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	hung := map[studio.Action]bool{}
	w.broken = func(a studio.Action) *studio.Failure {
		if hung[a] {
			return nil
		}
		hung[a] = true
		w.clock.advance(3 * time.Minute)
		return &studio.Failure{Code: studio.InternalFailure, Err: context.DeadlineExceeded}
	}
	s := w.launch(t)
	if s.State != studio.Ready {
		t.Fatalf("%+v", s)
	}
	w.write(t, s, "work")
	if s = w.stop(t, s.SessionID, "DELETE"); s.State != studio.Stopped {
		t.Fatalf("%+v", s)
	}
	if b := w.backups(t); len(b) != 1 || b[0].State != studio.Ready {
		t.Errorf("%+v", b)
	}
	if s = w.start(t, s.SessionID, nil); s.State != studio.Ready || w.content(t, s) != "work" {
		t.Fatalf("%+v", s)
	}
	_, err := w.DeleteStreamingSession(t.Context(), artist, &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
	must(t, err)
	w.settle(t, t.Context())
	if s = w.get(t, s.SessionID); s.State != studio.Deleted {
		t.Errorf("%+v", s)
	}
	for _, b := range w.backups(t) {
		if b.State != studio.Deleted {
			t.Errorf("%+v", b)
		}
	}
	for _, a := range []studio.Action{
		studio.CreateVolume, studio.EnsureWorkstation, studio.StopWorkstation, studio.TakeSnapshot, studio.DeleteVolume, studio.RemoveWorkstation, studio.DeleteSnapshots,
	} {
		if !hung[a] {
			t.Errorf("%s was never done", a)
		}
	}
}
