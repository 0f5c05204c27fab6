package volumetest

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/volume"
)

// runningWriter: a snapshot under a running desktop is what a power cut would
// leave: no holes in what was appended, and all that was fsynced.
func runningWriter(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	dir := volumeDir(t, d, "v1", volume.Options{})
	var synced atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() {
		if err := appendLines(ctx, filepath.Join(dir, "log"), &synced); err != nil {
			t.Error(err)
		}
	})
	for i := range 5 {
		before := waitFor(t, &synced, synced.Load()+3)
		snapshotID, cloneID := fmt.Sprintf("s%d", i), fmt.Sprintf("c%d", i)
		takeSnapshot(t, d, "v1", snapshotID)
		clone := volumeDir(t, d, cloneID, volume.Options{FromSnapshot: snapshotID})
		got, err := os.ReadFile(filepath.Join(clone, "log"))
		if err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		for n := 0; want.Len() < len(got); n++ {
			want.WriteString(line(n))
		}
		if !strings.HasPrefix(want.String(), string(got)) {
			t.Fatalf("snapshot %d is no prefix of what was written", i)
		}
		if have := int64(len(got) / len(line(0))); have < before {
			t.Errorf("snapshot %d has %d lines; %d were fsynced before it", i, have, before)
		}
	}
}

func line(n int) string { return fmt.Sprintf("line %010d\n", n) }

func appendLines(ctx context.Context, path string, synced *atomic.Int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for n := 0; ctx.Err() == nil; n++ {
		if _, err := io.WriteString(f, line(n)); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		synced.Add(1)
	}
	return nil
}

func waitFor(t *testing.T, n *atomic.Int64, least int64) int64 {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if got := n.Load(); got >= least {
			return got
		}
	}
	t.Fatalf("writer stuck at %d lines", n.Load())
	return 0
}

// sameIDAtOnce: a verb called twice at the same time is as good as once.
func sameIDAtOnce(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	atOnce := func(verb string, call func() error) {
		t.Helper()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := call(); err != nil {
					t.Errorf("%s: %v", verb, err)
				}
			})
		}
		wg.Wait()
	}
	ctx := t.Context()
	for range 3 {
		atOnce("Create", func() error { return d.Create(ctx, "v1", volume.Options{}) })
		write(t, mount(t, d, "v1"), "f", "content")
		atOnce("Snapshot", func() error { return d.Snapshot(ctx, "v1", "s1") })
		atOnce("Create from", func() error { return d.Create(ctx, "v2", volume.Options{FromSnapshot: "s1"}) })
		lists(t, d, []string{"v1", "v2"}, []string{"s1"})
		holds(t, mount(t, d, "v2"), "f", "content")
		atOnce("Delete", func() error { return d.Delete(ctx, "v1") })
		atOnce("Delete", func() error { return d.Delete(ctx, "v2") })
		atOnce("DeleteSnapshot", func() error { return d.DeleteSnapshot(ctx, "s1") })
		lists(t, d, nil, nil)
	}
}

// livesAtOnce: sessions come and go beside each other.
func livesAtOnce(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if err := life(t.Context(), d, i); err != nil {
				t.Errorf("life %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	lists(t, d, nil, nil)
}

func life(ctx context.Context, d volume.Driver, i int) error {
	volumeID, cloneID, snapshotID := fmt.Sprintf("v%d", i), fmt.Sprintf("c%d", i), fmt.Sprintf("s%d", i)
	if err := d.Create(ctx, volumeID, volume.Options{LimitBytes: 64 * mib}); err != nil {
		return err
	}
	dir, err := d.Mount(ctx, volumeID)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "id"), []byte(volumeID), 0o600); err != nil {
		return err
	}
	if err := d.Snapshot(ctx, volumeID, snapshotID); err != nil {
		return err
	}
	if err := d.Delete(ctx, volumeID); err != nil {
		return err
	}
	if err := d.Create(ctx, cloneID, volume.Options{FromSnapshot: snapshotID}); err != nil {
		return err
	}
	if dir, err = d.Mount(ctx, cloneID); err != nil {
		return err
	}
	got, err := os.ReadFile(filepath.Join(dir, "id"))
	if err != nil || string(got) != volumeID {
		return fmt.Errorf("clone holds %q, %w", got, err)
	}
	if _, err := d.List(ctx); err != nil {
		return err
	}
	if err := d.Delete(ctx, cloneID); err != nil {
		return err
	}
	return d.DeleteSnapshot(ctx, snapshotID)
}
