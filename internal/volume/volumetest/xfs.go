package volumetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/backlot/backlot/internal/testkit"
)

// RequireXFS skips what cannot work here.
func RequireXFS(t testing.TB) {
	t.Helper()
	if !MountsArePrivate() {
		t.Skip("needs root, to mount")
	}
	if _, err := exec.LookPath("mkfs.xfs"); err != nil {
		t.Skip("needs mkfs.xfs of xfsprogs")
	}
	if _, err := os.Stat("/sys/fs/xfs"); err != nil {
		t.Skip("needs XFS in the kernel")
	}
}

// MountXFS mounts a new XFS of a size as truncate takes it.
func MountXFS(t testing.TB, at, size string) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"truncate", "-s", size, image}, {"mkfs.xfs", "-q", image}, {"mount", "-o", "loop", image, at},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	t.Cleanup(func() { testkit.Unmount(t, at) })
}
