package reconcile

import "path/filepath"

// manifest is the file of a snapshot's checksum tree.
func (l *Loop) manifest(snapshot string) string {
	return filepath.Join(l.cfg.StateDir, "manifests", snapshot)
}
