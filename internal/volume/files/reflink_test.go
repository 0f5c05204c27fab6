package files_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/testkit"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/files"
	"github.com/backlot/backlot/internal/volume/volumetest"
)

func openReflink(t testing.TB, dir string) *files.Driver {
	t.Helper()
	d, err := files.Open(files.Config{Dir: dir, Reflink: true})
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

func TestReflink(t *testing.T) {
	t.Parallel()
	volumetest.RequireXFS(t)
	volumetest.Run(t, func(t *testing.T, dir string) volume.Driver {
		t.Helper()
		host := filepath.Join(dir, "host")
		var st unix.Statfs_t
		if err := unix.Statfs(host, &st); err != nil || st.Type != unix.XFS_SUPER_MAGIC {
			volumetest.MountXFS(t, host, "4G")
		}
		return openReflink(t, filepath.Join(host, "store"))
	})
}

// A clone takes no space and hardly any time, however much it holds.
func TestReflinkShares(t *testing.T) {
	t.Parallel()
	volumetest.RequireXFS(t)
	host := t.TempDir()
	volumetest.MountXFS(t, host, "2G")
	d := openReflink(t, filepath.Join(host, "store"))
	dir := volumeDir(t, d, "v1")
	const size = 256 << 20
	if err := os.WriteFile(filepath.Join(dir, "big"), make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	before := free(t, host)
	if err := d.Snapshot(t.Context(), "v1", "s1"); err != nil {
		t.Fatal(err)
	}
	if err := d.Create(t.Context(), "v2", volume.Options{FromSnapshot: "s1"}); err != nil {
		t.Fatal(err)
	}
	// What was dirty before is on the disk since.
	if taken := before - free(t, host); taken > size+size/8 {
		t.Errorf("two copies of %d bytes took %d", size, taken)
	}
}

func TestReflinkIsMissed(t *testing.T) {
	t.Parallel()
	if !volumetest.MountsArePrivate() {
		t.Skip("needs root, to mount")
	}
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=3m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Unmount(t, disk) })
	if _, err := files.Open(files.Config{Dir: filepath.Join(disk, "store"), Reflink: true}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("reflink on a tmpfs: %v, want ErrUnsupported", err)
	}
}

func volumeDir(t *testing.T, d volume.Driver, id string) string {
	t.Helper()
	if err := d.Create(t.Context(), id, volume.Options{}); err != nil {
		t.Fatal(err)
	}
	dir, err := d.Mount(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func free(t *testing.T, dir string) int64 {
	t.Helper()
	disk, err := volume.DiskOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	return disk.Free
}
