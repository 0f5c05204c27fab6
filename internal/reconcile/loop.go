package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/workstation"
)

// Studio is what the loop asks of the domain.
type Studio interface {
	// Task tells what is to be done for a noun now.
	Task(ctx context.Context, table studio.Table, id string) (studio.Task, error)
	// Record records what came of it; studio.ErrStale: the noun changed meanwhile.
	Record(ctx context.Context, task studio.Task, failed *studio.Failure) error
	// Recover gives every transition its time anew, and lets nothing wait for a time
	// that only a wrong clock can have named.
	Recover(ctx context.Context) error
	// Wanted tells what sessions need of what is on the machine.
	Wanted(ctx context.Context) (studio.Wanted, error)
	// NextInspection tells which snapshot is to be read next in the background, if any.
	NextInspection(ctx context.Context) (studio.Inspection, bool, error)
	// RecordInspection records what that came to.
	RecordInspection(ctx context.Context, i studio.Inspection, r studio.InspectionResult) error
	// Unwanted tells which of the machine's volumes and snapshots nobody wants.
	Unwanted(ctx context.Context, there studio.Holdings) (studio.Unwanted, error)
	// DesktopLost records that a workstation does not run as it should.
	DesktopLost(ctx context.Context, sessionKey string) error
}

// Leases hands out nouns that are due.
type Leases interface {
	// Claim leases up to limit nouns that are due and not leased.
	Claim(ctx context.Context, now time.Time, holder string, until time.Time, limit int) ([]studio.Lease, error)
	// Renew lets a lease end later; studio.ErrStale when it is not held any more.
	Renew(ctx context.Context, lease studio.Lease, now, until time.Time) error
	// Release ends a lease.
	Release(ctx context.Context, lease studio.Lease) error
	// NextDue tells when Claim will next find something; false: never as things are.
	NextDue(ctx context.Context, now time.Time) (time.Time, bool, error)
	// Changes returns a channel that holds a value when something has changed.
	Changes() (<-chan struct{}, func())
}

// Images tells what a machine image is made of.
type Images interface {
	// Lower returns the directories of an overlay of the image, topmost first.
	Lower(ctx context.Context, imageID string) ([]string, error)
}

// Viewers is told of desktops that end.
type Viewers interface {
	// Disconnect parts everybody from a desktop.
	Disconnect(sessionKey string)
}

// Config is what a Loop needs.
type Config struct {
	Studio       Studio
	Leases       Leases
	Workstations workstation.Driver
	Volumes      volume.Driver
	Images       Images
	Viewers      Viewers
	// Holder names this loop in leases; no two that run at once have the same.
	Holder string
	// Credential makes what the streamer of a workstation shows to the gateway,
	// whose socket is in SocketDir.
	Credential func(sessionKey string) string
	SocketDir  string
	// User is whom desktops run as, Screen how large they start.
	User   workstation.User
	Screen workstation.Screen
	// UploadBytes bounds each file that a viewer uploads; 0: nothing does.
	UploadBytes int64
	// Reserve is how many bytes the volume store must keep free for a new volume
	// to be made.
	Reserve int64
	// StateDir is where the loop keeps what goes with the volumes: fences and the
	// checksum trees of snapshots.
	StateDir string
	Log      *slog.Logger
}

const (
	// leased is how long a lease lasts without renewal: a loop that dies delays
	// what it held by that much.
	leased = 5 * time.Second
	// parallel bounds how many nouns are worked on at once.
	parallel = 32
	// longest is how long the loop sleeps at most, in case the clock was changed.
	longest = 30 * time.Second
	// pause is how long the loop rests after an error of the store.
	pause = time.Second
	// lookEvery is the time between two looks over the machine.
	lookEvery = 10 * time.Second
	// patience is how long a driver may take over what no task bounds.
	patience = 2 * time.Minute
	// tendEvery is how often the volume store is adjusted to the disk below it.
	tendEvery = 3 * time.Second
	// grace is how long a desktop may take to end by itself.
	grace = 10 * time.Second
	// elbowRoom is how many bytes a volume has free when its desktop starts.
	elbowRoom = 64 << 20
	// processes is how many a desktop may have, threads included.
	processes = 8192
)

// Loop does what is due. Its methods are not for concurrent use.
type Loop struct {
	cfg    Config
	fences fences
	// strangers are the volumes and snapshots that nobody wants, each with since
	// when; zero: it was dealt with.
	strangers map[string]time.Time
}

// New makes a Loop.
func New(cfg Config) *Loop {
	return &Loop{cfg: cfg, fences: fences{filepath.Join(cfg.StateDir, "fences")}, strangers: map[string]time.Time{}}
}

// Run works until ctx ends. What it was at is interrupted then, and taken up
// again by the next Run, here or elsewhere.
func (l *Loop) Run(ctx context.Context) error {
	changed, unsubscribe := l.cfg.Leases.Changes()
	defer unsubscribe()
	if err := l.cfg.Studio.Recover(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("recover what was under way: %w", err)
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	workers.Go(func() { l.lookAgain(ctx) })
	workers.Go(func() { l.inspectAgain(ctx) })
	if t, ok := l.cfg.Volumes.(volume.Tender); ok {
		workers.Go(func() { l.tend(ctx, t) })
	}

	ended := make(chan struct{}, parallel)
	var wall clock
	for running := 0; ctx.Err() == nil; {
		if wall.set(time.Now()) {
			l.cfg.Log.WarnContext(ctx, "the clock was set; whatever is under way has its time anew")
			if err := l.cfg.Studio.Recover(ctx); err != nil && ctx.Err() == nil {
				l.cfg.Log.ErrorContext(ctx, "cannot give new time", "err", err)
			}
		}
		wait, err := l.rest(ctx, parallel-running)
		if err == nil && wait == 0 {
			var leases []studio.Lease
			leases, err = l.claim(ctx, parallel-running)
			for _, lease := range leases {
				running++
				workers.Go(func() {
					defer func() { ended <- struct{}{} }()
					l.hold(ctx, lease)
				})
			}
			if len(leases) > 0 {
				continue
			}
		}
		if err != nil && ctx.Err() == nil {
			wait = pause
			l.cfg.Log.ErrorContext(ctx, "cannot look for what is due", "err", err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-ended:
			running--
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

func (l *Loop) claim(ctx context.Context, free int) ([]studio.Lease, error) {
	now := time.Now()
	return l.cfg.Leases.Claim(ctx, now, l.cfg.Holder, now.Add(leased), free)
}

// rest is how long nothing more can be begun.
func (l *Loop) rest(ctx context.Context, free int) (time.Duration, error) {
	if free == 0 {
		return longest, nil // the end of any worker comes first
	}
	now := time.Now()
	due, any, err := l.cfg.Leases.NextDue(ctx, now)
	if err != nil {
		return pause, err
	}
	if !any {
		return longest, nil
	}
	return min(max(due.Sub(now), 0), longest), nil
}

// hold keeps a lease and works on its noun until that is at rest. When the lease
// is lost, nothing more is done or recorded under it.
func (l *Loop) hold(ctx context.Context, lease studio.Lease) {
	holding, cancel := context.WithCancel(ctx)
	var renewals sync.WaitGroup
	renewals.Go(func() {
		defer cancel()
		l.renew(holding, lease)
	})
	rests := l.settle(holding, lease)
	cancel()
	renewals.Wait()
	// What could not be brought to rest is left leased: it is taken up again when
	// the lease ends, not at once. On the way out nobody shall have to wait.
	if rests || ctx.Err() != nil {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), leased) // then it has ended by itself
		defer cancel()
		err := l.cfg.Leases.Release(within, lease)
		if err != nil && !errors.Is(err, studio.ErrStale) {
			l.cfg.Log.WarnContext(ctx, "cannot release a lease", "table", lease.Table, "id", lease.ID, "err", err)
		}
	}
}

// renew keeps the lease until ctx ends; it returns when the lease is lost.
func (l *Loop) renew(ctx context.Context, lease studio.Lease) {
	until := lease.Until
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(leased / 3):
		}
		now := time.Now()
		// A store that is cut off may say so only when the lease has long ended.
		within, cancel := context.WithDeadline(ctx, until)
		err := l.cfg.Leases.Renew(within, lease, now, now.Add(leased))
		cancel()
		switch {
		case err == nil:
			until = now.Add(leased)
		case ctx.Err() != nil:
			return
		case errors.Is(err, studio.ErrStale) || !time.Now().Before(until):
			l.cfg.Log.WarnContext(ctx, "lease lost", "table", lease.Table, "id", lease.ID, "err", err)
			return
		}
	}
}

// settle does what is to be done for a noun until nothing is, and tells whether
// it got there.
func (l *Loop) settle(ctx context.Context, lease studio.Lease) (rests bool) {
	log := l.cfg.Log.With("table", lease.Table, "id", lease.ID)
	for ctx.Err() == nil {
		task, err := l.cfg.Studio.Task(ctx, lease.Table, lease.ID)
		if err != nil {
			if ctx.Err() == nil {
				log.ErrorContext(ctx, "cannot read what is to be done", "err", err)
			}
			return false
		}
		if task.Action == studio.None {
			return true
		}
		task.Lease = lease
		began := time.Now()
		failed := l.perform(ctx, task)
		if ctx.Err() != nil {
			return false
		}
		if failed != nil && errors.Is(failed.Err, errFenced) {
			log.WarnContext(ctx, "too late", "err", failed.Err)
			return false
		}
		report(ctx, log, task, failed, time.Since(began))
		err = l.cfg.Studio.Record(ctx, task, failed)
		if err != nil && !errors.Is(err, studio.ErrStale) {
			if ctx.Err() == nil {
				log.ErrorContext(ctx, "cannot record what was done", "action", task.Action, "err", err)
			}
			return false
		}
		if err == nil && task.Action == studio.Forget {
			if err := l.fences.forget(fenced(task)); err != nil {
				log.WarnContext(ctx, "cannot take a fence away", "err", err)
			}
		}
	}
	return false
}

func report(ctx context.Context, log *slog.Logger, task studio.Task, failed *studio.Failure, took time.Duration) {
	log = log.With("action", task.Action, "took", took)
	if task.Session != nil {
		log = log.With("session_id", task.Session.SessionID, "session_key", task.Session.Workstation())
	}
	switch {
	case failed == nil && task.Session == nil && task.Backup == nil:
		log.DebugContext(ctx, "done") // what grows old
	case failed == nil:
		log.InfoContext(ctx, "done")
	case failed.Final:
		log.ErrorContext(ctx, "failed for good", "code", failed.Code, "err", failed.Err)
	default:
		log.WarnContext(ctx, "failed, to be tried again", "code", failed.Code, "err", failed.Err)
	}
}
