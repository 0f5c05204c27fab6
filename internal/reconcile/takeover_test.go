package reconcile_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/reconcile"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/workstation"
)

// freezer stops a whole server between two steps, as SIGSTOP does: whatever it
// asks of the store, of machines or of the clock has to wait.
type freezer struct {
	mu     sync.Mutex
	frozen chan struct{} // closed when it may go on; nil: it runs
}

func (f *freezer) freeze() (thaw func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frozen = make(chan struct{})
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		close(f.frozen)
		f.frozen = nil
	}
}

func (f *freezer) wait() {
	f.mu.Lock()
	frozen := f.frozen
	f.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
}

// frozenStudio and the others are a server's ways to everything else.
type frozenStudio struct {
	*studio.Service
	f *freezer
}

func (s frozenStudio) Record(ctx context.Context, task studio.Task, failed *studio.Failure) error {
	s.f.wait()
	return s.Service.Record(ctx, task, failed)
}

type frozenLeases struct {
	reconcile.Leases
	f *freezer
}

func (l frozenLeases) Renew(ctx context.Context, lease studio.Lease, now, until time.Time) error {
	l.f.wait()
	return l.Leases.Renew(ctx, lease, time.Now(), time.Now().Add(until.Sub(now)))
}

func (l frozenLeases) Claim(ctx context.Context, now time.Time, holder string, until time.Time, limit int) ([]studio.Lease, error) {
	l.f.wait()
	return l.Leases.Claim(ctx, time.Now(), holder, time.Now().Add(until.Sub(now)), limit)
}

// frozenVolumes freezes before a verb or after it, and says what was done.
type frozenVolumes struct {
	volume.Driver
	f      *freezer
	before func(verb string)
	mu     sync.Mutex
	late   []string
	thawed bool
}

func (v *frozenVolumes) Create(ctx context.Context, id string, o volume.Options) error {
	v.before("Create")
	v.f.wait()
	v.note("Create " + id)
	return v.Driver.Create(ctx, id, o)
}

func (v *frozenVolumes) note(what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.thawed {
		v.late = append(v.late, what)
	}
}

// frozenWorkstations is the same for workstations.
type frozenWorkstations struct {
	workstation.Driver
	v *frozenVolumes
}

func (w frozenWorkstations) Ensure(ctx context.Context, s workstation.Spec) error {
	w.v.before("Ensure")
	w.v.f.wait()
	w.v.note("Ensure " + s.ID)
	return w.Driver.Ensure(ctx, s)
}

// TestAFrozenServerComesTooLate freezes one of two servers in the middle of its
// work: the other brings that to its end within ten seconds, and the first, when
// it goes on, changes nothing any more but what it was caught in.
func TestAFrozenServerComesTooLate(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"Create", "Ensure"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			inside(t, func(t *testing.T, w *world) {
				var f freezer
				var once sync.Once
				thaw := func() {}
				volumes := &frozenVolumes{Driver: w.volumes, f: &f}
				caught := make(chan struct{})
				volumes.before = func(v string) {
					if v == verb {
						once.Do(func() { thaw = f.freeze(); close(caught) })
					}
				}
				first := w.cfg
				first.Holder, first.Studio, first.Leases = "first", frozenStudio{w.Service, &f}, frozenLeases{w.store, &f}
				first.Volumes, first.Workstations = volumes, frozenWorkstations{w.workstations, volumes}
				end := w.runLoop(t, first)

				id := w.create(t)
				<-caught
				began := time.Now()
				w.run(t)
				w.wait(t, id, studio.Ready)
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("taken over after %v", took)
				}
				w.write(t, id, "work")
				w.stop(t, id, "RETAIN")
				w.wait(t, id, studio.Stopped)

				volumes.mu.Lock()
				volumes.thawed = true
				volumes.mu.Unlock()
				thaw()
				time.Sleep(20 * time.Second)
				if len(volumes.late) != 1 {
					t.Errorf("done after the thaw, beside what it was caught in: %v", volumes.late)
				}
				if s := w.get(t, id); s.State != studio.Stopped {
					t.Errorf("after the thaw: %+v", s)
				}
				there, err := w.workstations.List(t.Context())
				must(t, err)
				if len(there) != 0 {
					t.Errorf("it runs: %+v", there)
				}
				w.start(t, id, nil)
				w.wait(t, id, studio.Ready)
				if got := w.read(t, id); got != "work" {
					t.Errorf("the file holds %q", got)
				}
				w.remove(t, id)
				w.wait(t, id, studio.Deleted)
				end()
				disks, err := w.volumes.List(t.Context())
				must(t, err)
				if len(slices.Concat(disks.Volumes, disks.Snapshots)) != 0 {
					t.Errorf("left: %+v", disks)
				}
			})
		})
	}
}
