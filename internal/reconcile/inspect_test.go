package reconcile_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/studio"
)

// backup is the newest backup as it is kept.
func (w *world) backup(t *testing.T) (b studio.Backup) {
	t.Helper()
	id := w.backups(t)[0].BackupID
	must(t, w.store.Read(t.Context(), func(tx studio.Tx) error { return tx.Find(t.Context(), id, &b) }))
	return b
}

func TestBackupsAreSummedAndRestoresCompared(t *testing.T) {
	t.Parallel()
	for _, damage := range []bool{false, true} {
		inside(t, func(t *testing.T, w *world) {
			w.run(t)
			id := w.create(t)
			w.wait(t, id, studio.Ready)
			w.write(t, id, "work")
			w.stop(t, id, "RETAIN")
			w.wait(t, id, studio.Stopped)
			time.Sleep(time.Minute)
			b := w.backup(t)
			manifest := filepath.Join(w.cfg.StateDir, "manifests", b.Key)
			if _, err := os.Stat(manifest); err != nil || len(b.Root) != 64 || b.Files == 0 || b.SummedAt.IsZero() {
				t.Errorf("a minute after the backup: %+v, %v", b, err)
			}
			if damage {
				dir, err := w.volumes.MountSnapshot(t.Context(), b.Key)
				must(t, err)
				name := filepath.Join(dir, "upper", "home", "artist", "file")
				info, err := os.Stat(name)
				must(t, err)
				must(t, os.WriteFile(name, []byte("wurk"), 0o600))
				must(t, os.Chtimes(name, info.ModTime(), info.ModTime()))
			}

			w.start(t, id, &b.BackupID)
			w.wait(t, id, studio.Ready)
			time.Sleep(3 * time.Minute)
			after := w.backup(t)
			want, paths := studio.State("VERIFIED"), []string(nil)
			if damage {
				want, paths = "DAMAGED", []string{"upper/home/artist/file: contents"}
			}
			if after.Verification.State != want || !cmp.Equal(after.Verification.Paths, paths) {
				t.Errorf("after the restore, damage %v: %+v", damage, after.Verification)
			}
			disks, err := w.volumes.List(t.Context())
			must(t, err)
			if len(disks.Snapshots) != 1 {
				t.Errorf("snapshots left after the comparison: %v", disks.Snapshots)
			}

			w.remove(t, id)
			w.wait(t, id, studio.Deleted)
			if _, err := os.Stat(manifest); err == nil {
				t.Error("the manifest outlives its snapshot")
			}
		})
	}
}

func TestAVolumeThatCannotBeComparedIsUsed(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		w.run(t)
		id := w.create(t)
		w.wait(t, id, studio.Ready)
		w.write(t, id, "work")
		w.stop(t, id, "RETAIN")
		w.wait(t, id, studio.Stopped)
		time.Sleep(time.Minute)
		b := w.backup(t)
		w.volumes.Fail = func(verb, _ string) error {
			if verb == "Snapshot" {
				return errors.New("test")
			}
			return nil
		}
		w.start(t, id, &b.BackupID)
		w.wait(t, id, studio.Ready)
		if got := w.read(t, id); got != "work" {
			t.Errorf("the file holds %q", got)
		}
		time.Sleep(10 * time.Minute)
		if _, wanted, err := w.NextInspection(t.Context()); wanted || err != nil {
			t.Errorf("something is still to be inspected: %v", err)
		}
	})
}
