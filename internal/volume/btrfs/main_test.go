package btrfs_test

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/testkit"
	"github.com/backlot/backlot/internal/volume/btrfs"
	"github.com/backlot/backlot/internal/volume/volumetest"
)

func TestMain(m *testing.M) { os.Exit(volumetest.Main(m)) }

// requireHost skips what cannot work here.
func requireHost(t testing.TB) {
	t.Helper()
	if !volumetest.MountsArePrivate() {
		t.Skip("needs root, to mount")
	}
	if _, err := exec.LookPath("mkfs.btrfs"); err != nil {
		t.Skip("needs mkfs.btrfs of btrfs-progs")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("needs loop devices")
	}
	if _, err := os.Stat("/sys/fs/btrfs"); err != nil {
		t.Skip("needs btrfs in the kernel")
	}
}

// open opens a driver that t closes.
func open(t testing.TB, c btrfs.Config) *btrfs.Driver {
	t.Helper()
	d, err := btrfs.Open(t.Context(), c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// mountBtrfs mounts a new btrfs that is none of the driver's.
func mountBtrfs(t testing.TB, at string) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "truncate", "-s", "4G", image)
	run(t, "mkfs.btrfs", "-q", image)
	run(t, "mount", "-o", "loop", image, at)
	t.Cleanup(func() { testkit.Unmount(t, at) })
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}
