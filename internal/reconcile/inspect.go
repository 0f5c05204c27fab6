package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume/tree"
)

// mostPaths bounds how many differences of a tree are told by name.
const mostPaths = 20

// inspectAgain reads snapshots, one after the other, whenever there are some to be
// read. Nobody waits for that, so it takes no part in the leases: two servers that
// read the same find the same.
func (l *Loop) inspectAgain(ctx context.Context) {
	for {
		did, err := l.inspectNext(ctx)
		if err != nil && ctx.Err() == nil {
			l.cfg.Log.ErrorContext(ctx, "cannot inspect a backup", "err", err)
		}
		if did && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

func (l *Loop) inspectNext(ctx context.Context) (did bool, err error) {
	i, ok, err := l.cfg.Studio.NextInspection(ctx)
	if !ok || err != nil {
		return false, err
	}
	result := l.inspect(ctx, i)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if result.Err != nil {
		l.cfg.Log.ErrorContext(ctx, "cannot read a backup", "backup_id", i.BackupID, "snapshot", i.Snapshot, "err", result.Err)
	}
	if err := l.cfg.Studio.RecordInspection(ctx, i, result); err != nil {
		return true, fmt.Errorf("record the inspection of %s: %w", i.Snapshot, err)
	}
	if i.SessionID == "" {
		return true, nil
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := l.cfg.Volumes.DeleteSnapshot(within, i.Snapshot); err != nil {
		return true, fmt.Errorf("delete the inspected snapshot %s: %w", i.Snapshot, err)
	}
	return true, nil
}

// inspect reads one snapshot to make its manifest, or to compare it with one.
func (l *Loop) inspect(ctx context.Context, i studio.Inspection) (r studio.InspectionResult) {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dir, err := l.cfg.Volumes.MountSnapshot(within, i.Snapshot)
	if err != nil {
		r.Err = fmt.Errorf("mount snapshot %s: %w", i.Snapshot, err)
		return r
	}
	if !i.Verify {
		if r.Err = os.MkdirAll(filepath.Dir(l.manifest(i.Manifest)), 0o700); r.Err != nil {
			return r
		}
		var s tree.Summary
		s, r.Err = tree.Sum(ctx, dir, l.manifest(i.Manifest), nil)
		r.Root, r.Files, r.Bytes, r.Unreadable = s.Root.String(), s.Files, s.Bytes, s.Unreadable
		r.Paths = s.UnreadablePaths[:min(len(s.UnreadablePaths), mostPaths)]
		return r
	}
	report, err := tree.Verify(ctx, l.manifest(i.Manifest), dir, nil)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("its checksum tree is gone: %w", err)
	}
	r.Err = err
	r.Root, r.Files, r.Bytes = report.Found.Root.String(), report.Found.Files, report.Found.Bytes
	r.Unreadable, r.Differences = report.Found.Unreadable, report.Count
	for _, d := range report.Differences[:min(len(report.Differences), mostPaths)] {
		how := make([]string, len(d.Changes))
		for n, c := range d.Changes {
			how[n] = string(c)
		}
		r.Paths = append(r.Paths, d.Path+": "+strings.Join(how, ", "))
	}
	return r
}
