package reconcile_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/workstation"
)

// hangingWorkstations and hangingVolumes hang once in what the loop does by itself.
type hangingWorkstations struct {
	workstation.Driver
	hung atomic.Bool
}

func (w *hangingWorkstations) List(ctx context.Context) ([]workstation.Status, error) {
	if w.hung.CompareAndSwap(false, true) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return w.Driver.List(ctx)
}

type hangingVolumes struct {
	volume.Driver
	hung atomic.Bool
}

func (v *hangingVolumes) MountSnapshot(ctx context.Context, id string) (string, error) {
	if v.hung.CompareAndSwap(false, true) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return v.Driver.MountSnapshot(ctx, id)
}

// TestDriversThatHang keep nobody for ever from looking over the machine, nor from
// reading backups.
func TestDriversThatHang(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		w.cfg.Workstations = &hangingWorkstations{Driver: w.workstations}
		w.cfg.Volumes = &hangingVolumes{Driver: w.volumes}
		w.run(t)
		id := w.create(t)
		w.wait(t, id, studio.Ready)
		w.stop(t, id, "RETAIN")
		w.wait(t, id, studio.Stopped)
		must(t, w.workstations.Ensure(t.Context(), workstation.Spec{
			ID: "stranger", Hostname: "desktop", Lower: []string{"/"}, Volume: t.TempDir(), User: w.cfg.User, Screen: w.cfg.Screen,
		}))
		time.Sleep(5 * time.Minute)
		if b := w.backup(t); b.SummedAt.IsZero() {
			t.Errorf("the backup was not read: %+v", b)
		}
		if there, err := w.workstations.List(t.Context()); err != nil || len(there) > 0 {
			t.Errorf("a stranger is still there: %v, %v", there, err)
		}
	})
}
