package oci

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/workstation"
)

func TestPickCores(t *testing.T) {
	t.Parallel()
	cores := []int{0, 1, 4, 5}
	for _, c := range []struct {
		n, slot int
		want    string
	}{{1, 0, "0"}, {1, 2, "4"}, {2, 1, "4,5"}, {3, 1, "5,0,1"}, {4, 0, ""}, {9, 3, ""}} {
		if got := pickCores(cores, c.n, c.slot); got != c.want {
			t.Errorf("%d cores in slot %d: %q, want %q", c.n, c.slot, got, c.want)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	log := `{"level":"warning","msg":"a"}` + "\n" + `{"level":"error","msg":"write cgroup.procs: no space left on device"}` + "\n"
	if got := lastMessage([]byte(log)); !strings.HasPrefix(got, "write") {
		t.Errorf("last message %q", got)
	}
	if err := explain(lastMessage([]byte(log)), errors.New("exit 1")); !errors.Is(err, workstation.ErrNoCapacity) {
		t.Errorf("%v", err)
	}
	if err := explain("permission denied", errors.New("exit 1")); errors.Is(err, workstation.ErrNoCapacity) {
		t.Errorf("%v", err)
	}
	if err := capacity(&os.PathError{Op: "mount", Path: "/x", Err: syscall.ENOMEM}); !errors.Is(err, workstation.ErrNoCapacity) || !errors.Is(err, syscall.ENOMEM) {
		t.Errorf("%v", err)
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{`/plain`: "/plain", `/my\040disk\134`: `/my disk\`, `/end\04`: `/end\04`, `\9zz`: `\9zz`} {
		if got := unescape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestOnLoopback(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"nameserver 127.0.0.53\noptions edns0\n":        true,
		"nameserver ::1\n":                              true,
		"# nameserver 127.0.0.1\nnameserver 10.0.0.2\n": false,
		"nameserver\nsearch local\n":                    false,
	} {
		if got := onLoopback([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestInitProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	if _, err := initProcess(path); err == nil {
		t.Error("no state, no error")
	}
	for text, want := range map[string]int{`{"id":"desktop","init_process_pid":42,"init_process_start":7}`: 42, `{}`: 0, `{"init_process_pid":-1}`: 0, "": 0} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := initProcess(path); got != want || (err == nil) != (want > 0) {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
}

// TestRouse: whatever it does to cgroups, this process stays where it is.
func TestRouse(t *testing.T) {
	t.Parallel()
	c, err := findCgroups()
	if err != nil {
		t.Skip(err)
	}
	before, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	c.rouse()
	after, err := os.ReadFile("/proc/self/cgroup")
	if diff := cmp.Diff(string(before), string(after)); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestXauthority(t *testing.T) {
	t.Parallel()
	want := "\xff\xff\x00\x00\x00\x00\x00\x12MIT-MAGIC-COOKIE-1\x00\x02ab"
	if diff := cmp.Diff(want, string(xauthority([]byte("ab")))); diff != "" {
		t.Error(diff)
	}
}

func TestLastLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	for text, want := range map[string]string{
		"": "", "one\n": "one", "one\ntwo\n\n": "two", strings.Repeat("é", 300): strings.Repeat("é", 100), "x\xff": "x",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := lastLine(path); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestRemoveTreeSparesMounts: what is mounted below is let go of, not deleted.
func TestRemoveTreeSparesMounts(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root: mounts")
	}
	dir := t.TempDir()
	outside, tree := filepath.Join(dir, "outside"), filepath.Join(dir, "tree")
	inside := filepath.Join(tree, "in side")
	for _, d := range []string{outside, tree, inside} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(outside, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := syscall.Mount(outside, inside, "", syscall.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeTree(tree); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(outside, "precious")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(tree); err == nil {
		t.Error("the tree is still there")
	}
}
