package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume/tree"
)

// Whatever is done to a tree since it was copied, the copy becomes the same again,
// even where files are alike in size and time, as those of an archive are.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(at func(string) string) error{
		"nothing":       func(func(string) string) error { return nil },
		"append":        func(at func(string) string) error { return os.WriteFile(at("a/f"), []byte("more than before"), 0o600) },
		"same length":   func(at func(string) string) error { return os.WriteFile(at("a/f"), []byte("A/F"), 0o600) },
		"new":           func(at func(string) string) error { return os.WriteFile(at("b/new"), []byte("new"), 0o600) },
		"new directory": func(at func(string) string) error { return os.MkdirAll(at("b/new/deep/er"), 0o750) },
		"removed":       func(at func(string) string) error { return os.Remove(at("a/f")) },
		"all removed":   func(at func(string) string) error { return os.RemoveAll(at("a")) },
		"moved":         func(at func(string) string) error { return os.Rename(at("a/f"), at("b/f2")) },
		"moved over":    func(at func(string) string) error { return os.Rename(at("a/f"), at("b/f")) },
		"directory":     func(at func(string) string) error { return os.Rename(at("a"), at("b/a")) },
		"exchanged": func(at func(string) string) error {
			return unix.Renameat2(unix.AT_FDCWD, at("a"), unix.AT_FDCWD, at("b"), unix.RENAME_EXCHANGE)
		},
		"moved around": func(at func(string) string) error {
			return errors.Join(os.Rename(at("a"), at("x")), os.Rename(at("b"), at("a")), os.Rename(at("x"), at("b")))
		},
		"another name":     func(at func(string) string) error { return os.Link(at("a/f"), at("b/z")) },
		"name of many":     func(at func(string) string) error { return os.Remove(at("a/two")) },
		"through one name": func(at func(string) string) error { return os.WriteFile(at("b/one"), []byte("ONE"), 0o600) },
		"mode":             func(at func(string) string) error { return os.Chmod(at("a"), 0o711) },
		"owner":            func(at func(string) string) error { return os.Chown(at("b/f"), 7, 7) },
		"attribute":        func(at func(string) string) error { return unix.Setxattr(at("a/f"), "user.x", []byte("y"), 0) },
		"of the top":       func(at func(string) string) error { return os.Chmod(at("."), 0o700) },
		"directory for file": func(at func(string) string) error {
			return replace(at("a/f"), func(p string) error { return os.Mkdir(p, 0o700) })
		},
		"file for directory": func(at func(string) string) error {
			return replace(at("a"), func(p string) error { return os.WriteFile(p, nil, 0o600) })
		},
		"link for directory": func(at func(string) string) error {
			return replace(at("a"), func(p string) error { return os.Symlink("b", p) })
		},
		"target": func(at func(string) string) error {
			return replace(at("l"), func(p string) error { return os.Symlink("B", p) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if os.Geteuid() != 0 {
				t.Skip("needs root, to keep owners")
			}
			dir, target := t.TempDir(), filepath.Join(t.TempDir(), "copy")
			at := func(name string) string { return filepath.Join(dir, name) }
			for _, name := range []string{"a", "b"} {
				must(t, os.Mkdir(at(name), 0o755))
				must(t, os.WriteFile(at(name+"/f"), []byte(name+"/f"), 0o600))
			}
			must(t, os.WriteFile(at("b/one"), []byte("one"), 0o600))
			must(t, os.Link(at("b/one"), at("a/two")))
			must(t, os.Symlink("a", at("l")))
			for _, name := range []string{"a/f", "b/f"} {
				must(t, os.Chtimes(at(name), time.Time{}, time.Unix(1e9, 0)))
			}
			since := nextTick(t)
			source, err := os.Open(dir)
			must(t, err)
			defer source.Close()
			c := newCopier(false)
			must(t, c.directory(t.Context(), source, target))
			must(t, change(at))
			must(t, c.catchUp(t.Context(), source, target, since))
			if got, want := root(t, target), root(t, dir); got != want {
				t.Error("the copy differs")
			}
		})
	}
}

// nextTick waits until the kernel's clock for files is beyond all that was done so
// far, and tells its time.
func nextTick(t *testing.T) int64 {
	t.Helper()
	start, err := now()
	must(t, err)
	for {
		if n, err := now(); err != nil || n > start {
			must(t, err)
			return n
		}
	}
}

func replace(path string, with func(string) error) error {
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("replace: %w", err)
	}
	return with(path)
}

func root(t *testing.T, dir string) tree.Hash {
	t.Helper()
	s, err := tree.Sum(t.Context(), dir, filepath.Join(t.TempDir(), "manifest"), nil)
	must(t, err)
	return s.Root
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
