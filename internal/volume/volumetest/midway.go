package volumetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/volume"
)

const (
	killed = "killed"
	// storeVariable tells a copy of the test binary which store to work on until it is killed.
	storeVariable = "BACKLOT_VOLUMETEST_STORE"
	// limitInLoop is the limit of every volume of that copy.
	limitInLoop = 64 * mib
)

// writeMany makes files enough that copying them takes a while.
func writeMany(dir string) error {
	for i := range 60 {
		sub := filepath.Join(dir, fmt.Sprintf("d%d", i%6))
		if err := os.MkdirAll(sub, 0o750); err != nil {
			return err
		}
		content := strings.Repeat(fmt.Sprintf("file %d ", i), 4000)
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("f%d", i)), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// cancelledMidway: a verb whose context ends does all or nothing.
func cancelledMidway(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	dir := volumeDir(t, d, "v1", volume.Options{})
	if err := writeMany(dir); err != nil {
		t.Fatal(err)
	}
	want := readTree(t, dir)
	for i := range 6 {
		snapshotID, cloneID := fmt.Sprintf("s%d", i), fmt.Sprintf("c%d", i)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*2*time.Millisecond)
		listed := func(err error, listed func(volume.Inventory) []string, id string) {
			t.Helper()
			got, listErr := d.List(t.Context())
			if listErr != nil {
				t.Fatal(listErr)
			}
			if there := slices.Contains(listed(got), id); there != (err == nil) {
				t.Errorf("%s is listed: %v, after %v", id, there, err)
			}
		}
		listed(d.Snapshot(ctx, "v1", snapshotID), func(i volume.Inventory) []string { return i.Snapshots }, snapshotID)
		takeSnapshot(t, d, "v1", snapshotID)
		listed(d.Create(ctx, cloneID, volume.Options{FromSnapshot: snapshotID}),
			func(i volume.Inventory) []string { return i.Volumes }, cloneID)
		cancel()
		clone := volumeDir(t, d, cloneID, volume.Options{FromSnapshot: snapshotID})
		if diff := cmp.Diff(want, readTree(t, clone)); diff != "" {
			t.Errorf("files differ after %d ms (-want +got):\n%s", 2*i, diff)
		}
	}
}

// killedMidway: a server that dies in whatever verb leaves a store of complete
// things, on which the next server works.
func killedMidway(t *testing.T, open Opener) {
	if dir := os.Getenv(storeVariable); dir != "" {
		workUntilKilled(t, open(t, dir))
		return
	}
	reference := t.TempDir()
	if err := writeMany(reference); err != nil {
		t.Fatal(err)
	}
	for i := range 5 { // dying while it opens a new store, and soon after
		dir := t.TempDir()
		kill(t, dir, time.Duration(i*60)*time.Millisecond)
		t.Run(fmt.Sprintf("new store %d", i), func(t *testing.T) {
			complete(t, open(t, dir), reference)
		})
	}
	dir := t.TempDir()
	open(t, dir) // does nothing, but holds the store as a desktop that runs on does
	found := 0
	for i, pause := 0, 150*time.Millisecond; i < 5 || found == 0 && i < 12; i, pause = i+1, pause*4/3 {
		kill(t, dir, pause)
		t.Run(fmt.Sprintf("store in use %d", i), func(t *testing.T) {
			found += complete(t, open(t, dir), reference)
		})
	}
	if found == 0 {
		t.Error("none of the killed processes got as far as a snapshot or clone")
	}
}

// kill runs a copy of this test on the store and kills it after a while. How long
// is what is tested; nothing is waited for.
func kill(t *testing.T, dir string, after time.Duration) {
	t.Helper()
	parts := strings.Split(t.Name(), "/")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+strings.Join(parts, "$/^")+"$", "-test.timeout=1m")
	child.Env = append(os.Environ(), storeVariable+"="+dir, "TMPDIR="+t.TempDir())
	var out strings.Builder
	child.Stdout, child.Stderr = &out, &out
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	if err := child.Process.Kill(); err != nil {
		t.Fatalf("ended by itself: %v\n%s", err, out.String())
	}
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Fatalf("ended by itself: %v\n%s", err, out.String())
	}
}

// workUntilKilled makes and removes things over and over.
func workUntilKilled(t *testing.T, d volume.Driver) {
	t.Helper()
	ctx := t.Context()
	for i := 0; ; i++ {
		old, v, s, c := fmt.Sprintf("c%d", i-3), fmt.Sprintf("v%d", i), fmt.Sprintf("s%d", i), fmt.Sprintf("c%d", i)
		if err := writeMany(volumeDir(t, d, v, volume.Options{LimitBytes: limitInLoop})); err != nil {
			t.Fatal(err)
		}
		takeSnapshot(t, d, v, s)
		for _, step := range []error{
			d.Delete(ctx, v),
			d.Create(ctx, c, volume.Options{FromSnapshot: s, LimitBytes: limitInLoop}),
			d.DeleteSnapshot(ctx, s),
		} {
			if step != nil {
				t.Fatal(step)
			}
		}
		if i >= 3 {
			if err := d.Delete(ctx, old); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// complete checks that whatever the store lists is whole, clears it away, and
// returns how many snapshots and clones there were.
func complete(t *testing.T, d volume.Driver, reference string) (checked int) {
	t.Helper()
	found, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	enforces := used(t, d, func() string {
		volumeDir(t, d, "probe", volume.Options{LimitBytes: limitInLoop})
		return "probe"
	}()).LimitBytes != 0
	for _, id := range found.Snapshots {
		clone := "x" + id
		volumeDir(t, d, clone, volume.Options{FromSnapshot: id, LimitBytes: limitInLoop})
		found.Volumes = append(found.Volumes, clone)
	}
	for _, id := range found.Volumes {
		if enforces {
			if u, err := d.Usage(t.Context(), id); err != nil || u.LimitBytes != limitInLoop {
				t.Errorf("volume %s has limit %d, %v; want %d", id, u.LimitBytes, err, limitInLoop)
			}
		}
		if strings.HasPrefix(id, "v") {
			continue // killed while it wrote there
		}
		checked++
		if diff := cmp.Diff(contents(t, reference), contents(t, mount(t, d, id))); diff != "" {
			t.Errorf("volume %s is not whole (-want +got):\n%s", id, diff)
		}
	}
	for _, id := range append(found.Volumes, "probe") {
		if err := d.Delete(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	for _, id := range found.Snapshots {
		if err := d.DeleteSnapshot(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	lists(t, d, nil, nil)
	return checked
}

// contents is readTree without the times.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := readTree(t, dir)
	for name, line := range tree {
		before, after, _ := strings.Cut(line, " changed ")
		_, after, _ = strings.Cut(after, " ")
		tree[name] = before + " " + after
	}
	delete(tree, ".")
	return tree
}
