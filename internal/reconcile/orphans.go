package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
)

// settled is how long a volume or snapshot that nobody wants is left alone at
// first: a step that came late may still be at it.
const settled = time.Minute

// orphans removes volumes and snapshots that nobody wants where nothing can be
// lost by it: volumes without a file, copies made to be compared, snapshots whose
// backup was deleted. All others may hold somebody's work: they are named, once,
// and kept.
func (l *Loop) orphans(ctx context.Context, disks volume.Inventory, wanted studio.Wanted) error {
	now := time.Now()
	var failed []error
	for _, id := range l.strange(now, "volume", disks.Volumes, wanted.Volumes) {
		empty, err := l.holdsNothing(ctx, id)
		if empty {
			l.cfg.Log.InfoContext(ctx, "removing an empty volume that no session wants", "id", id)
			err = l.cfg.Volumes.Delete(ctx, id)
		} else if err == nil {
			l.cfg.Log.WarnContext(ctx, "no session knows this volume; it is kept: see `backlot doctor`", "id", id)
		}
		failed = append(failed, err)
	}
	for _, id := range l.strange(now, "snapshot", disks.Snapshots, wanted.Snapshots) {
		gone, err := l.cfg.Studio.SnapshotDeleted(ctx, id)
		if gone || strings.HasSuffix(id, comparedSuffix) {
			l.cfg.Log.InfoContext(ctx, "removing a snapshot that no session wants", "id", id)
			err = l.deleteSnapshot(ctx, id)
		} else if err == nil {
			l.cfg.Log.WarnContext(ctx, "no session knows this snapshot; it is kept: see `backlot doctor`", "id", id)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// strange returns those that are there, unwanted, and have been for long enough,
// each once.
func (l *Loop) strange(now time.Time, kind string, there []string, wanted map[string]bool) (ids []string) {
	for _, id := range there {
		name := kind + " " + id
		if wanted[id] {
			delete(l.strangers, name)
			continue
		}
		since, known := l.strangers[name]
		switch {
		case !known:
			l.strangers[name] = now
		case !since.IsZero() && now.Sub(since) >= settled:
			l.strangers[name] = time.Time{}
			ids = append(ids, id)
		}
	}
	return ids
}

// holdsNothing tells that there is no file in a volume, nor the trace of a removed one.
func (l *Loop) holdsNothing(ctx context.Context, id string) (bool, error) {
	dir, err := l.cfg.Volumes.Mount(ctx, id)
	if err != nil {
		return false, fmt.Errorf("mount volume %s: %w", id, err)
	}
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			err = fs.ErrExist
		}
		return err
	})
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}
