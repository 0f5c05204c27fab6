package tree_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/backlot/backlot/internal/volume/tree"
)

func contextCancelled(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

func TestSumAndLoad(t *testing.T) {
	t.Parallel()
	dir := example(t)
	s, manifest := sum(t, dir)
	if s.Files < 20 || s.Bytes < 70<<20 || s.Unreadable != 0 {
		t.Errorf("%+v", s)
	}
	loaded, err := tree.Load(t.Context(), manifest)
	must(t, err)
	if diff := cmp.Diff(s, loaded); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
	if parsed, err := tree.ParseHash(s.Root.String()); err != nil || parsed != s.Root {
		t.Errorf("ParseHash: %v, %v", parsed, err)
	}
	info, err := os.Stat(manifest)
	must(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("manifest has mode %v", info.Mode())
	}
	// Again, over the one that is there; nothing else is left beside it.
	if again, err := tree.Sum(t.Context(), dir, manifest, nil); err != nil || again.Root != s.Root {
		t.Errorf("again: %v, %v", again.Root, err)
	}
	if left, err := os.ReadDir(filepath.Dir(manifest)); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestSumCancelled(t *testing.T) {
	t.Parallel()
	dir, file := example(t), filepath.Join(t.TempDir(), "manifest")
	ctx, cancel := contextCancelled(t)
	_, err := tree.Sum(ctx, dir, file, func(_, bytes int64) {
		if bytes > 10<<20 { // in the middle of a file
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestVerifyTellsEverything(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(at func(string) string) error
		want   map[string][]tree.Change
	}{
		"nothing": {func(func(string) string) error { return nil }, map[string][]tree.Change{}},
		"contents": {func(at func(string) string) error {
			return overwrite(at("plain"))
		}, map[string][]tree.Change{"a/same as plain": {tree.Contents}}},
		"one bit": {func(at func(string) string) error {
			return flip(at("sparse"), 8<<20)
		}, map[string][]tree.Change{"sparse": {tree.Contents}}},
		"in a hole": {func(at func(string) string) error {
			return flip(at("all hole"), 15<<20)
		}, map[string][]tree.Change{"all hole": {tree.Contents}}},
		"longer": {func(at func(string) string) error {
			return keepTime(at("all hole"), func(p string) error { return os.Truncate(p, 40<<20+1) })
		}, map[string][]tree.Change{"all hole": {tree.Contents}}},
		"missing": {func(at func(string) string) error {
			return keepTime(at("."), func(string) error { return os.Remove(at("link")) })
		}, map[string][]tree.Change{"link": {tree.Missing}}},
		"missing directory": {func(at func(string) string) error {
			return keepTime(at("."), func(string) error { return os.RemoveAll(at("closed")) })
		}, map[string][]tree.Change{"closed": {tree.Missing}, "closed/file": {tree.Missing}}},
		"extra": {func(at func(string) string) error {
			return keepTime(at("work"), func(string) error { return os.Mkdir(at("work/new"), 0o700) })
		}, map[string][]tree.Change{"work/new": {tree.Extra}}},
		"kind": {func(at func(string) string) error {
			return keepTime(at("."), func(string) error {
				return errors.Join(os.Remove(at("pipe")), os.WriteFile(at("pipe"), nil, 0o600))
			})
		}, map[string][]tree.Change{"pipe": {tree.Kind}}},
		"target": {func(at func(string) string) error {
			return keepTime(at("."), func(string) error {
				return keepTime(at("link"), func(p string) error {
					return errors.Join(os.Remove(p), os.Symlink("PLAIN", p), os.Lchown(p, 1000, 4),
						unix.Lsetxattr(p, "trusted.on.link", []byte("y"), 0))
				})
			})
		}, map[string][]tree.Change{"link": {tree.Contents}}},
		"mode": {func(at func(string) string) error {
			return os.Chmod(at("work"), 0o711)
		}, map[string][]tree.Change{"work": {tree.Mode}}},
		"owner": {func(at func(string) string) error {
			return os.Lchown(at("pipe"), 3, 4)
		}, map[string][]tree.Change{"pipe": {tree.Owner}}},
		"time": {func(at func(string) string) error {
			return os.Chtimes(at("."), time.Time{}, time.Unix(1, 0))
		}, map[string][]tree.Change{".": {tree.Modified}}},
		"attributes": {func(at func(string) string) error {
			return unix.Lsetxattr(at("upper/home"), "trusted.overlay.opaque", []byte("x"), 0)
		}, map[string][]tree.Change{"upper/home": {tree.Attributes}}},
		"access list": {func(at func(string) string) error {
			return unix.Lremovexattr(at("a"), "system.posix_acl_default")
		}, map[string][]tree.Change{"a": {tree.Attributes}}},
		"unlinked": {func(at func(string) string) error {
			return keepTime(at("upper"), func(string) error {
				return keepTime(at("upper/also plain"), func(p string) error {
					return errors.Join(os.Remove(p), os.WriteFile(p, []byte("content"), 0o600))
				})
			})
		}, map[string][]tree.Change{"upper/also plain": {tree.Kind}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := example(t)
			want, manifest := sum(t, dir)
			must(t, c.change(func(name string) string { return filepath.Join(dir, name) }))
			r := verify(t, manifest, dir)
			got := map[string][]tree.Change{}
			for _, d := range r.Differences {
				got[d.Path] = d.Changes
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
			if r.Want.Root != want.Root || (r.Found.Root == want.Root) != (len(c.want) == 0) || r.Count != int64(len(c.want)) {
				t.Errorf("%d differences, want root %s, found %s", r.Count, r.Want.Root, r.Found.Root)
			}
		})
	}
}

// keepTime changes a file and sets its time back.
func keepTime(path string, change func(string) error) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	if err := change(path); err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{st.Mtim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

func overwrite(path string) error {
	return keepTime(path, func(p string) error { return os.WriteFile(p, []byte("CONTENT"), 0o600) })
}

func flip(path string, at int64) error {
	return keepTime(path, func(p string) error {
		f, err := os.OpenFile(p, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		b := make([]byte, 1)
		_, err = f.ReadAt(b, at)
		b[0] ^= 1
		_, err2 := f.WriteAt(b, at)
		return errors.Join(err, err2, f.Close())
	})
}

// A tree that is another altogether is told in bounded space.
func TestVerifyIsBounded(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	dir := t.TempDir()
	const files = tree.MostDifferences + 50
	for i := range files {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600))
	}
	_, manifest := sum(t, dir)
	r := verify(t, manifest, t.TempDir())
	if len(r.Differences) != tree.MostDifferences || r.Count < files {
		t.Errorf("%d differences listed, %d counted", len(r.Differences), r.Count)
	}
}

// No manifest that was cut or changed anywhere is used.
func TestDamagedManifest(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	dir := small(t)
	want, manifest := sum(t, dir)
	whole, err := os.ReadFile(manifest)
	must(t, err)
	check := func(what string, content []byte) {
		t.Helper()
		must(t, os.WriteFile(manifest, content, 0o600))
		loaded, loadErr := tree.Load(t.Context(), manifest)
		if loadErr == nil && loaded.Root == want.Root {
			return // a bit that means nothing
		}
		if !errors.Is(loadErr, tree.ErrDamaged) {
			t.Errorf("%s: Load: %v, want ErrDamaged", what, loadErr)
		}
		if _, err := tree.Verify(t.Context(), manifest, dir, nil); !errors.Is(err, tree.ErrDamaged) {
			t.Errorf("%s: Verify: %v, want ErrDamaged", what, err)
		}
	}
	for n := range whole {
		check(fmt.Sprintf("cut to %d of %d", n, len(whole)), whole[:n])
	}
	for at := range whole {
		changed := bytes.Clone(whole)
		changed[at] ^= 1 << (at % 8)
		check(fmt.Sprintf("byte %d changed", at), changed)
	}
	check("twice", append(bytes.Clone(whole), whole...))
	check("empty", nil)
	check("text", []byte("backlot tree 1\n"))
}

// Whatever names there are, the walk has the order that a manifest must have, and
// the root stays the same on another file system's order of names.
func TestAnyNames(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	rapid.Check(t, func(r *rapid.T) {
		dir := t.TempDir()
		name := rapid.StringOfN(rapid.RuneFrom([]rune("ab./-\n\"é\x01 ")), 1, 4, -1)
		made := rapid.SliceOfN(rapid.SliceOfN(name, 1, 4), 0, 20).Draw(r, "paths")
		for _, elements := range made {
			elements = slices.DeleteFunc(elements, func(e string) bool { return strings.Contains(e, "/") || e == "." || e == ".." })
			path := filepath.Join(append([]string{dir}, elements...)...)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				continue // below a file
			}
			_ = os.WriteFile(path, []byte(path), 0o600)
		}
		s, manifest := sum(t, dir)
		if loaded, err := tree.Load(t.Context(), manifest); err != nil || loaded.Root != s.Root {
			r.Fatalf("load: %v", err)
		}
		if report := verify(t, manifest, dir); report.Count != 0 {
			r.Fatalf("differences: %+v", report.Differences)
		}
		_, imported, err := importTo(t, export(t, dir))
		if err != nil || imported.Root != s.Root {
			r.Fatalf("import: %v, root %s, want %s", err, imported.Root, s.Root)
		}
	})
}

func FuzzLoad(f *testing.F) {
	inMemory(f)
	_, manifest := sum(f, small(f))
	whole, err := os.ReadFile(manifest)
	must(f, err)
	f.Add(unzip(f, whole))
	f.Add([]byte("backlot tree 1\nend 0 0 0 x\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		file := filepath.Join(dir, fmt.Sprint(os.Getpid()))
		must(t, os.WriteFile(file, zip(content), 0o600))
		s, err := tree.Load(t.Context(), file)
		if err != nil && !errors.Is(err, tree.ErrDamaged) {
			t.Fatalf("%v, want ErrDamaged", err)
		}
		if err == nil && s.Files == 0 {
			t.Fatal("a manifest of nothing")
		}
	})
}
