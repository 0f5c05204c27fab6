package volumetest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backlot/backlot/internal/volume"
)

// Opener opens a driver on the store in dir, which exists and is empty the first
// time. Opening the same dir again is what a restarted server does, while the
// driver from before may still be there. Opener closes the driver by t.Cleanup.
type Opener func(t *testing.T, dir string) volume.Driver

// Run checks every behaviour of the driver that open opens. It must be called by a
// top-level test.
func Run(t *testing.T, open Opener) {
	t.Helper()
	for name, behaviour := range map[string]func(*testing.T, Opener){
		"create":              create,
		"snapshot":            snapshot,
		"clone":               clone,
		"mount of a snapshot": mountSnapshot,
		"delete":              remove,
		"not found":           notFound,
		"invalid":             invalid,
		"list":                list,
		"free":                free,
		"usage":               usage,
		"limit":               limit,
		"tend":                tend,
		"another limit":       anotherLimit,
		"limit of a clone":    limitOfClone,
		"faithful":            faithful,
		"sparse":              sparse,
		"independent":         independent,
		"running writer":      runningWriter,
		"same id at once":     sameIDAtOnce,
		"lives at once":       livesAtOnce,
		"restart":             restart,
		"cancelled before":    cancelledBefore,
		"cancelled midway":    cancelledMidway,
		killed:                killedMidway,
		"delete while in use": removeWhileInUse,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			behaviour(t, open)
		})
	}
}

// volumeDir creates a volume and returns its directory.
func volumeDir(t *testing.T, d volume.Driver, id string, o volume.Options) string {
	t.Helper()
	if err := d.Create(t.Context(), id, o); err != nil {
		t.Fatal(err)
	}
	return mount(t, d, id)
}

func mount(t *testing.T, d volume.Driver, id string) string {
	t.Helper()
	dir, err := d.Mount(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func snapshotDir(t *testing.T, d volume.Driver, id string) string {
	t.Helper()
	dir, err := d.MountSnapshot(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func takeSnapshot(t *testing.T, d volume.Driver, volumeID, snapshotID string) {
	t.Helper()
	if err := d.Snapshot(t.Context(), volumeID, snapshotID); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// holds checks that a file of a volume has the content; empty: that it is not there.
func holds(t *testing.T, dir, name, content string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, name))
	if content == "" && errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil || string(got) != content {
		t.Errorf("%s holds %q, %v; want %q", name, got, err, content)
	}
}

// lists checks what the store holds.
func lists(t *testing.T, d volume.Driver, volumes, snapshots []string) {
	t.Helper()
	got, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := volume.Inventory{Volumes: volumes, Snapshots: snapshots}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
}
