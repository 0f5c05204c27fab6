package btrfs_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/btrfs"
)

// BenchmarkVerbs shows that no verb's time depends on what a volume holds.
func BenchmarkVerbs(b *testing.B) {
	requireHost(b)
	for _, c := range []struct {
		name string
		mib  int
	}{{"1MiB", 1}, {"2GiB", 2048}} {
		b.Run(c.name, func(b *testing.B) {
			if testing.Short() && c.mib > 1 {
				b.Skip("short")
			}
			mountDir := b.TempDir()
			d := open(b, btrfs.Config{Dir: b.TempDir(), MountDir: mountDir})
			dir := create(b, d, "v", volume.Options{})
			for i := range c.mib {
				fill(b, filepath.Join(dir, strconv.Itoa(i)), 1<<20)
			}
			benchmarkVerbs(b, d, mountDir)
		})
	}
}

// benchmarkVerbs reports the median of each verb, in milliseconds.
func benchmarkVerbs(b *testing.B, d *btrfs.Driver, mountDir string) {
	b.Helper()
	ctx := b.Context()
	limited := volume.Options{LimitBytes: 8 << 30}
	cloned := volume.Options{LimitBytes: 8 << 30, FromSnapshot: "s"}
	verbs := []struct {
		name string
		call func() error
	}{
		{"create", func() error { return d.Create(ctx, "empty", limited) }},
		{"snapshot", func() error { return d.Snapshot(ctx, "v", "s") }},
		{"clone", func() error { return d.Create(ctx, "clone", cloned) }},
		{"delete", func() error { return d.Delete(ctx, "clone") }},
		{"delete-snapshot", func() error { return d.DeleteSnapshot(ctx, "s") }},
		{"delete-empty", func() error { return d.Delete(ctx, "empty") }},
	}
	spent := make([][]time.Duration, len(verbs))
	for b.Loop() {
		for i, verb := range verbs {
			start := time.Now()
			if err := verb.call(); err != nil {
				b.Fatal(err)
			}
			spent[i] = append(spent[i], time.Since(start))
		}
		// What was deleted is taken apart in the background; that is not measured.
		b.StopTimer()
		run(b, "btrfs", "filesystem", "sync", mountDir)
		run(b, "btrfs", "subvolume", "sync", "-s", "1", mountDir)
		b.StartTimer()
	}
	for i, verb := range verbs {
		slices.Sort(spent[i])
		b.ReportMetric(spent[i][len(spent[i])/2].Seconds()*1000, verb.name+"-ms")
	}
}
