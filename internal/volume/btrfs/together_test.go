package btrfs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/btrfs"
)

// TestOpenBesideOthers: what another process is at work on is left to it, and what
// a dead one left is swept once it is old, or by who is alone.
func TestOpenBesideOthers(t *testing.T) {
	t.Parallel()
	requireHost(t)
	dir := t.TempDir()
	c := btrfs.Config{Dir: dir, MountDir: t.TempDir()}
	d := open(t, c)
	left := filepath.Join(c.MountDir, "new")
	young := filepath.Join(left, fmt.Sprintf("%d-YOUNG", time.Now().Unix()))
	old := filepath.Join(left, fmt.Sprintf("%d-OLD", time.Now().Add(-time.Hour).Unix()))
	run(t, "btrfs", "subvolume", "create", young)
	run(t, "btrfs", "subvolume", "create", old)
	beside := open(t, btrfs.Config{Dir: dir, MountDir: t.TempDir()})
	if _, err := os.Stat(young); err != nil {
		t.Errorf("what another is at work on is gone: %v", err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("what a dead process left long ago is still there")
	}
	closeNow(t, beside)
	closeNow(t, d)
	open(t, c)
	if got, err := os.ReadDir(left); err != nil || len(got) != 0 {
		t.Errorf("%v, %v are left", got, err)
	}
}

// TestSameVerbsTogether: two servers may both do what one of them was to do.
func TestSameVerbsTogether(t *testing.T) {
	t.Parallel()
	requireHost(t)
	dir := t.TempDir()
	drivers := []*btrfs.Driver{
		open(t, btrfs.Config{Dir: dir, MountDir: t.TempDir()}), open(t, btrfs.Config{Dir: dir, MountDir: t.TempDir()}),
	}
	each := func(verb string, do func(*btrfs.Driver) error) {
		t.Helper()
		var wg sync.WaitGroup
		for _, d := range append(drivers, drivers...) {
			wg.Go(func() {
				if err := do(d); err != nil {
					t.Errorf("%s: %v", verb, err)
				}
			})
		}
		wg.Wait()
	}
	for range 10 {
		each("create", func(d *btrfs.Driver) error {
			return d.Create(t.Context(), "v1", volume.Options{LimitBytes: 1 << 30})
		})
		each("snapshot", func(d *btrfs.Driver) error { return d.Snapshot(t.Context(), "v1", "s1") })
		each("clone", func(d *btrfs.Driver) error {
			return d.Create(t.Context(), "v2", volume.Options{FromSnapshot: "s1"})
		})
		each("delete", func(d *btrfs.Driver) error { return d.Delete(t.Context(), "v1") })
		each("delete snapshot", func(d *btrfs.Driver) error { return d.DeleteSnapshot(t.Context(), "s1") })
		each("delete clone", func(d *btrfs.Driver) error { return d.Delete(t.Context(), "v2") })
		each("tend", func(d *btrfs.Driver) error { return d.Tend(t.Context()) })
	}
	if all, err := drivers[0].List(t.Context()); err != nil || len(all.Volumes)+len(all.Snapshots) != 0 {
		t.Errorf("left: %v, %v", all, err)
	}
}
