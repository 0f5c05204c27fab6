package reconcile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// manifest is the file of a snapshot's checksum tree.
func (l *Loop) manifest(snapshot string) string {
	return filepath.Join(l.cfg.StateDir, "manifests", snapshot)
}

// manifests are the snapshots that there are checksum trees of, or parts of such.
func (l *Loop) manifests() ([]string, error) {
	entries, err := os.ReadDir(l.manifest(""))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list manifests: %w", err)
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.Name())
	}
	return ids, nil
}

// forgetSums removes the checksum trees of snapshots that are gone; those were
// listed after these.
func (l *Loop) forgetSums(sums, snapshots []string) error {
	var failed []error
	for _, id := range sums {
		if slices.Contains(snapshots, id) {
			continue
		}
		if err := os.Remove(l.manifest(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
