package reconcile

import "path/filepath"

// manifest is the file of a snapshot's checksum tree.
func (l *Loop) manifest(snapshot string) string {
	return filepath.Join(l.cfg.StateDir, "manifests", snapshot)
}

// comparedSuffix ends the name of a snapshot of a restored volume, taken only to
// compare it with the backup it was made from.
const comparedSuffix = "c"
