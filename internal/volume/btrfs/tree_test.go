package btrfs_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/btrfs"
	"github.com/backlot/backlot/internal/volume/tree"
)

func snapshot(t testing.TB, d volume.Driver, volumeID, id string) (dir string) {
	t.Helper()
	if err := d.Snapshot(t.Context(), volumeID, id); err != nil {
		t.Fatal(err)
	}
	dir, err := d.MountSnapshot(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSnapshotIsReadOnly(t *testing.T) {
	t.Parallel()
	requireHost(t)
	d := open(t, btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()})
	create(t, d, "v1", volume.Options{})
	if err := os.WriteFile(filepath.Join(snapshot(t, d, "v1", "s1"), "f"), nil, 0o600); !errors.Is(err, unix.EROFS) {
		t.Errorf("write to a snapshot: %v, want EROFS", err)
	}
}

// What a disk damages below a snapshot is found, by the path of the file, and never
// exported.
func TestDamagedDisk(t *testing.T) {
	t.Parallel()
	requireHost(t)
	c := btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}
	d := open(t, c)
	v1 := create(t, d, "v1", volume.Options{})
	for name, content := range map[string]string{"before": "whole", "lost": "the bytes that rot", "zlast": "whole, too"} {
		if err := os.WriteFile(filepath.Join(v1, name), bytes.Repeat([]byte(content), 100_000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	manifest := filepath.Join(t.TempDir(), "manifest")
	whole, err := tree.Sum(t.Context(), snapshot(t, d, "v1", "s1"), manifest, nil)
	if err != nil || whole.Unreadable != 0 {
		t.Fatalf("%+v, %v", whole, err)
	}
	closeNow(t, d)
	detached(t, c.Dir)
	rot(t, filepath.Join(c.Dir, "volumes.btrfs"), []byte("the bytes that rot"))

	s1, err := open(t, c).MountSnapshot(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	report, err := tree.Verify(t.Context(), manifest, s1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]tree.Difference{{Path: "lost", Changes: []tree.Change{tree.Unreadable}}}, report.Differences); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	now, err := tree.Sum(t.Context(), s1, filepath.Join(t.TempDir(), "manifest"), nil)
	if err != nil || now.Unreadable != 1 || !cmp.Equal(now.UnreadablePaths, []string{"lost"}) || now.Root == whole.Root {
		t.Errorf("%+v, %v; want one unreadable file", now, err)
	}
	if _, err := tree.Export(t.Context(), s1, nil, io.Discard, nil); !errors.Is(err, unix.EIO) {
		t.Errorf("export: %v, want EIO", err)
	}
}

// rot changes the first of some bytes wherever they are in a file.
func rot(t *testing.T, path string, pattern []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := false
	buf := make([]byte, 1<<20)
	for at := int64(0); ; {
		if at, err = f.Seek(at, unix.SEEK_DATA); err != nil {
			break // no more data
		}
		n, err := f.ReadAt(buf, at)
		if n == 0 {
			t.Fatal(err)
		}
		if i := bytes.Index(buf[:n], pattern); i >= 0 {
			found = true
			if _, err := f.WriteAt([]byte("!"), at+int64(i)); err != nil {
				t.Fatal(err)
			}
		}
		at += int64(n)
	}
	if err := f.Sync(); err != nil || !found {
		t.Fatal("the bytes are not there:", err)
	}
}

// Every record that was fsynced before a snapshot began is in it, whoever else
// writes to the store at the time.
func TestSnapshotHasAllThatWasSynced(t *testing.T) {
	t.Parallel()
	requireHost(t)
	d := open(t, btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()})
	dir := create(t, d, "v1", volume.Options{})
	ctx, stop := context.WithCancel(t.Context())
	var synced [4]atomic.Int64
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for i := range synced {
		wg.Go(func() {
			if err := appendRecords(ctx, filepath.Join(dir, fmt.Sprint(i)), &synced[i]); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range 2 { // and two who never sync, one beside, one in another volume
		dir := create(t, d, fmt.Sprintf("v%d", i+1), volume.Options{})
		wg.Go(func() {
			if err := rewrite(ctx, filepath.Join(dir, "bulk")); err != nil {
				t.Error(err)
			}
		})
	}
	for n := range 12 {
		var before [len(synced)]int64
		for i := range synced {
			enough := synced[i].Load() + 2
			eventually(t, "records are written", func() bool { before[i] = synced[i].Load(); return before[i] >= enough })
		}
		id := fmt.Sprintf("s%d", n)
		frozen := snapshot(t, d, "v1", id)
		for i, least := range before {
			content, err := os.ReadFile(filepath.Join(frozen, fmt.Sprint(i)))
			if err != nil {
				t.Fatal(err)
			}
			if got := int64(len(content) / 8); got < least {
				t.Errorf("snapshot %d: %d records of writer %d, which had synced %d", n, got, i, least)
			}
			for k := 0; k < len(content)/8; k++ {
				if got := binary.LittleEndian.Uint64(content[8*k:]); got != uint64(k) {
					t.Fatalf("snapshot %d: record %d of writer %d is %d", n, k, i, got)
				}
			}
		}
		if err := d.DeleteSnapshot(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
}

// appendRecords writes numbers, each fsynced before the next.
func appendRecords(ctx context.Context, path string, synced *atomic.Int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for n := uint64(0); ctx.Err() == nil; n++ {
		if _, err := f.Write(binary.LittleEndian.AppendUint64(nil, n)); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		synced.Add(1)
	}
	return nil
}

// rewrite dirties 16 MiB over and over.
func rewrite(ctx context.Context, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	block := bytes.Repeat([]byte("dirty"), 1<<18/5)
	for n := int64(0); ctx.Err() == nil; n++ {
		if _, err := f.WriteAt(block, n%64*int64(len(block))); err != nil {
			return err
		}
	}
	return nil
}
