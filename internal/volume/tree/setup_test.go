package tree_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume/tree"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func requireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for owners and attributes")
	}
}

// example makes a directory with one of everything a session leaves.
func example(t testing.TB) string {
	t.Helper()
	requireRoot(t)
	dir := filepath.Join(t.TempDir(), "tree")
	at := func(name string) string { return filepath.Join(dir, name) }
	deep := strings.Repeat("long name of a directory/", 12) + "deep"
	for _, sub := range []string{"", "upper", "upper/home", "upper/home/artist", "upper/home/artist/" + deep, "work", "work/work", "closed", "a"} {
		must(t, os.MkdirAll(at(sub), 0o755))
	}
	write := func(name, content string) { t.Helper(); must(t, os.WriteFile(at(name), []byte(content), 0o600)) }
	write("plain", "content")
	write("a/below", "")
	write("a.b", "sorts between a and a/below")
	write("closed/file", "in a directory without rights")
	write("upper/home/artist/scene.blend", strings.Repeat("0123456789abcdef", 200_000))
	write("upper/home/artist/"+deep+"/"+strings.Repeat("n", 255), "long")
	write(" odd\n\xff \"name\"*%=", "odd")
	write("setuid", "#!")
	write("zeros", strings.Repeat("\x00", 100_000))
	must(t, os.Link(at("plain"), at("a/same as plain")))
	must(t, os.Link(at("plain"), at("upper/also plain")))
	must(t, os.Symlink("plain", at("link")))
	must(t, os.Symlink("/does/not/exist/"+strings.Repeat("x", 200), at("dangling")))
	must(t, os.Link(at("dangling"), at("upper/same as dangling")))
	must(t, os.Symlink("..", at("a/up")))
	must(t, unix.Mkfifo(at("pipe"), 0o640))
	must(t, unix.Mknod(at("socket"), unix.S_IFSOCK|0o660, 0))
	must(t, unix.Mknod(at("upper/whiteout"), unix.S_IFCHR, 0))
	sparse, err := os.Create(at("sparse"))
	must(t, err)
	for _, offset := range []int64{1 << 20, 8 << 20, 20 << 20} {
		_, err := sparse.WriteAt([]byte("an island"), offset)
		must(t, err)
	}
	must(t, sparse.Truncate(30<<20))
	must(t, sparse.Close())
	empty, err := os.Create(at("all hole"))
	must(t, err)
	must(t, empty.Truncate(40<<20))
	must(t, empty.Close())

	must(t, unix.Lsetxattr(at("plain"), "user.note", []byte("value \x00 with zero\n"), 0))
	must(t, unix.Lsetxattr(at("plain"), "user.a%3D=b", []byte("an odd key"), 0))
	must(t, unix.Lsetxattr(at("a"), "user.empty", nil, 0))
	must(t, unix.Lsetxattr(dir, "user.top", []byte("on the tree itself"), 0))
	must(t, unix.Lsetxattr(at("upper/home"), "trusted.overlay.opaque", []byte("y"), 0))
	must(t, unix.Lsetxattr(at("link"), "trusted.on.link", []byte("y"), 0))
	for name, owner := range map[string][2]int{
		"plain": {1000, 1000}, "link": {1000, 4}, "a": {0, 7}, "setuid": {1000, 1001}, "pipe": {3, 3}, ".": {12, 34},
		"upper/home/artist": {1000, 4_000_000_000},
	} {
		must(t, os.Lchown(at(name), owner[0], owner[1]))
	}
	must(t, unix.Lsetxattr(at("setuid"), "security.capability",
		[]byte("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0))
	acl := []byte("\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x02\x00\x04\x00\xe8\x03\x00\x00" +
		"\x04\x00\x04\x00\xff\xff\xff\xff\x10\x00\x04\x00\xff\xff\xff\xff\x20\x00\x04\x00\xff\xff\xff\xff")
	must(t, unix.Lsetxattr(at("a.b"), "system.posix_acl_access", acl, 0))
	must(t, unix.Lsetxattr(at("a"), "system.posix_acl_default", acl, 0))
	for name, mode := range map[string]uint32{
		"setuid": 0o6755, "a": 0o1777, "upper": 0o2750, "plain": 0o604, "closed": 0, "work/work": 0, ".": 0o750,
	} {
		must(t, unix.Chmod(at(name), mode))
	}
	then := time.Date(2001, 2, 3, 4, 5, 6, 789_012_345, time.UTC)
	for i, name := range []string{"plain", "link", "upper/home", "a", "pipe", "."} {
		stamp(t, at(name), then.Add(time.Duration(i)*time.Hour))
	}
	stamp(t, at("a.b"), time.Date(1960, 1, 1, 0, 0, 0, 250_000_000, time.UTC))
	return dir
}

func stamp(t testing.TB, path string, at time.Time) {
	t.Helper()
	times := []unix.Timespec{{Sec: at.Unix(), Nsec: int64(at.Nanosecond())}}
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, append(times, times...), unix.AT_SYMLINK_NOFOLLOW))
}

func sum(t testing.TB, dir string) (tree.Summary, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manifest")
	s, err := tree.Sum(t.Context(), dir, file, nil)
	must(t, err)
	return s, file
}

func export(t testing.TB, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	_, err := tree.Export(t.Context(), dir, tree.Meta{"name": "Kitchen Scene ä"}, &b, nil)
	must(t, err)
	return b.Bytes()
}

// into has Import unpack to a directory, whatever the archive says of itself.
func into(dir string) func(tree.Meta) (string, error) {
	return func(tree.Meta) (string, error) { return dir, nil }
}

func importTo(t testing.TB, archive []byte) (string, tree.Summary, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new")
	must(t, os.Mkdir(dir, 0o755))
	s, err := tree.Import(t.Context(), bytes.NewReader(archive), into(dir), nil)
	return dir, s, err
}

func verify(t testing.TB, manifest, dir string) tree.Report {
	t.Helper()
	report, err := tree.Verify(t.Context(), manifest, dir, nil)
	must(t, err)
	return report
}

func onDisk(t testing.TB, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Lstat(path, &st))
	return st.Blocks * 512
}

func run(t testing.TB, stdin io.Reader, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = stdin
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return string(out)
}
