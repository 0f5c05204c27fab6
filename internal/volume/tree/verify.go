package tree

import (
	"context"
	"errors"
)

// Change is how a file differs from its manifest.
type Change string

// What may differ.
const (
	Missing    Change = "missing"    // it is in the manifest only
	Extra      Change = "extra"      // it is in the directory only
	Kind       Change = "kind"       // a directory became a file, or the like
	Contents   Change = "contents"   // other bytes, more or fewer; another target of a link
	Unreadable Change = "unreadable" // the disk does not give its content
	Mode       Change = "mode"
	Owner      Change = "owner"
	Modified   Change = "modified" // the time of its last change
	Attributes Change = "attributes"
)

// Difference is a file that is not as its manifest says.
type Difference struct {
	Path    string // below the tree's top, "." for that
	Changes []Change
}

// MostDifferences is how many differences a Report holds.
const MostDifferences = 1000

// Report is what Verify found.
type Report struct {
	Want        Summary      // of the manifest
	Found       Summary      // of the directory
	Differences []Difference // the first MostDifferences
	Count       int64        // of all differences; 0: the tree is what it was
}

// Verify reads the tree in dir, past the page cache where the file system lets it,
// and compares it with a manifest of Sum. That they differ is no error; a manifest
// that is not what Sum wrote is ErrDamaged.
func Verify(ctx context.Context, file, dir string, progress Progress) (Report, error) {
	return Report{}, errors.ErrUnsupported
}
