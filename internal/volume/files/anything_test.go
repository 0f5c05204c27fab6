package files

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// Any number of changes one after the other, to files that are all of one size and
// of one time, so that nothing but what they hold tells them apart.
func TestCatchUpAfterAnything(t *testing.T) {
	t.Parallel()
	path := rapid.StringMatching(`[ab](/[ab]){0,2}`)
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		source, target := filepath.Join(dir, "source"), filepath.Join(dir, "copy")
		must(t, os.Mkdir(source, 0o700))
		written := byte(0)
		write := func(path string) error {
			written++
			return os.WriteFile(path, []byte{written}, 0o600)
		}
		for _, name := range []string{"a/a", "a/b", "b/a", "b/b"} {
			name = filepath.Join(source, name)
			must(t, os.MkdirAll(name, 0o700))
			must(t, write(name+"/a"))
			must(t, write(name+"/b"))
		}
		must(t, os.Link(filepath.Join(source, "b/a/a"), filepath.Join(source, "a/a/c")))
		change := func(label string) {
			for range rapid.IntRange(0, 8).Draw(rt, label) {
				from, to := filepath.Join(source, path.Draw(rt, "from")), filepath.Join(source, path.Draw(rt, "to"))
				// What cannot be done in the tree as it is changes nothing.
				switch rapid.SampledFrom([]string{"write", "mkdir", "move", "exchange", "link", "remove"}).Draw(rt, "change") {
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
		}
		change("before")
		must(t, filepath.WalkDir(source, func(path string, _ os.DirEntry, err error) error {
			times := []unix.Timespec{{Sec: 1e9}, {Sec: 1e9}}
			return errors.Join(err, unix.UtimesNano(path, times))
		}))
		since := nextTick(t)
		top, err := os.Open(source)
		must(t, err)
		defer top.Close()
		c := newCopier(false)
		must(t, c.directory(t.Context(), top, target))
		change("after")
		must(t, c.catchUp(t.Context(), top, target, since))
		if root(t, target) != root(t, source) {
			rt.Fatal("the copy differs")
		}
	})
}
