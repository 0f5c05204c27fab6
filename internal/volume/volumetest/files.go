package volumetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

// faithful: a clone has everything an operating system keeps in files, and so
// has a clone of a clone.
func faithful(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	dir := volumeDir(t, d, "v1", volume.Options{})
	writeTree(t, dir)
	want := readTree(t, dir)
	takeSnapshot(t, d, "v1", "s1")
	second := volumeDir(t, d, "v2", volume.Options{FromSnapshot: "s1"})
	takeSnapshot(t, d, "v2", "s2")
	third := volumeDir(t, d, "v3", volume.Options{FromSnapshot: "s2"})
	for _, dir := range []string{dir, second, third} {
		if diff := cmp.Diff(want, readTree(t, dir)); diff != "" {
			t.Errorf("files differ in %s (-want +got):\n%s", filepath.Base(dir), diff)
		}
	}
}

// writeTree makes one of everything; what needs root only as root.
func writeTree(t *testing.T, dir string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"dir", "dir/below", "dir/below/deep", "empty", "closed"} {
		must(os.Mkdir(at(sub), 0o700))
	}
	write(t, dir, "plain", "content")
	write(t, dir, "dir/below/deep/file", strings.Repeat("0123456789abcdef", 40_000))
	write(t, dir, "nothing", "")
	write(t, dir, "secret", "no rights")
	write(t, dir, "setuid", "#!")
	write(t, dir, "closed/file", "in a directory without rights")
	write(t, dir, " odd\n\xff name*", "odd")
	must(os.Link(at("plain"), at("dir/same as plain")))
	must(os.Symlink("plain", at("link")))
	must(os.Symlink("/does/not/exist", at("dangling")))
	must(os.Symlink("../empty", at("dir/link to directory")))
	must(os.Link(at("dangling"), at("dir/same as dangling")))
	must(unix.Mkfifo(at("pipe"), 0o640))
	must(unix.Mknod(at("socket"), unix.S_IFSOCK|0o660, 0))
	must(unix.Lsetxattr(at("plain"), "user.note", []byte("value \x00 with zero"), 0))
	must(unix.Lsetxattr(at("empty"), "user.empty", nil, 0))
	must(unix.Lsetxattr(dir, "user.top", []byte("on the volume itself"), 0))

	if os.Geteuid() == 0 {
		must(unix.Mknod(at("whiteout"), unix.S_IFCHR, 0))
		must(unix.Mknod(at("dir/null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		must(unix.Lsetxattr(at("empty"), "trusted.overlay.opaque", []byte("y"), 0))
		for name, owner := range map[string][2]int{
			"plain": {1000, 1000}, "link": {1000, 4}, "dir/below": {0, 7}, "setuid": {1000, 1001}, "pipe": {3, 3}, ".": {12, 34},
		} {
			must(os.Lchown(at(name), owner[0], owner[1]))
		}
		// A file capability, which a later change of owner would take away: cap_net_raw.
		must(unix.Lsetxattr(at("setuid"), "security.capability",
			[]byte("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0))
	}
	for name, mode := range map[string]uint32{
		"secret": 0, "setuid": 0o6755, "dir": 0o1777, "dir/below": 0o2750, "plain": 0o604, "closed": 0, ".": 0o750,
	} {
		must(unix.Chmod(at(name), mode))
	}
	then := time.Date(2001, 2, 3, 4, 5, 6, 789_000_000, time.UTC)
	for i, name := range []string{"plain", "link", "dir/below/deep", "dir", "pipe", "."} {
		stamp := unix.NsecToTimespec(then.Add(time.Duration(i) * time.Hour).UnixNano())
		must(unix.UtimesNanoAt(unix.AT_FDCWD, at(name), []unix.Timespec{stamp, stamp}, unix.AT_SYMLINK_NOFOLLOW))
	}
}

// sparse: holes stay holes, or a thin disk would fill up by being cloned.
func sparse(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	dir := volumeDir(t, d, "v1", volume.Options{})
	const size, at = 1 << 30, 300 << 20
	f, err := os.Create(filepath.Join(dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("an island"), at); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	takeSnapshot(t, d, "v1", "s1")
	path := filepath.Join(volumeDir(t, d, "v2", volume.Options{FromSnapshot: "s1"}), "sparse")
	f, err = os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	island := make([]byte, len("an island"))
	if _, err := f.ReadAt(island, at); err != nil || string(island) != "an island" {
		t.Errorf("read %q, %v", island, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	if st.Size != size {
		t.Errorf("%d bytes long, want %d", st.Size, size)
	}
	between(t, "on the disk", st.Blocks*512, 0, mib)
}

// independent: neither side sees what happens to the other, nor needs it.
func independent(t *testing.T, open Opener) {
	d := open(t, t.TempDir())
	first := volumeDir(t, d, "v1", volume.Options{})
	write(t, first, "f", "as snapshotted")
	write(t, first, "gone later", "still there")
	takeSnapshot(t, d, "v1", "s1")

	// In place: what shares blocks must not share changes.
	for _, change := range []string{"AS", "Ax"} {
		f, err := os.OpenFile(filepath.Join(first, "f"), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte(change), 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(first, "gone later")); err != nil {
		t.Fatal(err)
	}
	second := volumeDir(t, d, "v2", volume.Options{FromSnapshot: "s1"})
	holds(t, second, "f", "as snapshotted")
	holds(t, second, "gone later", "still there")
	write(t, second, "f", "second")
	holds(t, first, "f", "Ax snapshotted")
	holds(t, volumeDir(t, d, "v3", volume.Options{FromSnapshot: "s1"}), "f", "as snapshotted")

	if err := d.Delete(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	holds(t, volumeDir(t, d, "v4", volume.Options{FromSnapshot: "s1"}), "f", "as snapshotted")
	if err := d.DeleteSnapshot(t.Context(), "s1"); err != nil {
		t.Fatal(err)
	}
	holds(t, second, "f", "second")
	holds(t, mount(t, d, "v4"), "f", "as snapshotted")
}
