package local_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/btrfs"
	"github.com/backlot/backlot/internal/volume/local"
	"github.com/backlot/backlot/internal/volume/volumetest"
)

func TestMain(m *testing.M) { os.Exit(volumetest.Main(m)) }

func setup(t *testing.T) local.Config {
	t.Helper()
	if !volumetest.MountsArePrivate() {
		t.Skip("needs root, to mount")
	}
	return local.Config{Dir: filepath.Join(t.TempDir(), "store"), MountDir: t.TempDir()}
}

// opens opens the store, checks its kind and that it works, and closes it.
func opens(t *testing.T, c local.Config, want local.Kind) {
	t.Helper()
	s, err := local.Open(t.Context(), c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if s.Kind() != want {
		t.Errorf("it is %q, want %q", s.Kind(), want)
	}
	if err := s.Create(t.Context(), "v1", volume.Options{}); err != nil {
		t.Error(err)
	}
	if err := s.Tend(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := s.List(t.Context()); err != nil || len(got.Volumes) != 1 {
		t.Errorf("List = %v, %v", got, err)
	}
}

func requireBtrfs(t *testing.T, c local.Config) {
	t.Helper()
	if err := btrfs.Supported(filepath.Dir(c.Dir)); err != nil {
		t.Skip("needs btrfs:", err)
	}
}

func TestBtrfsIsBest(t *testing.T) {
	t.Parallel()
	c := setup(t)
	requireBtrfs(t, c)
	opens(t, c, local.Btrfs)
	opens(t, c, local.Btrfs)
}

// A machine without btrfs-progs takes the next best, and keeps it when they come.
func TestNextBest(t *testing.T) {
	c := setup(t)
	t.Run("reflink", func(t *testing.T) {
		c := c
		c.Dir = filepath.Join(c.Dir, "xfs")
		volumetest.RequireXFS(t)
		volumetest.MountXFS(t, c.Dir, "400M")
		t.Setenv("PATH", t.TempDir())
		opens(t, c, local.Reflink)
	})
	t.Run("plain", func(t *testing.T) {
		c := c
		c.Dir = filepath.Join(c.Dir, "tmpfs")
		if err := os.MkdirAll(c.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", c.Dir, "tmpfs", 0, "size=3m"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(c.Dir, unix.MNT_DETACH) })
		func() {
			path := os.Getenv("PATH")
			t.Setenv("PATH", t.TempDir())
			opens(t, c, local.Plain)
			t.Setenv("PATH", path)
		}()
		opens(t, c, local.Plain)
	})
}

// What was made as one kind is never taken for another.
func TestKindStays(t *testing.T) {
	t.Parallel()
	c := setup(t)
	c.Kind = local.Plain
	opens(t, c, local.Plain)
	c.Kind = local.Btrfs
	if _, err := local.Open(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a plain store opened as btrfs")
	}
	other := setup(t)
	requireBtrfs(t, other)
	opens(t, other, local.Btrfs)
	for _, kind := range []local.Kind{local.Plain, local.Reflink, "zfs"} {
		other.Kind = kind
		if _, err := local.Open(t.Context(), other, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("a btrfs store opened as %q", kind)
		}
	}
}
