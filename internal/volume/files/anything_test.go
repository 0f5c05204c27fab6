package files

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// Any number of changes one after the other, to files that are all of one size and
// of one time, so that nothing but what they hold tells them apart.
func TestCatchUpAfterAnything(t *testing.T) {
	t.Parallel()
	onBoth(t, anything)
}

func anything(t *testing.T, disk string, reflink bool) {
	path := rapid.StringMatching(`[ab](/[ab]){0,2}`)
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(disk, "") //nolint:usetesting // on that disk
		must(rt, err)
		source, target := filepath.Join(dir, "source"), filepath.Join(dir, "copy")
		must(rt, os.Mkdir(source, 0o700))
		written := byte(0)
		write := func(path string) error {
			written++
			return os.WriteFile(path, []byte{written}, 0o600)
		}
		for _, name := range []string{"a/a", "a/b", "b/a", "b/b"} {
			name = filepath.Join(source, name)
			must(rt, os.MkdirAll(name, 0o700))
			must(rt, write(name+"/a"))
			must(rt, write(name+"/b"))
		}
		must(rt, os.Link(filepath.Join(source, "b/a/a"), filepath.Join(source, "a/a/c")))
		change := func(label string) {
			for range rapid.IntRange(0, 8).Draw(rt, label) {
				from, to := filepath.Join(source, path.Draw(rt, "from")), filepath.Join(source, path.Draw(rt, "to"))
				alter(rapid.SampledFrom(alterations).Draw(rt, "change"), from, to, write)
			}
		}
		change("before")
		must(rt, filepath.WalkDir(source, func(path string, _ os.DirEntry, err error) error {
			times := []unix.Timespec{{Sec: 1e9}, {Sec: 1e9}}
			return errors.Join(err, unix.UtimesNano(path, times))
		}))
		nextTick(rt, dir)
		top, err := os.Open(source)
		must(rt, err)
		defer top.Close()
		c := newCopier(reflink)
		since, err := c.top(rt.Context(), top, target)
		must(rt, err)
		change("after")
		must(rt, c.catchUp(rt.Context(), top, target, since))
		if root(rt, target) != root(rt, source) {
			rt.Fatal("the copy differs")
		}
	})
}

var alterations = []string{"write", "mkdir", "move", "exchange", "link", "remove"}

// alter changes a tree, or does not, where that cannot be done in the tree as it is.
func alter(how, from, to string, write func(path string) error) {
	switch how {
	case "write":
		_ = write(from)
	case "mkdir":
		_ = os.Mkdir(from, 0o700)
	case "move":
		_ = os.Rename(from, to)
	case "exchange":
		_ = unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_EXCHANGE)
	case "link":
		_ = os.Link(from, to)
	case "remove":
		_ = os.RemoveAll(from)
	}
}

// A tree that changes all the time while it is copied, and stands still only in the
// last round.
func TestCatchUpWithABusyTree(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, disk string, reflink bool) {
		for i := range 40 {
			dir, err := os.MkdirTemp(disk, "") //nolint:usetesting // on that disk
			must(t, err)
			busy(t, dir, reflink, uint64(i))
		}
	})
}

func busy(t *testing.T, dir string, reflink bool, seed uint64) {
	source, target := filepath.Join(dir, "source"), filepath.Join(dir, "copy")
	must(t, os.Mkdir(source, 0o700))
	random := rand.New(rand.NewPCG(seed, 0))
	written := byte(0)
	write := func(path string) error {
		written++
		return os.WriteFile(path, []byte{written}, 0o600)
	}
	some := func() string {
		path := source
		for range 1 + random.IntN(3) {
			path = filepath.Join(path, string("abcd"[random.IntN(4)]))
		}
		return path
	}
	for range 200 {
		alter([]string{"write", "mkdir", "link"}[random.IntN(3)], some(), some(), write)
	}
	during := func(work func()) {
		var wg sync.WaitGroup
		done := make(chan struct{})
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					alter(alterations[random.IntN(len(alterations))], some(), some(), write)
				}
			}
		})
		work()
		close(done)
		wg.Wait()
	}
	top, err := os.Open(source)
	must(t, err)
	defer top.Close()
	c := newCopier(reflink)
	var since int64
	during(func() { since, err = c.top(t.Context(), top, target) })
	must(t, err)
	for range rounds - 1 {
		during(func() { since, _, err = c.round(t.Context(), top, target, since, false) })
		must(t, err)
	}
	nextTick(t, dir)
	_, _, err = c.round(t.Context(), top, target, since, true)
	must(t, err)
	if root(t, target) != root(t, source) {
		t.Fatalf("%d: the copy differs", seed)
	}
}
