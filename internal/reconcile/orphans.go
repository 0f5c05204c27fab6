package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
)

// settled is how long a volume or snapshot that nobody wants is left alone at
// first: a step that came late may still be at it.
const settled = time.Minute

// orphans removes volumes and snapshots that nobody wants where nothing can be
// lost by it. All others may hold somebody's work: they are named, once, and kept.
func (l *Loop) orphans(ctx context.Context, disks volume.Inventory) error {
	rest, err := l.cfg.Studio.Unwanted(ctx, studio.Holdings(disks))
	if err != nil {
		return fmt.Errorf("ask what is unwanted: %w", err)
	}
	var failed []error
	now, known := time.Now(), l.strangers
	l.strangers = map[string]time.Time{}
	// each deals with those that have been unwanted for long enough, once.
	each := func(kind string, ids []string, deal func(id string) error) {
		for _, id := range ids {
			name := kind + " " + id
			since, there := known[name]
			switch {
			case !there:
				since = now
			case !since.IsZero() && now.Sub(since) >= settled:
				since = time.Time{}
				failed = append(failed, deal(id))
			}
			l.strangers[name] = since
		}
	}
	each("volume", rest.Volumes, func(id string) error {
		empty, err := Empty(ctx, l.cfg.Volumes, id)
		switch {
		case err != nil:
			return err
		case !empty:
			l.cfg.Log.WarnContext(ctx, "no session knows this volume; it is kept: see `backlot doctor`", "id", id)
			return nil
		}
		l.cfg.Log.InfoContext(ctx, "removing an empty volume that no session wants", "id", id)
		return l.cfg.Volumes.Delete(ctx, id)
	})
	each("snapshot", rest.Expendable, func(id string) error {
		l.cfg.Log.InfoContext(ctx, "removing a snapshot that no session wants", "id", id)
		return l.deleteSnapshot(ctx, id)
	})
	each("snapshot", rest.Lost, func(id string) error {
		l.cfg.Log.WarnContext(ctx, "no session knows this snapshot; it is kept: see `backlot doctor`", "id", id)
		return nil
	})
	return errors.Join(failed...)
}

// Empty tells that there is no file in a volume, nor the trace of a removed one.
func Empty(ctx context.Context, volumes volume.Driver, id string) (bool, error) {
	dir, err := volumes.Mount(ctx, id)
	if err != nil {
		return false, fmt.Errorf("mount volume %s: %w", id, err)
	}
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
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
