package files

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/tree"
	"github.com/backlot/backlot/internal/volume/volumetest"
)

// Whatever is done to a tree since it was copied, the copy becomes the same again,
// even where files are alike in size and time, as those of an archive are.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	changes := map[string]func(at func(string) string) error{
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
		"another name":      func(at func(string) string) error { return os.Link(at("a/f"), at("b/z")) },
		"name of many":      func(at func(string) string) error { return os.Remove(at("a/two")) },
		"through one name":  func(at func(string) string) error { return os.WriteFile(at("b/one"), []byte("ONE"), 0o600) },
		"mode":              func(at func(string) string) error { return os.Chmod(at("a"), 0o711) },
		"owner":             func(at func(string) string) error { return os.Chown(at("b/f"), 7, 7) },
		"attribute":         func(at func(string) string) error { return unix.Setxattr(at("a/f"), "user.x", []byte("y"), 0) },
		"attribute removed": func(at func(string) string) error { return unix.Removexattr(at("b"), "user.x") },
		"under inherited rights": func(at func(string) string) error {
			return os.WriteFile(at("b/f"), []byte("B/F"), 0o600)
		},
		"exchanged files": func(at func(string) string) error {
			return unix.Renameat2(unix.AT_FDCWD, at("a/f"), unix.AT_FDCWD, at("b/f"), unix.RENAME_EXCHANGE)
		},
		"of the top": func(at func(string) string) error { return os.Chmod(at("."), 0o700) },
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
	}
	onBoth(t, func(t *testing.T, disk string, reflink bool) {
		for name, change := range changes {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				dir, err := os.MkdirTemp(disk, "") //nolint:usetesting // on that disk
				must(t, err)
				changed(t, dir, reflink, change)
			})
		}
	})
}

// onBoth runs a test on the disk that is there, with plain copies, and on XFS.
func onBoth(t *testing.T, test func(t *testing.T, disk string, reflink bool)) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to keep owners")
	}
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		test(t, t.TempDir(), false)
	})
	t.Run("reflink", func(t *testing.T) {
		t.Parallel()
		volumetest.RequireXFS(t)
		disk := t.TempDir()
		volumetest.MountXFS(t, disk, "400M")
		test(t, disk, true)
	})
}

func changed(t *testing.T, disk string, reflink bool, change func(at func(string) string) error) {
	dir, target := filepath.Join(disk, "source"), filepath.Join(disk, "copy")
	must(t, os.Mkdir(dir, 0o755))
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"a", "b"} {
		must(t, os.Mkdir(at(name), 0o755))
		must(t, os.WriteFile(at(name+"/f"), []byte(name+"/f"), 0o600))
	}
	must(t, os.WriteFile(at("b/one"), []byte("one"), 0o600))
	must(t, os.Link(at("b/one"), at("a/two")))
	must(t, os.Symlink("a", at("l")))
	must(t, unix.Setxattr(at("b"), "user.x", []byte("x"), 0))
	must(t, unix.Setxattr(at("b"), "system.posix_acl_default", readableBy(7), 0)) // later than its files
	for _, name := range []string{"a/f", "b/f"} {
		must(t, os.Chtimes(at(name), time.Time{}, time.Unix(1e9, 0)))
	}
	nextTick(t, disk)
	source, err := os.Open(dir)
	must(t, err)
	defer source.Close()
	c := newCopier(reflink)
	since, err := c.top(t.Context(), source, target)
	must(t, err)
	must(t, change(at))
	must(t, c.catchUp(t.Context(), source, target, since))
	if got, want := root(t, target), root(t, dir); got != want {
		t.Error("the copy differs")
	}
}

// nextTick waits until the file system's clock is beyond all that was done so far.
func nextTick(t tb, dir string) {
	t.Helper()
	start, err := now(dir)
	must(t, err)
	for n := start; n <= start; {
		n, err = now(dir)
		must(t, err)
	}
}

// readableBy is an access control list as the kernel takes it: a version, and a tag,
// permissions and an id for each entry.
func readableBy(user uint32) []byte {
	const owner, named, group, mask, other, nobody = 1, 2, 4, 16, 32, 1<<32 - 1
	acl := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, permissions uint16
		id               uint32
	}{{owner, 6, nobody}, {named, 4, user}, {group, 0, nobody}, {mask, 4, nobody}, {other, 0, nobody}} {
		acl = binary.LittleEndian.AppendUint16(acl, e.tag)
		acl = binary.LittleEndian.AppendUint16(acl, e.permissions)
		acl = binary.LittleEndian.AppendUint32(acl, e.id)
	}
	return acl
}

func replace(path string, with func(string) error) error {
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("replace: %w", err)
	}
	return with(path)
}

func root(t tb, dir string) tree.Hash {
	t.Helper()
	s, err := tree.Sum(t.Context(), dir, dir+".manifest", nil)
	must(t, err)
	return s.Root
}

// tb is what rapid's tests have, too.
type tb interface {
	Helper()
	Fatal(args ...any)
	Context() context.Context
}

func must(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCopyOfWhatIsDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "source")
	must(t, os.Mkdir(source, 0o700))
	dir, err := os.Open(source)
	must(t, err)
	defer dir.Close()
	must(t, stillThere(dir, source))
	must(t, os.Rename(source, source+" to be removed"))
	if err := stillThere(dir, source); !errors.Is(err, volume.ErrNotFound) {
		t.Error(err)
	}
	must(t, os.Mkdir(source, 0o700))
	if err := stillThere(dir, source); !errors.Is(err, volume.ErrNotFound) {
		t.Error("another in its place:", err)
	}
}

// Who holds a lease on a file may keep others waiting for 45 seconds.
func TestCopyOfWhatIsLeased(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	f, err := os.Create(filepath.Join(source, "leased"))
	must(t, err)
	defer f.Close()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skip("needs leases:", err)
	}
	began := time.Now()
	err = copyTree(t.Context(), source, filepath.Join(t.TempDir(), "copy"), false)
	if took := time.Since(began); !errors.Is(err, unix.EAGAIN) || took > 20*time.Second {
		t.Errorf("%v after %v, want EAGAIN at once", err, took)
	}
}

// What is gone when the last round looks may have been moved to where it had looked before.
func TestLastRoundRemovesOnlyAtRest(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		began int64
		there bool
	}{
		"at rest": {began: math.MaxInt64, there: false},
		"moving":  {began: 0, there: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, target := t.TempDir(), filepath.Join(t.TempDir(), "copy")
			must(t, os.WriteFile(filepath.Join(source, "f"), nil, 0o600))
			top, err := os.Open(source)
			must(t, err)
			defer top.Close()
			c := newCopier(false)
			since, err := c.top(t.Context(), top, target)
			must(t, err)
			must(t, os.Remove(filepath.Join(source, "f")))
			last := follower{copier: c, since: since, began: want.began, last: true}
			must(t, last.directory(t.Context(), top, target))
			must(t, last.remove())
			if there, err := exists(filepath.Join(target, "f")); there != want.there || err != nil {
				t.Errorf("it is in the copy: %t (%v), want %t", there, err, want.there)
			}
		})
	}
}
