//go:build failpoints

package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/reconcile"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/workstation"
)

// The file that BACKLOT_FAILPOINT names says where the program is to fail: verb,
// "before" or "after" it is done, and how. It is looked at each time, so that one
// server can be failed again and again. That it was met is told by a file beside
// it, whose name ends in .met.
const (
	wayCrash     = "crash"     // signal 9
	wayError     = "error"     // an error, once
	wayErrors    = "errors"    // an error each time, until the file is gone
	wayPermanent = "permanent" // an error that no repetition cures, once
	wayHang      = "hang"      // nothing comes back until the caller gives up, once
)

var errFailpoint = errors.New("a failpoint")

// failAt does what a verb is to do, unless it is to fail.
func failAt(ctx context.Context, verb string, do func() error) error {
	if err := failNow(ctx, verb+" before"); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return failNow(ctx, verb+" after")
}

func failNow(ctx context.Context, here string) error {
	file := os.Getenv("BACKLOT_FAILPOINT")
	text, _ := os.ReadFile(file) // not there: nothing is to fail
	way, ok := strings.CutPrefix(string(text), here+" ")
	if !ok {
		return nil
	}
	var met bool // or somebody else was quicker
	if way == wayErrors {
		met = os.WriteFile(file+".met", nil, 0o600) == nil
	} else {
		met = os.Rename(file, file+".met") == nil
	}
	if !met {
		return nil
	}
	switch way {
	case wayCrash:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case wayHang:
		<-ctx.Done()
		return ctx.Err()
	case wayPermanent:
		return workstation.Permanent(errFailpoint)
	default:
		return errFailpoint
	}
}

// failing lets everything fail that the loop has done by others.
func failing(c reconcile.Config) reconcile.Config {
	c.Studio = failingStudio{c.Studio}
	c.Leases = failingLeases{c.Leases}
	c.Workstations = failingWorkstations{c.Workstations}
	c.Volumes = failingVolumes{c.Volumes}
	c.Images = failingImages{c.Images}
	return c
}

// failingTiming makes patience as short as BACKLOT_STEP says.
func failingTiming(t studio.Timing) studio.Timing {
	if step, err := time.ParseDuration(os.Getenv("BACKLOT_STEP")); err == nil {
		t.Step, t.Create = step, step
	}
	return t
}

func failingTickets(t tickets) gateway.Studio { return failingGate{t} }

type failingGate struct{ gateway.Studio }

func (g failingGate) DesktopReady(ctx context.Context, sessionKey string) error {
	return failAt(ctx, "record/desktop-ready", func() error { return g.Studio.DesktopReady(ctx, sessionKey) })
}

type failingStudio struct{ reconcile.Studio }

func (s failingStudio) Record(ctx context.Context, task studio.Task, failed *studio.Failure) error {
	verb := "record/" + strings.ReplaceAll(string(task.Action), " ", "-")
	return failAt(ctx, verb, func() error { return s.Studio.Record(ctx, task, failed) })
}

func (s failingStudio) RecordInspection(ctx context.Context, i studio.Inspection, r studio.InspectionResult) error {
	return failAt(ctx, "record/inspection", func() error { return s.Studio.RecordInspection(ctx, i, r) })
}

type failingLeases struct{ reconcile.Leases }

func (l failingLeases) Claim(ctx context.Context, now time.Time, holder string, until time.Time, limit int) (leases []studio.Lease, err error) {
	err = failAt(ctx, "lease/claim", func() error {
		leases, err = l.Leases.Claim(ctx, now, holder, until, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

func (l failingLeases) Release(ctx context.Context, lease studio.Lease) error {
	return failAt(ctx, "lease/release", func() error { return l.Leases.Release(ctx, lease) })
}

type failingImages struct{ reconcile.Images }

func (i failingImages) Lower(ctx context.Context, imageID string) (dirs []string, err error) {
	err = failAt(ctx, "image/lower", func() error {
		dirs, err = i.Images.Lower(ctx, imageID)
		return err
	})
	return dirs, err
}

type failingWorkstations struct{ workstation.Driver }

func (w failingWorkstations) Ensure(ctx context.Context, spec workstation.Spec) error {
	return failAt(ctx, "workstation/ensure", func() error { return w.Driver.Ensure(ctx, spec) })
}

func (w failingWorkstations) Stop(ctx context.Context, id string, grace time.Duration) error {
	return failAt(ctx, "workstation/stop", func() error { return w.Driver.Stop(ctx, id, grace) })
}

func (w failingWorkstations) Remove(ctx context.Context, id string) error {
	return failAt(ctx, "workstation/remove", func() error { return w.Driver.Remove(ctx, id) })
}

type failingVolumes struct{ volume.Driver }

// ofRestored tells snapshots of restored volumes from those of backups by how their ids end.
func ofRestored(verb, snapshot string) string {
	if strings.HasSuffix(snapshot, "c") {
		return verb + "-restored"
	}
	return verb
}

func (v failingVolumes) Tend(ctx context.Context) error {
	if t, ok := v.Driver.(volume.Tender); ok {
		return t.Tend(ctx)
	}
	return nil
}

func (v failingVolumes) Limit(ctx context.Context, id string, limitBytes int64) error {
	if l, ok := v.Driver.(volume.Limiter); ok {
		return l.Limit(ctx, id, limitBytes)
	}
	return nil
}

func (v failingVolumes) Create(ctx context.Context, id string, o volume.Options) error {
	return failAt(ctx, "volume/create", func() error { return v.Driver.Create(ctx, id, o) })
}

func (v failingVolumes) Snapshot(ctx context.Context, volumeID, snapshotID string) error {
	return failAt(ctx, ofRestored("volume/snapshot", snapshotID), func() error { return v.Driver.Snapshot(ctx, volumeID, snapshotID) })
}

func (v failingVolumes) Mount(ctx context.Context, id string) (dir string, err error) {
	err = failAt(ctx, "volume/mount", func() error {
		dir, err = v.Driver.Mount(ctx, id)
		return err
	})
	return dir, err
}

func (v failingVolumes) MountSnapshot(ctx context.Context, snapshotID string) (dir string, err error) {
	err = failAt(ctx, ofRestored("volume/mount-snapshot", snapshotID), func() error {
		dir, err = v.Driver.MountSnapshot(ctx, snapshotID)
		return err
	})
	return dir, err
}

func (v failingVolumes) Delete(ctx context.Context, id string) error {
	return failAt(ctx, "volume/delete", func() error { return v.Driver.Delete(ctx, id) })
}

func (v failingVolumes) DeleteSnapshot(ctx context.Context, snapshotID string) error {
	return failAt(ctx, ofRestored("volume/delete-snapshot", snapshotID), func() error { return v.Driver.DeleteSnapshot(ctx, snapshotID) })
}

func (v failingVolumes) Free(ctx context.Context) (free int64, err error) {
	err = failAt(ctx, "volume/free", func() error {
		free, err = v.Driver.Free(ctx)
		return err
	})
	return free, err
}
