package reconcile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
)

func TestOrphans(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		w.run(t)
		id := w.create(t)
		w.wait(t, id, studio.Ready)
		w.stop(t, id, "RETAIN")
		w.wait(t, id, studio.Stopped)
		w.start(t, id, nil)
		w.wait(t, id, studio.Ready)
		var kept studio.Backup
		must(t, w.store.Read(t.Context(), func(tx studio.Tx) error { return tx.Find(t.Context(), w.backups(t)[0].BackupID, &kept) }))

		// One whose backup is deleted, as a step that came late would leave it.
		gone := studio.Backup{StreamingSessionBackup: kept.StreamingSessionBackup, StudioID: kept.StudioID, Key: "gone"}
		gone.BackupID, gone.State = kept.BackupID+"2", studio.Deleted
		gone.ForgetAt = time.Now().Add(24 * time.Hour)
		must(t, w.store.Write(t.Context(), time.Now(), func(tx studio.Tx) error { return tx.Save(t.Context(), &gone) }))

		for _, id := range []string{"bare", "full"} {
			must(t, w.volumes.Create(t.Context(), id, volume.Options{}))
			dir, err := w.volumes.Mount(t.Context(), id)
			must(t, err)
			must(t, os.MkdirAll(filepath.Join(dir, "upper", "home"), 0o755))
			if id == "full" {
				must(t, os.WriteFile(filepath.Join(dir, "upper", "home", "work"), nil, 0o600))
			}
		}
		for _, id := range []string{"gone", "unknown", "restoredc"} {
			must(t, w.volumes.Snapshot(t.Context(), "full", id))
		}
		left := filepath.Join(w.cfg.StateDir, "manifests", "longgone")
		must(t, os.MkdirAll(filepath.Dir(left), 0o700))
		must(t, os.WriteFile(left, nil, 0o600))
		time.Sleep(30 * time.Second)
		all, err := w.volumes.List(t.Context())
		must(t, err)
		if len(all.Volumes) != 3 || len(all.Snapshots) != 4 {
			t.Errorf("at once: %+v", all)
		}
		time.Sleep(5 * time.Minute)
		all, err = w.volumes.List(t.Context())
		must(t, err)
		want := volume.Inventory{Volumes: []string{"full", kept.Volume}, Snapshots: []string{kept.Key, "unknown"}}
		if diff := cmp.Diff(want, all, cmp.Transformer("set", func(ids []string) map[string]bool {
			set := map[string]bool{}
			for _, id := range ids {
				set[id] = true
			}
			return set
		})); diff != "" {
			t.Error(diff)
		}
		if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the manifest of a snapshot that is gone: %v", err)
		}
		if _, err := os.Stat(filepath.Join(w.cfg.StateDir, "manifests", kept.Key)); err != nil {
			t.Error(err)
		}
	})
}
