package volumetest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

const mib = 1 << 20

// fill writes zeros to a new file until it has size bytes or the volume is full,
// and returns how many got to the disk.
func fill(t *testing.T, dir, name string, size int) int {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	written := 0
	for err == nil && written < size {
		var n int
		n, err = f.Write(make([]byte, min(mib, size-written)))
		written += n
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return written
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		t.Fatal(err)
	}
	return written
}

// used syncs the file system, so that it has counted, and returns the usage.
func used(t *testing.T, d volume.Driver, id string) volume.Usage {
	t.Helper()
	f, err := os.Open(mount(t, d, id))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		t.Fatal(err)
	}
	u, err := d.Usage(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// enforced skips the test when the driver has no limits.
func enforced(t *testing.T, d volume.Driver, id string, limitBytes int64) {
	t.Helper()
	switch got := used(t, d, id).LimitBytes; got {
	case limitBytes:
	case 0:
		t.Skip("this driver does not enforce limits, and says so")
	default:
		t.Fatalf("limit %d, want %d, or 0 from a driver that enforces none", got, limitBytes)
	}
}

// between checks a number of bytes.
func between(t *testing.T, what string, got, least, most int64) {
	t.Helper()
	if got < least || got > most {
		t.Errorf("%s: %d bytes, want %d to %d", what, got, least, most)
	}
}

func usage(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	dir := volumeDir(t, d, "v1", volume.Options{})
	empty := used(t, d, "v1")
	between(t, "empty", empty.UsedBytes, 0, mib)
	if empty.LimitBytes != 0 {
		t.Errorf("limit %d of a volume that has none", empty.LimitBytes)
	}
	fill(t, dir, "four", 4*mib)
	between(t, "with 4 MiB", used(t, d, "v1").UsedBytes, 4*mib, 5*mib)

	takeSnapshot(t, d, "v1", "s1")
	between(t, "after a snapshot", used(t, d, "v1").UsedBytes, 4*mib, 5*mib)
	fill(t, volumeDir(t, d, "v2", volume.Options{FromSnapshot: "s1"}), "two", 2*mib)
	between(t, "clone with what it shares", used(t, d, "v2").UsedBytes, 6*mib, 7*mib)
	between(t, "with a grown clone", used(t, d, "v1").UsedBytes, 4*mib, 5*mib)
}

func limit(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	const limit = 32 * mib
	dir := volumeDir(t, d, "v1", volume.Options{LimitBytes: limit})
	enforced(t, d, "v1", limit)
	between(t, "written", int64(fill(t, dir, "big", 2*limit)), limit-4*mib, limit)
	between(t, "used", used(t, d, "v1").UsedBytes, limit-4*mib, limit)

	// A full volume can be tidied up, and then takes something again.
	if err := os.Remove(filepath.Join(dir, "big")); err != nil {
		t.Fatal(err)
	}
	used(t, d, "v1")
	between(t, "written after tidying up", int64(fill(t, dir, "small", 8*mib)), 8*mib, 8*mib)

	// What others hold does not count.
	other := volumeDir(t, d, "v2", volume.Options{LimitBytes: limit})
	between(t, "written beside", int64(fill(t, other, "big", 2*limit)), limit-4*mib, limit)
}

func limitOfClone(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	const limit = 32 * mib
	dir := volumeDir(t, d, "v1", volume.Options{LimitBytes: limit})
	enforced(t, d, "v1", limit)
	fill(t, dir, "eight", 8*mib)
	takeSnapshot(t, d, "v1", "s1")
	for _, c := range []struct {
		id                     string
		limit                  int64
		ask, fitLeast, fitMost int
	}{
		{"smaller", 16 * mib, 16 * mib, 4 * mib, 8 * mib},
		{"larger", 64 * mib, 48 * mib, 48 * mib, 48 * mib},
		{"unlimited", 0, 64 * mib, 64 * mib, 64 * mib},
		{"toosmall", 4 * mib, 4 * mib, 0, 0},
	} {
		dir := volumeDir(t, d, c.id, volume.Options{FromSnapshot: "s1", LimitBytes: c.limit})
		if got := used(t, d, c.id).LimitBytes; got != c.limit {
			t.Errorf("%s: limit %d, want %d", c.id, got, c.limit)
		}
		if c.id == "toosmall" {
			if _, err := os.Create(filepath.Join(dir, "more")); err == nil {
				between(t, c.id, int64(fill(t, dir, "more", c.ask)), 0, 0)
			}
			continue
		}
		between(t, c.id, int64(fill(t, dir, "more", c.ask)), int64(c.fitLeast), int64(c.fitMost))
	}
	// The snapshot and what it was taken from have not moved.
	if got := used(t, d, "v1").LimitBytes; got != limit {
		t.Errorf("limit %d after cloning, want %d", got, limit)
	}
	between(t, "written to the original", int64(fill(t, dir, "more", limit)), limit-12*mib, limit-8*mib)
}

// anotherLimit is given to a volume that has one, and to one that has none.
func anotherLimit(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	limiter, ok := d.(volume.Limiter)
	if !ok {
		t.Skip("this driver cannot change limits")
	}
	for id, first := range map[string]int64{"v1": 8 * mib, "v2": 0} {
		dir := volumeDir(t, d, id, volume.Options{LimitBytes: first})
		for i, limit := range []int64{4 * mib, 64 * mib, 0} {
			if err := limiter.Limit(t.Context(), id, limit); err != nil {
				t.Fatal(err)
			}
			enforced(t, d, id, limit)
			if got := fill(t, dir, "f", 32*mib); (got < 32*mib) != (i == 0) {
				t.Errorf("%s took %d bytes with a limit of %d", id, got, limit)
			}
		}
	}
	if err := limiter.Limit(t.Context(), "nothing", mib); !errors.Is(err, volume.ErrNotFound) {
		t.Error(err)
	}
	for _, err := range []error{limiter.Limit(t.Context(), "v1", -1), limiter.Limit(t.Context(), "../v1", mib)} {
		if !volume.IsPermanent(err) {
			t.Error(err)
		}
	}
}
