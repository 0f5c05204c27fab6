package store_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/testkit"
)

// ext4 makes a file system of that size in a file and mounts it.
func ext4(t *testing.T, file string, mib int) (dir string, unmount func()) {
	t.Helper()
	dir = t.TempDir()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(int64(mib)<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) error {
		if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", name, err, out)
		}
		return nil
	}
	if err := run("mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard", file); err != nil {
		t.Skip("needs mkfs.ext4: ", err)
	}
	if err := run("mount", "-o", "loop", file, dir); err != nil {
		t.Skip("needs the right to mount a file: ", err)
	}
	mounted := true
	unmount = func() {
		if mounted {
			mounted = false
			testkit.Unmount(t, dir)
		}
	}
	t.Cleanup(unmount)
	return dir, unmount
}

func fill(t *testing.T, dir string) (makeRoom func()) {
	t.Helper()
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(f, zeroes{})
	wantErr(t, err, unix.ENOSPC)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLittleRoom stops and deletes what there is although the disk is full, until
// even the room that is kept for that is used up.
func TestLittleRoom(t *testing.T) {
	t.Parallel()
	dir, _ := ext4(t, filepath.Join(t.TempDir(), "disk"), 24)
	s := openSQLite(t, filepath.Join(dir, "store.db"))
	var sessions []*thing
	for i := range 150 {
		n := newThing(fmt.Sprintf("session %03d", i))
		n.Note = strings.Repeat("x", 1000)
		sessions = append(sessions, n)
		write(t, s, n)
	}
	makeRoom := fill(t, dir)
	for i, n := range sessions {
		n.Note = "stops"
		backup := newThing(fmt.Sprintf("backup %03d", i))
		backup.Kind, backup.Note = "backups", strings.Repeat("y", 300)
		if err := save(t.Context(), s, n, backup); err != nil {
			t.Fatalf("stop %d on a full disk: %v", i, err)
		}
	}
	if len(list(t, s, studio.Query{})) != 150 {
		t.Error("reading does not need room")
	}
	var err error
	made := 0
	for ; made < 10000 && err == nil; made++ {
		n := newThing(fmt.Sprintf("more %05d", made))
		n.Note = strings.Repeat("x", 10000)
		err = save(t.Context(), s, n)
	}
	wantErr(t, err, store.ErrFull)
	if ids := list(t, s, studio.Query{}); len(ids) != 150+made-1 {
		t.Errorf("%d are there, made 150 and %d", len(ids), made-1)
	}
	for range 3 {
		wantErr(t, save(t.Context(), s, &thing{Cols: studio.Row{ID: "large", CreatedAt: start}, Note: strings.Repeat("x", 1<<20)}), store.ErrFull)
	}
	makeRoom()
	for i := range 200 {
		write(t, s, newThing(fmt.Sprint("after ", i)))
	}
	if ids := list(t, s, studio.Query{}); len(ids) != 150+made-1+200 {
		t.Errorf("%d are there", len(ids))
	}
}

// TestDiskFails has a disk that takes writes and cannot keep them: its own is full.
// What was acknowledged is there once the disk works again.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	under := t.TempDir()
	if err := unix.Mount("backlot-test", under, "tmpfs", 0, "size=8m"); err != nil {
		t.Skip("needs the right to mount a small tmpfs: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(under, unix.MNT_DETACH) })
	dir, unmount := ext4(t, filepath.Join(under, "disk"), 64)
	path := filepath.Join(dir, "store.db")
	s, err := store.Open(t.Context(), config(t, path))
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for err == nil && acknowledged < 100_000 {
		a, b := newThing(fmt.Sprintf("a%05d", acknowledged)), newThing(fmt.Sprintf("b%05d", acknowledged))
		a.Note = strings.Repeat("x", 20000)
		if err = save(t.Context(), s, a, b); err == nil {
			acknowledged++
		}
	}
	wantErr(t, err, store.ErrDisk)
	if e, ok := errors.AsType[*studio.Error](err); !ok || e.Code != "STORE_DISK" {
		t.Errorf("error %v", err)
	}
	_ = s.Close() // it cannot write
	if err := unix.Mount("", under, "", unix.MS_REMOUNT, "size=100m"); err != nil {
		t.Fatal(err)
	}
	unmount()
	if out, err := exec.CommandContext(t.Context(), "mount", "-o", "loop", filepath.Join(under, "disk"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { testkit.Unmount(t, dir) })
	again, err := store.Open(t.Context(), config(t, path))
	if err != nil {
		t.Fatal(err)
	}
	ids := list(t, again, studio.Query{})
	if n := len(ids); n != 2*acknowledged && n != 2*acknowledged+2 {
		t.Errorf("%d acknowledged, %d nouns found", acknowledged, n)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
