package tree_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume/tree"
)

func TestEntries(t *testing.T) {
	t.Parallel()
	dir := example(t)
	must(t, os.WriteFile(filepath.Join(filepath.Dir(dir), "outside"), []byte("secret"), 0o600))
	names := func(path, after string, limit int) (all []string) {
		t.Helper()
		entries, err := tree.Entries(dir, path, after, limit)
		must(t, err)
		for _, e := range entries {
			all = append(all, e.Name)
		}
		return all
	}
	if diff := cmp.Diff([]string{"also plain", "home", "same as dangling"}, names("upper", "", 10)); diff != "" {
		t.Errorf("whiteouts and all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"home"}, names("upper", "also plain", 1)); diff != "" {
		t.Errorf("after a name (-want +got):\n%s", diff)
	}
	var all []string
	for after := ""; ; after = all[len(all)-1] {
		page := names(".", after, 3)
		if all = append(all, page...); len(page) < 3 {
			break
		}
	}
	if diff := cmp.Diff(names(".", "", 1000), all); diff != "" || len(all) < 12 {
		t.Errorf("page by page (-want +got):\n%s", diff)
	}
	entries, err := tree.Entries(dir, ".", "link", 0)
	if err != nil || len(entries) != 0 {
		t.Errorf("none: %v, %v", entries, err)
	}
	entries, err = tree.Entries(dir, ".", "lin", 1)
	if err != nil || len(entries) != 1 || entries[0].Target != "plain" || entries[0].UID != 1000 || entries[0].Mode.Type() != fs.ModeSymlink {
		t.Errorf("a link: %+v, %v", entries, err)
	}
	for path, want := range map[string]error{
		"none": fs.ErrNotExist, "plain": unix.ENOTDIR, "..": nil, "/": nil, "/etc": nil, "a/up/..": nil, "a/up/../..": nil, "": nil, "pipe": unix.ENOTDIR,
	} {
		got, err := tree.Entries(dir, path, "", 10)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("Entries(%q) = %v, %v; want %v", path, got, err, want)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := example(t)
	outside := filepath.Join(filepath.Dir(dir), "outside")
	must(t, os.WriteFile(outside, []byte("secret"), 0o600))
	must(t, os.Symlink(outside, filepath.Join(dir, "upper/absolute")))
	must(t, os.Symlink("../../outside", filepath.Join(dir, "upper/relative")))
	must(t, os.Symlink("../plain", filepath.Join(dir, "upper/within")))
	for path, content := range map[string]string{"plain": "content", "link": "content", "upper/within": "content", "a/up/plain": "content"} {
		f, e, err := tree.Open(dir, path)
		must(t, err)
		got, err := io.ReadAll(f)
		if string(got) != content || err != nil || e.Size != int64(len(content)) {
			t.Errorf("%s holds %q, %v, %+v", path, got, err, e)
		}
		if _, err := f.Seek(3, io.SeekStart); err != nil {
			t.Error(err)
		}
		must(t, f.Close())
	}
	for _, path := range []string{
		"../outside", outside, "upper/absolute", "upper/relative", "a/up/../outside", "dangling", "none", "", ".", "plain/",
	} {
		if f, _, err := tree.Open(dir, path); err == nil {
			got, _ := io.ReadAll(f)
			t.Errorf("Open(%q) reads %q", path, got)
		}
	}
	for _, path := range []string{"a", "pipe", "socket", "upper/whiteout"} {
		if _, _, err := tree.Open(dir, path); !errors.Is(err, tree.ErrNotRegular) {
			t.Errorf("Open(%q): %v, want ErrNotRegular", path, err)
		}
	}
}

func FuzzBrowse(f *testing.F) {
	dir := small(f)
	must(f, os.WriteFile(filepath.Join(filepath.Dir(dir), "outside"), []byte("secret"), 0o600))
	must(f, os.Symlink("../outside", filepath.Join(dir, "out")))
	for _, path := range []string{"a/f", "../outside", "out", "/etc/passwd", "a/../../outside", "l/f", "\x00"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if r, _, err := tree.Open(dir, path); err == nil {
			content, err := io.ReadAll(r)
			if err = errors.Join(err, r.Close()); err != nil || string(content) != "content" && len(content) != 64<<10 {
				t.Errorf("%q reads %q, %v", path, content, err)
			}
		}
		entries, err := tree.Entries(dir, path, "", 100)
		for _, e := range entries {
			if !map[string]bool{"a": true, "b": true, "f": true, "g": true, "holes": true, "l": true, "out": true}[e.Name] {
				t.Errorf("%q lists %s", path, fmt.Sprint(e))
			}
		}
		_ = err
	})
}
