package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/volumetest"
)

// bothWays runs a test with plain copies and, where there is XFS, with shared ones.
func bothWays(t *testing.T, test func(t *testing.T, d volume.Driver)) {
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, t.TempDir()))
	})
	t.Run("reflink", func(t *testing.T) {
		t.Parallel()
		volumetest.RequireXFS(t)
		host := t.TempDir()
		volumetest.MountXFS(t, host, "2G")
		test(t, openReflink(t, filepath.Join(host, "store")))
	})
}

// A writer that replaces a file all the time, as editors do, never has it missing
// from a snapshot or there in part.
func TestSnapshotOfReplacedFiles(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, d volume.Driver) {
		dir := volumeDir(t, d, "v1")
		stop := make(chan struct{})
		var wg sync.WaitGroup
		save := func(n int) error {
			temp := filepath.Join(dir, fmt.Sprintf(".save%d", n%3))
			return errors.Join(os.WriteFile(temp, bytes.Repeat([]byte{byte(n)}, 5000), 0o600), os.Rename(temp, filepath.Join(dir, "file")))
		}
		must(t, save(0))
		wg.Go(func() {
			for n := 1; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := save(n); err != nil {
					t.Error(err)
					return
				}
			}
		})
		defer wg.Wait()
		defer close(stop)
		for i := range 20 {
			id := fmt.Sprintf("s%d", i)
			must(t, d.Snapshot(t.Context(), "v1", id))
			s, err := d.MountSnapshot(t.Context(), id)
			must(t, err)
			content, err := os.ReadFile(filepath.Join(s, "file"))
			if err != nil || len(content) != 5000 || !bytes.Equal(content, bytes.Repeat(content[:1], 5000)) {
				t.Errorf("snapshot %d: %d bytes, %v", i, len(content), err)
			}
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
