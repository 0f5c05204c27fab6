package btrfs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/btrfs"
	"github.com/backlot/backlot/internal/volume/tree"
)

// BenchmarkVolumes shows what a session feels of the verbs: how long a record takes
// to be on the disk while its volume is snapshotted, restored beside it and deleted,
// against the same at rest, whatever the volume holds.
func BenchmarkVolumes(b *testing.B) {
	requireHost(b)
	for _, size := range []int64{100 << 20, 1 << 30, 10 << 30} {
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			dir := b.TempDir()
			if disk, err := volume.DiskOf(dir); err != nil || disk.Free-disk.Reserve < 2*size {
				b.Skipf("needs %d bytes on the disk: %+v, %v", 2*size, disk, err)
			}
			mountDir := b.TempDir()
			d := open(b, btrfs.Config{Dir: dir, MountDir: mountDir})
			home := create(b, d, "v", volume.Options{LimitBytes: 2 * size})
			for i := range size / (10 << 20) {
				writeMixed(b, filepath.Join(home, strconv.FormatInt(i, 10)), 10<<20)
			}
			run(b, "btrfs", "filesystem", "sync", mountDir)
			benchmarkStalls(b, d, home, mountDir)
		})
	}
}

// after is how long after a verb, and after what was deleted has been taken apart
// in the background, a slow record counts as its fault.
const after = time.Second

func benchmarkStalls(b *testing.B, d *btrfs.Driver, home, mountDir string) {
	b.Helper()
	ctx := b.Context()
	cloned := volume.Options{LimitBytes: 64 << 30, FromSnapshot: "s"}
	verbs := []struct {
		name string
		call func() error
	}{
		{"at rest", func() error { return nil }},
		{"snapshot", func() error { return d.Snapshot(ctx, "v", "s") }},
		{"restore", func() error { return d.Create(ctx, "clone", cloned) }},
		{"delete", func() error { return d.Delete(ctx, "clone") }},
		{"delete snapshot", func() error { return d.DeleteSnapshot(ctx, "s") }},
	}
	w := startWriter(b, filepath.Join(home, "records"))
	spent, felt := make([][]time.Duration, len(verbs)), make([][]time.Duration, len(verbs))
	for b.Loop() {
		for i, verb := range verbs {
			start := time.Now()
			if err := verb.call(); err != nil {
				b.Fatal(err)
			}
			spent[i] = append(spent[i], time.Since(start))
			if strings.HasPrefix(verb.name, "delete") {
				run(b, "btrfs", "filesystem", "sync", mountDir) // or that begins half a minute later
				run(b, "btrfs", "subvolume", "sync", "-s", "1", mountDir)
			}
			time.Sleep(after) // what is measured: how records fare meanwhile
			felt[i] = append(felt[i], w.since(start)...)
		}
	}
	w.stop()
	var table strings.Builder
	fmt.Fprintf(&table, "\n| %-15s | verb p50 ms | max ms | record p50 ms | p99 ms | max ms | records |\n", "")
	for i, verb := range verbs {
		fmt.Fprintf(&table, "| %-15s | %11.1f | %6.1f | %13.1f | %6.1f | %6.1f | %7d |\n", verb.name, ms(spent[i], 0.5), ms(spent[i], 1),
			ms(felt[i], 0.5), ms(felt[i], 0.99), ms(felt[i], 1), len(felt[i]))
		name := strings.ReplaceAll(verb.name, " ", "-")
		b.ReportMetric(ms(spent[i], 0.5), name+"-ms")
		b.ReportMetric(ms(felt[i], 1), name+"-stall-ms")
	}
	b.Log(table.String())
}

func ms(all []time.Duration, quantile float64) float64 {
	slices.Sort(all)
	return all[min(int(float64(len(all))*quantile), len(all)-1)].Seconds() * 1000
}

// writer appends records of 4 KiB, each fsynced before the next.
type writer struct {
	stop    func()
	mu      sync.Mutex
	records []written
}

type written struct {
	start time.Time
	took  time.Duration
}

func startWriter(b *testing.B, path string) *writer {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	w := &writer{stop: func() { cancel(); wg.Wait() }}
	wg.Go(func() {
		defer f.Close()
		for record := make([]byte, 4096); ctx.Err() == nil; {
			start := time.Now()
			_, err := f.Write(record)
			if err == nil {
				err = f.Sync()
			}
			if err != nil {
				b.Error(err)
				return
			}
			w.mu.Lock()
			w.records = append(w.records, written{start, time.Since(start)})
			w.mu.Unlock()
			time.Sleep(2 * time.Millisecond) // a program that saves, not one that measures the disk
		}
	})
	b.Cleanup(w.stop)
	return w
}

// since returns how long the records took that ended after a time.
func (w *writer) since(start time.Time) (all []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range slices.Backward(w.records) {
		if r.start.Add(r.took).Before(start) {
			break
		}
		all = append(all, r.took)
	}
	return all
}

// BenchmarkTree shows how fast a snapshot of large and of small files is summed up,
// verified, exported and imported, against cp and sha256sum of the same files, all
// read from the disk.
func BenchmarkTree(b *testing.B) {
	requireHost(b)
	dir, out := b.TempDir(), b.TempDir()
	d := open(b, btrfs.Config{Dir: dir, MountDir: b.TempDir()})
	home := create(b, d, "v", volume.Options{})
	for i := range 32 {
		writeMixed(b, filepath.Join(home, fmt.Sprintf("large%d", i)), 16<<20)
	}
	for i := range 16384 {
		writeMixed(b, filepath.Join(home, fmt.Sprintf("d%d", i%128), fmt.Sprintf("small%d", i)), 16<<10)
	}
	s := snapshot(b, d, "v", "s")
	ctx, manifest, archive := b.Context(), filepath.Join(out, "manifest"), filepath.Join(out, "archive")
	total, err := tree.Sum(ctx, s, manifest, nil)
	if err != nil {
		b.Fatal(err)
	}
	number := 0
	steps := []struct {
		name, against string
		call          func() error
	}{
		{"sha256sum", "", func() error {
			return exec.CommandContext(ctx, "sh", "-c", `find "$0" -type f -print0 | xargs -0 sha256sum >/dev/null`, s).Run()
		}},
		{"sum", "sha256sum", func() error { _, err := tree.Sum(ctx, s, manifest, nil); return err }},
		{"verify", "sha256sum", func() error {
			r, err := tree.Verify(ctx, manifest, s, nil)
			if r.Count != 0 {
				b.Error(r.Differences)
			}
			return err
		}},
		{"cp", "", func() error {
			return exec.CommandContext(ctx, "sh", "-c", `cp -a --reflink=never "$0" "$1" && sync -f "$1"`, s, create(b, d, fmt.Sprintf("cp%d", number), volume.Options{})).Run()
		}},
		{"export", "cp", func() error { return exportTo(ctx, s, archive) }},
		{"import", "cp", func() error {
			f, err := os.Open(archive)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = tree.Import(ctx, f, func(tree.Meta) (string, error) {
				return create(b, d, fmt.Sprintf("import%d", number), volume.Options{}), nil
			}, nil)
			return err
		}},
	}
	spent := map[string][]time.Duration{}
	for b.Loop() {
		number++
		for _, step := range steps {
			forget(b, s, archive)
			start := time.Now()
			if err := step.call(); err != nil {
				b.Fatal(step.name, err)
			}
			spent[step.name] = append(spent[step.name], time.Since(start))
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "\n| %-9s | MiB/s | of it |\n", "")
	for _, step := range steps {
		took, ratio := ms(spent[step.name], 0.5), ""
		if step.against != "" {
			ratio = fmt.Sprintf("%.2f of %s", ms(spent[step.against], 0.5)/took, step.against)
			b.ReportMetric(ms(spent[step.against], 0.5)/took, step.name+"/"+step.against)
		}
		fmt.Fprintf(&table, "| %-9s | %5.0f | %s |\n", step.name, float64(total.Bytes)/(1<<20)/took*1000, ratio)
	}
	if info, err := os.Stat(archive); err == nil {
		fmt.Fprintf(&table, "the archive has %.2f of %d bytes in %d files", float64(info.Size())/float64(total.Bytes), total.Bytes, total.Files)
	}
	b.Log(table.String())
}

func exportTo(ctx context.Context, dir, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := tree.Export(ctx, dir, nil, f, nil); err != nil {
		return err
	}
	return f.Sync()
}

// forget drops files from the page cache.
func forget(b *testing.B, roots ...string) {
	b.Helper()
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // the archive, the first time
				return nil
			}
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// writeMixed writes a file that compresses to about half, as most do.
func writeMixed(b *testing.B, path string, size int64) {
	b.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.NewChaCha8(sha256.Sum256([]byte(filepath.Base(path)))) // the same in each run
	text := bytes.Repeat([]byte("of what compresses well "), 1<<10/24+1)
	for left := size; left > 0 && err == nil; left -= 2 << 10 {
		if _, err = io.CopyN(f, random, 1<<10); err == nil {
			_, err = f.Write(text[:1<<10])
		}
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
}
