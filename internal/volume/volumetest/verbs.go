package volumetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

func create(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	dir := volumeDir(t, d, "v1", volume.Options{})
	if !filepath.IsAbs(dir) {
		t.Errorf("Mount returned %q, want an absolute path", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("a new volume holds %v, %v; want nothing", entries, err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode() != os.ModeDir|0o755 {
		t.Errorf("a new volume has mode %v, %v; want drwxr-xr-x", info.Mode(), err)
	}

	write(t, dir, "kept", "yes")
	if again := volumeDir(t, d, "v1", volume.Options{}); again != dir {
		t.Errorf("Mount returned %q, then %q", dir, again)
	}
	holds(t, dir, "kept", "yes")
}

func snapshot(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	dir := volumeDir(t, d, "v1", volume.Options{})
	write(t, dir, "f", "first")
	takeSnapshot(t, d, "v1", "s1")
	write(t, dir, "f", "second")

	// Again: the snapshot stays what it was, also when the volume is gone.
	takeSnapshot(t, d, "v1", "s1")
	if err := d.Delete(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	takeSnapshot(t, d, "v1", "s1")
	holds(t, volumeDir(t, d, "v2", volume.Options{FromSnapshot: "s1"}), "f", "first")
}

func clone(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	write(t, volumeDir(t, d, "v1", volume.Options{}), "f", "original")
	takeSnapshot(t, d, "v1", "same")

	// Volumes and snapshots have separate name spaces.
	dir := volumeDir(t, d, "same", volume.Options{FromSnapshot: "same"})
	holds(t, dir, "f", "original")
	write(t, dir, "f", "changed")

	// Again: the volume stays what it has become, also when the snapshot is gone.
	holds(t, volumeDir(t, d, "same", volume.Options{FromSnapshot: "same"}), "f", "changed")
	if err := d.DeleteSnapshot(t.Context(), "same"); err != nil {
		t.Fatal(err)
	}
	holds(t, volumeDir(t, d, "same", volume.Options{FromSnapshot: "same"}), "f", "changed")
	lists(t, d, []string{"same", "v1"}, nil)
}

func mountSnapshot(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	dir := volumeDir(t, d, "v1", volume.Options{})
	writeTree(t, dir)
	want := readTree(t, dir)
	takeSnapshot(t, d, "v1", "s1")
	write(t, dir, "later", "not in the snapshot")
	if err := d.Delete(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	frozen := snapshotDir(t, d, "s1")
	if !filepath.IsAbs(frozen) {
		t.Errorf("MountSnapshot returned %q, want an absolute path", frozen)
	}
	if again := snapshotDir(t, d, "s1"); again != frozen {
		t.Errorf("MountSnapshot returned %q, then %q", frozen, again)
	}
	if diff := cmp.Diff(want, readTree(t, frozen)); diff != "" {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
	if err := d.DeleteSnapshot(t.Context(), "s1"); err != nil {
		t.Error(err)
	}
	if _, err := d.MountSnapshot(t.Context(), "s1"); !errors.Is(err, volume.ErrNotFound) {
		t.Errorf("MountSnapshot of what is deleted: %v, want ErrNotFound", err)
	}
}

func remove(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	dir := volumeDir(t, d, "v1", volume.Options{})
	write(t, dir, "f", "content")
	takeSnapshot(t, d, "v1", "s1")
	for range 2 {
		if err := d.Delete(t.Context(), "v1"); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	lists(t, d, nil, []string{"s1"})
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory of a deleted volume: %v, want that it does not exist", err)
	}
	for range 2 {
		if err := d.DeleteSnapshot(t.Context(), "s1"); err != nil {
			t.Errorf("DeleteSnapshot: %v", err)
		}
	}
	lists(t, d, nil, nil)

	// The id can be used again, for something new.
	holds(t, volumeDir(t, d, "v1", volume.Options{}), "f", "")
}

func removeWhileInUse(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	dir := volumeDir(t, d, "v1", volume.Options{})
	f, err := os.Create(filepath.Join(dir, "open"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := d.Delete(t.Context(), "v1"); err != nil {
		t.Error(err)
	}
	lists(t, d, nil, nil)
}

func notFound(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	ctx := t.Context()
	_, mountErr := d.Mount(ctx, "none")
	_, mountSnapshotErr := d.MountSnapshot(ctx, "none")
	_, usageErr := d.Usage(ctx, "none")
	for verb, err := range map[string]error{
		"Mount":         mountErr,
		"MountSnapshot": mountSnapshotErr,
		"Usage":         usageErr,
		"Snapshot":      d.Snapshot(ctx, "none", "s1"),
		"Create":        d.Create(ctx, "v1", volume.Options{FromSnapshot: "none"}),
	} {
		if !errors.Is(err, volume.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", verb, err)
		}
	}
	if err := errors.Join(d.Delete(ctx, "none"), d.DeleteSnapshot(ctx, "none")); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
	lists(t, d, nil, nil)
}

func invalid(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	ctx := t.Context()
	volumeDir(t, d, "v1", volume.Options{})
	takeSnapshot(t, d, "v1", "s1")
	for _, id := range []string{"", ".", "..", "../v1", "a/b", "/v1", "A", "a-b", ".new", "a\x00", "é", strings.Repeat("a", 65)} {
		_, mountErr := d.Mount(ctx, id)
		_, mountSnapshotErr := d.MountSnapshot(ctx, id)
		_, usageErr := d.Usage(ctx, id)
		for verb, err := range map[string]error{
			"Create":         d.Create(ctx, id, volume.Options{}),
			"Snapshot of":    d.Snapshot(ctx, id, "s2"),
			"Snapshot as":    d.Snapshot(ctx, "v1", id),
			"Mount":          mountErr,
			"MountSnapshot":  mountSnapshotErr,
			"Usage":          usageErr,
			"Delete":         d.Delete(ctx, id),
			"DeleteSnapshot": d.DeleteSnapshot(ctx, id),
		} {
			if !volume.IsPermanent(err) {
				t.Errorf("%s %q: %v, want a permanent error", verb, id, err)
			}
		}
		if id == "" {
			continue // Create from no snapshot is right
		}
		if err := d.Create(ctx, "v2", volume.Options{FromSnapshot: id}); !volume.IsPermanent(err) {
			t.Errorf("Create from %q: %v, want a permanent error", id, err)
		}
	}
	if err := d.Create(ctx, "v2", volume.Options{LimitBytes: -1}); !volume.IsPermanent(err) {
		t.Errorf("Create with a negative limit: %v, want a permanent error", err)
	}
	lists(t, d, []string{"v1"}, []string{"s1"})
}

func list(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	lists(t, d, nil, nil)
	longest := strings.Repeat("z", 64)
	for _, id := range []string{"b", longest, "10", "a", "9"} {
		volumeDir(t, d, id, volume.Options{})
		takeSnapshot(t, d, id, id+"x"[:min(1, 64-len(id))])
	}
	lists(t, d, []string{"10", "9", "a", "b", longest}, []string{"10x", "9x", "ax", "bx", longest})
}

func free(t *testing.T, open Opener) {
	dir := t.TempDir()
	d := open(t, dir)
	var host unix.Statfs_t
	if err := unix.Statfs(dir, &host); err != nil {
		t.Fatal(err)
	}
	disk := int64(host.Blocks) * host.Bsize
	if got, err := d.Free(t.Context()); err != nil || got < 0 || got > disk {
		t.Errorf("Free = %d, %v; want at most the %d of the disk", got, err, disk)
	}
}

// tend: looking after a store changes nothing in it, whatever else happens there.
func tend(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	tender, ok := d.(volume.Tender)
	if !ok {
		t.Skip("this driver needs no looking after")
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := tender.Tend(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	write(t, volumeDir(t, d, "v1", volume.Options{}), "f", "content")
	takeSnapshot(t, d, "v1", "s1")
	wg.Wait()
	lists(t, d, []string{"v1"}, []string{"s1"})
	holds(t, mount(t, d, "v1"), "f", "content")
}

func restart(t *testing.T, open Opener) {
	dir := t.TempDir()
	before := open(t, dir)
	write(t, volumeDir(t, before, "v1", volume.Options{LimitBytes: 64 << 20}), "f", "content")
	takeSnapshot(t, before, "v1", "s1")
	wasUsed, err := before.Usage(t.Context(), "v1")
	if err != nil {
		t.Fatal(err)
	}

	after := open(t, dir)
	lists(t, after, []string{"v1"}, []string{"s1"})
	v1 := mount(t, after, "v1")
	holds(t, v1, "f", "content")
	if got, err := after.Usage(t.Context(), "v1"); err != nil || got.LimitBytes != wasUsed.LimitBytes {
		t.Errorf("limit %d, %v; want %d as before", got.LimitBytes, err, wasUsed.LimitBytes)
	}
	// A desktop that ran on still writes where the driver from before put it.
	write(t, mount(t, before, "v1"), "late", "seen")
	holds(t, v1, "late", "seen")
	takeSnapshot(t, after, "v1", "s2")
	holds(t, volumeDir(t, after, "v2", volume.Options{FromSnapshot: "s2"}), "late", "seen")
	for _, id := range []string{"v1", "v2"} {
		if err := after.Delete(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	lists(t, after, nil, []string{"s1", "s2"})
}

func cancelledBefore(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	volumeDir(t, d, "v1", volume.Options{})
	takeSnapshot(t, d, "v1", "s1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for verb, err := range map[string]error{
		"Create":         d.Create(ctx, "v2", volume.Options{}),
		"Create from":    d.Create(ctx, "v3", volume.Options{FromSnapshot: "s1"}),
		"Snapshot":       d.Snapshot(ctx, "v1", "s2"),
		"Delete":         d.Delete(ctx, "v1"),
		"DeleteSnapshot": d.DeleteSnapshot(ctx, "s1"),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", verb, err)
		}
	}
	lists(t, d, []string{"v1"}, []string{"s1"})
}
