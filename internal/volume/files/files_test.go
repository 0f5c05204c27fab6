package files_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/testkit"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/files"
	"github.com/backlot/backlot/internal/volume/volumetest"
)

func open(t *testing.T, dir string) *files.Driver {
	t.Helper()
	d, err := files.Open(files.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestMain(m *testing.M) { os.Exit(volumetest.Main(m)) }

func TestPlain(t *testing.T) {
	t.Parallel()
	volumetest.Run(t, func(t *testing.T, dir string) volume.Driver { t.Helper(); return open(t, dir) })
}

func TestOpenSweeps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := open(t, dir)
	left := filepath.Join(dir, "temp", "left")
	if err := os.MkdirAll(filepath.Join(left, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	// What it is may be a copy that the other is making.
	beside := open(t, dir)
	if _, err := os.Lstat(left); err != nil {
		t.Error(err)
	}
	if err := errors.Join(other.Close(), beside.Close()); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Lstat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v, want that it is gone", left, err)
	}
}

// A disk that the kernel has stopped writing to says so.
func TestStoppedStore(t *testing.T) {
	t.Parallel()
	if !volumetest.MountsArePrivate() {
		t.Skip("needs root, to mount")
	}
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=3m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Unmount(t, disk) })
	d := open(t, disk)
	if err := d.Create(t.Context(), "v1", volume.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	_, freeErr := d.Free(t.Context())
	for verb, err := range map[string]error{
		"Create":   d.Create(t.Context(), "v2", volume.Options{}),
		"Snapshot": d.Snapshot(t.Context(), "v1", "s1"),
		"Delete":   d.Delete(t.Context(), "v1"),
		"Free":     freeErr,
	} {
		if !errors.Is(err, volume.ErrReadOnly) {
			t.Errorf("%s: %v, want ErrReadOnly", verb, err)
		}
	}
}

func TestFullStore(t *testing.T) {
	t.Parallel()
	if !volumetest.MountsArePrivate() {
		t.Skip("needs root, to mount")
	}
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=3m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Unmount(t, disk) })
	d := open(t, disk)
	if err := d.Create(t.Context(), "v1", volume.Options{}); err != nil {
		t.Fatal(err)
	}
	dir, err := d.Mount(t.Context(), "v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := d.Free(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Snapshot(t.Context(), "v1", "s1"); !errors.Is(err, volume.ErrNoCapacity) {
		t.Errorf("Snapshot on a full disk: %v, want ErrNoCapacity", err)
	}
	// A process started by another test holds copies of open files until its exec,
	// and with them the room of what is deleted.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		after, err := d.Free(t.Context())
		if err == nil && after == before {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("Free = %d, %v; %d before the snapshot that failed", after, err, before)
		}
	}
	if i, err := d.List(t.Context()); err != nil || len(i.Snapshots) != 0 {
		t.Errorf("List = %v, %v; want no snapshot", i, err)
	}
}
