package reconcile_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/reconcile"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/workstation"
	workstationfake "github.com/backlot/backlot/internal/workstation/fake"
)

// story is a session from its creation to its end; it waits for nothing longer
// than within, if that is not 0.
func story(t *testing.T, w *world, within time.Duration) {
	t.Helper()
	var id string
	reaches := func(state studio.State) *studio.StreamingSession {
		t.Helper()
		began := time.Now()
		s := w.wait(t, id, state)
		if took := time.Since(began); within > 0 && took > within {
			t.Errorf("%s after %s", state, took)
		}
		return s
	}
	id = w.create(t)
	reaches(studio.Ready)
	w.write(t, id, "monday")
	w.stop(t, id, "RETAIN")
	reaches(studio.Stopped)
	monday := w.backups(t)[0]
	if monday.State != studio.Ready {
		t.Fatalf("backup: %+v", monday)
	}

	w.start(t, id, nil)
	if s := reaches(studio.Ready); s.StartedAt.IsZero() || s.StartedBy != artist.ID || w.read(t, id) != "monday" {
		t.Fatalf("started: %+v with %q", s, w.read(t, id))
	}
	w.write(t, id, "tuesday")
	w.stop(t, id, "DELETE")
	reaches(studio.Stopped)

	w.start(t, id, &monday.BackupID)
	if s := reaches(studio.Ready); s.StartedFromBackupID != monday.BackupID || w.read(t, id) != "monday" {
		t.Fatalf("started from a backup: %+v with %q", s, w.read(t, id))
	}
	w.stop(t, id, "RETAIN")
	reaches(studio.Stopped)
	tuesday := w.backups(t)[1]
	w.start(t, id, &tuesday.BackupID)
	if reaches(studio.Ready); w.read(t, id) != "tuesday" {
		t.Fatalf("started from the second backup: %q", w.read(t, id))
	}

	w.remove(t, id)
	reaches(studio.Deleted)
	w.nothingLeft(t)
}

func TestStory(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		w.run(t)
		story(t, w, 3*time.Second)
	})
}

func TestWorkstationIsAsTheSessionSays(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		w.run(t)
		id := w.create(t)
		w.wait(t, id, studio.Ready)
		key := w.desktop(t, id)
		got, _ := w.workstations.Spec(key)
		dir, err := w.volumes.Mount(t.Context(), key[:16]+"v1")
		must(t, err)
		want := workstation.Spec{
			ID: key, Hostname: "desktop", Lower: []string{"/"}, Volume: dir, User: workstation.User{Name: "artist", ID: 1000},
			Environment: []string{"BACKLOT_SESSION_ID=" + id, "BACKLOT_STUDIO_ID=" + w.studioID},
			Limits:      workstation.Limits{CPUs: 2, MemoryBytes: 1 << 30, Processes: got.Limits.Processes, IOPS: 3000, BytesPerSecond: 125 << 20},
			Screen:      workstation.Screen{Width: 1280, Height: 720},
			Streamer:    workstation.Streamer{SocketDir: "/run/gateway", Credential: "secret of " + key, Clipboard: true},
		}
		if diff := cmp.Diff(want, got); diff != "" || got.Limits.Processes == 0 {
			t.Errorf("%+v\n%s", got, diff)
		}
		w.stop(t, id, "RETAIN")
		w.wait(t, id, studio.Stopped)
		if !slices.Contains(w.viewers.parted, key) {
			t.Errorf("viewers were parted from %v", w.viewers.parted)
		}
	})
}

func TestASlowStopDelaysNobody(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		slow := make(chan struct{})
		var first string
		w.volumes.Fail = func(verb, id string) error {
			if verb == "Snapshot" && id == first {
				<-slow
			}
			return nil
		}
		w.run(t)
		one, two := w.create(t), w.create(t)
		w.wait(t, one, studio.Ready)
		w.wait(t, two, studio.Ready)
		first = w.desktop(t, one)[:16] + "v1"
		w.stop(t, one, "RETAIN")
		time.Sleep(time.Second)
		began := time.Now()
		w.stop(t, two, "RETAIN")
		w.wait(t, two, studio.Stopped)
		w.wait(t, w.create(t), studio.Ready)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %s beside a slow stop", took)
		}
		// The lease is kept for as long as it takes.
		time.Sleep(30 * time.Second)
		if s := w.get(t, one); s.State != studio.StopInProgress {
			t.Errorf("%+v", s)
		}
		close(slow)
		w.wait(t, one, studio.Stopped)
	})
}

func TestLimitsOfTime(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		w.run(t)
		id := w.create(t)
		s := w.wait(t, id, studio.Ready)
		time.Sleep(time.Until(s.StopAt) - time.Second)
		if s = w.get(t, id); s.State != studio.Ready {
			t.Fatalf("before its time: %+v", s)
		}
		// Half an hour holds two backups of a running session.
		if n := len(w.backups(t)); n != 2 {
			t.Errorf("%d backups", n)
		}
		time.Sleep(3 * time.Second)
		if s = w.get(t, id); s.State != studio.Stopped || s.StoppedBy != "" || len(w.backups(t)) != 3 {
			t.Fatalf("after its time: %+v", s)
		}
	})
}

func TestFailuresAreTranslated(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func(w *world)
		image int
		code  studio.StatusCode
		soon  bool
	}{
		"no room for a workstation": {func(w *world) { w.workstations.Fault = faulty("ensure", workstation.ErrNoCapacity) }, 0, studio.InsufficientCapacity, true},
		"no room for a volume":      {func(w *world) { w.volumes.FreeBytes = 1 }, 0, studio.InsufficientCapacity, true},
		"full disk":                 {func(w *world) { w.volumes.Fail = broken("Create", volume.ErrNoCapacity) }, 0, studio.InsufficientCapacity, true},
		"no image":                  {func(*world) {}, 1, studio.ImageInvalid, true},
		"for good": {func(w *world) {
			w.workstations.Fault = faulty("ensure", workstation.Permanent(errors.New("spoilt")))
		}, 0, studio.InternalFailure, true},
		"again and again": {func(w *world) { w.workstations.Fault = faulty("ensure", errors.New("spoilt")) }, 0, studio.InternalFailure, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inside(t, func(t *testing.T, w *world) {
				tt.spoil(w)
				w.run(t)
				profile, err := w.GetLaunchProfile(t.Context(), admin, &studio.GetLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
				must(t, err)
				began := time.Now()
				made, err := w.CreateStreamingSession(t.Context(), artist, &studio.CreateStreamingSessionRequest{
					StudioID: w.studioID, LaunchProfileID: w.profileID, StreamingImageID: &profile.LaunchProfile.StreamConfiguration.StreamingImageIDs[tt.image],
				})
				must(t, err)
				id := made.Session.SessionID
				for w.get(t, id).State == studio.CreateInProgress {
					time.Sleep(time.Second)
				}
				s, took := w.get(t, id), time.Since(began)
				if s.State != studio.CreateFailed || s.StatusCode != tt.code || s.StatusMessage == "" || tt.soon != (took < 5*time.Second) || took > 5*time.Minute {
					t.Errorf("after %s: %+v", took, s)
				}
				w.remove(t, id)
				w.wait(t, id, studio.Deleted)
				w.nothingLeft(t)
			})
		})
	}
}

func faulty(verb string, err error) func(workstationfake.Call) error {
	return func(c workstationfake.Call) error {
		if c.Verb == verb {
			return err
		}
		return nil
	}
}

func broken(verb string, err error) func(verb, id string) error {
	return func(v, _ string) error {
		if v == verb {
			return err
		}
		return nil
	}
}

// TestEveryVerbMayFailForAWhile lets each verb fail a few times.
func TestEveryVerbMayFailForAWhile(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		var mu sync.Mutex
		failed := map[string]int{}
		often := func(verb, id string) error {
			mu.Lock()
			defer mu.Unlock()
			if failed[verb+id]++; failed[verb+id] <= 2 && verb != "list" && verb != "List" {
				return errors.New("test")
			}
			return nil
		}
		w.workstations.Fault = func(c workstationfake.Call) error { return often(c.Verb, c.ID) }
		w.volumes.Fail = often
		w.run(t)
		story(t, w, time.Minute)
	})
}

// crash kills the loop at the n-th task: before it is done, or before that is recorded.
type crash struct {
	*studio.Service
	mu     sync.Mutex
	left   int
	after  bool
	killed context.CancelFunc
}

func (c *crash) now(after bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if after != c.after {
		return false
	}
	c.left--
	if c.left == 0 {
		c.killed()
	}
	return c.left <= 0
}

func (c *crash) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left <= 0
}

func (c *crash) Task(ctx context.Context, table studio.Table, id string) (studio.Task, error) {
	task, err := c.Service.Task(ctx, table, id)
	if task.Action != studio.None && c.now(false) {
		<-ctx.Done()
		return studio.Task{}, ctx.Err()
	}
	return task, err
}

func (c *crash) Record(ctx context.Context, task studio.Task, failed *studio.Failure) error {
	if c.now(true) {
		<-ctx.Done()
		return ctx.Err()
	}
	return c.Service.Record(ctx, task, failed)
}

// kept are leases that a dead loop releases no more.
type kept struct {
	reconcile.Leases
	by *crash
}

func (k kept) Release(ctx context.Context, l studio.Lease) error {
	if k.by.dead() {
		return nil
	}
	return k.Leases.Release(ctx, l)
}

func TestCrashAtEveryAction(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		name := "before"
		if after {
			name = "after"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stride := 1
			if testing.Short() {
				stride = 8
			}
			for n, reached := 1, true; reached; n += stride {
				inside(t, func(t *testing.T, w *world) {
					dead, kill := context.WithCancel(t.Context())
					c := &crash{Service: w.Service, left: n, after: after, killed: kill}
					doomed := w.cfg
					doomed.Studio, doomed.Holder, doomed.Leases = c, "doomed", kept{w.store, c}
					end := w.runLoop(t, doomed)
					var next sync.WaitGroup
					next.Go(func() {
						<-dead.Done()
						end()
						if c.dead() {
							w.run(t)
						}
					})
					story(t, w, 10*time.Second)
					reached = c.dead()
					kill()
					next.Wait()
				})
			}
		})
	}
}

// stolen tells that every lease is another's, once it is told to.
type stolen struct {
	reconcile.Leases
	mu  sync.Mutex
	now bool
}

func (s *stolen) Renew(ctx context.Context, l studio.Lease, now, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now {
		return studio.ErrStale
	}
	return s.Leases.Renew(ctx, l, now, until)
}

func TestALostLeaseEndsTheWork(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		leases := &stolen{Leases: w.store, now: true}
		w.cfg.Leases = leases
		w.workstations.Delay = 20 * time.Second
		w.run(t)
		id := w.create(t)
		time.Sleep(15 * time.Second)
		// Whoever lost the lease at the first renewal recorded nothing; the next tries.
		if n := len(w.workstations.Calls()); n < 2 {
			t.Errorf("%d tries", n)
		}
		leases.mu.Lock()
		leases.now = false
		leases.mu.Unlock()
		w.wait(t, id, studio.Ready)
	})
}

func TestTheMachineIsLookedOver(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		end := w.run(t)
		id := w.create(t)
		w.wait(t, id, studio.Ready)
		key := w.desktop(t, id)

		// A dead streamer comes back, and the session stays what it is.
		w.workstations.Kill(key, "streamer")
		time.Sleep(15 * time.Second)
		if w.workstations.Process(key, "streamer") == 0 || w.get(t, id).State != studio.Ready {
			t.Error("the streamer did not come back")
		}

		// While nobody worked, the machine went down and a stranger moved in.
		end()
		must(t, w.workstations.Remove(t.Context(), key))
		stranger := workstation.Spec{ID: "stranger", Lower: []string{"/"}, User: w.cfg.User, Screen: w.cfg.Screen}
		must(t, w.workstations.Ensure(t.Context(), stranger))
		must(t, w.volumes.Create(t.Context(), "stranger", volume.Options{}))
		w.run(t)
		time.Sleep(5 * time.Second)
		all, err := w.workstations.List(t.Context())
		must(t, err)
		if len(all) != 1 || all[0].ID != key || all[0].State != workstation.Running {
			t.Errorf("workstations: %+v", all)
		}
		disks, err := w.volumes.List(t.Context())
		must(t, err)
		if !slices.Contains(disks.Volumes, "stranger") {
			t.Error("a volume that nobody knows was deleted")
		}
	})
}

func TestShutdownLetsSessionsRun(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		end := w.run(t)
		id := w.create(t)
		w.wait(t, id, studio.Ready)
		before := w.workstations.Process(w.desktop(t, id), "desktop")
		end()
		time.Sleep(20 * time.Minute)
		w.run(t)
		time.Sleep(time.Minute)
		if w.get(t, id).State != studio.Ready || w.workstations.Process(w.desktop(t, id), "desktop") != before {
			t.Error("the desktop did not run on")
		}
	})
}
