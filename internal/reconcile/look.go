package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/workstation"
)

// lookAgain looks over the machine, now and then.
func (l *Loop) lookAgain(ctx context.Context) {
	for {
		if err := l.look(ctx); err != nil && ctx.Err() == nil {
			l.cfg.Log.ErrorContext(ctx, "cannot look over the machine", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

// look removes workstations that nobody wants and has those looked at that
// should run and do not.
func (l *Loop) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// The machine first: whatever is there by then was wanted before.
	there, err := l.cfg.Workstations.List(ctx)
	if err != nil {
		return fmt.Errorf("list workstations: %w", err)
	}
	sums, err := l.manifests()
	if err != nil {
		return err
	}
	disks, err := l.cfg.Volumes.List(ctx)
	if err != nil {
		return fmt.Errorf("list volumes: %w", err)
	}
	wanted, err := l.cfg.Studio.Wanted(ctx)
	if err != nil {
		return fmt.Errorf("ask what is wanted: %w", err)
	}

	var failed []error
	found := map[string]workstation.Status{}
	for _, w := range there {
		found[w.ID] = w
		if _, ok := wanted.Workstations[w.ID]; !ok {
			l.cfg.Log.WarnContext(ctx, "removing a workstation that no session wants", "session_key", w.ID, "state", w.State)
			l.cfg.Viewers.Disconnect(w.ID)
			failed = append(failed, l.removeWorkstation(ctx, w.ID))
		}
	}
	for key, mustRun := range wanted.Workstations {
		if w := found[key]; mustRun && w.State != workstation.Running {
			l.cfg.Log.WarnContext(ctx, "a desktop does not run as it should", "session_id", wanted.Sessions[key], "session_key", key, "state", w.State, "detail", w.Detail)
			failed = append(failed, l.cfg.Studio.DesktopLost(ctx, key))
		}
	}
	failed = append(failed, l.orphans(ctx, disks), l.forgetSums(sums, disks.Snapshots))
	return errors.Join(failed...)
}

// tend lets the volume store keep up with what else happens on its disk.
func (l *Loop) tend(ctx context.Context, t volume.Tender) {
	said := ""
	for {
		err := t.Tend(ctx)
		switch {
		case err == nil:
			said = ""
		case ctx.Err() == nil && err.Error() != said:
			said = err.Error()
			l.cfg.Log.ErrorContext(ctx, "the volume store is in trouble", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(tendEvery):
		}
	}
}
