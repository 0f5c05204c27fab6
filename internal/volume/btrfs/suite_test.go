package btrfs_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/btrfs"
	"github.com/backlot/backlot/internal/volume/volumetest"
)

func TestLoopFile(t *testing.T) {
	t.Parallel()
	requireHost(t)
	volumetest.Run(t, func(t *testing.T, dir string) volume.Driver {
		t.Helper()
		// A restarted server has another mount namespace: mount somewhere else each time.
		return open(t, btrfs.Config{Dir: dir, MountDir: filepath.Join(t.TempDir(), "mounted")})
	})
}

func TestOnBtrfs(t *testing.T) {
	t.Parallel()
	requireHost(t)
	onBtrfs(t, func(t *testing.T, host string) {
		t.Helper()
		run(t, "btrfs", "quota", "enable", host)
	})
}

func TestOnBtrfsWithoutQuotas(t *testing.T) {
	t.Parallel()
	requireHost(t)
	onBtrfs(t, func(*testing.T, string) {})
}

// onBtrfs runs the suite on stores whose directory is on btrfs.
func onBtrfs(t *testing.T, prepare func(t *testing.T, host string)) {
	t.Helper()
	volumetest.Run(t, func(t *testing.T, dir string) volume.Driver {
		t.Helper()
		host := filepath.Join(dir, "host")
		var st unix.Statfs_t
		if err := unix.Statfs(host, &st); err != nil || st.Type != unix.BTRFS_SUPER_MAGIC {
			mountBtrfs(t, host)
			prepare(t, host)
		}
		return open(t, btrfs.Config{Dir: filepath.Join(host, "store")})
	})
}
