package tree

import (
	"context"
	"fmt"
	"os"
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
// that is not what Sum wrote is ErrDamaged. Other programs of the machine go before.
func Verify(ctx context.Context, file, dir string, progress Progress) (Report, error) {
	want, err := Load(ctx, file) // all of it, before anything is said about the tree
	if err != nil {
		return Report{}, err
	}
	f, err := os.Open(file)
	if err != nil {
		return Report{}, err
	}
	defer f.Close()
	m, err := newManifestReader(f)
	if err != nil {
		return Report{}, err
	}
	defer m.close()
	v := verifier{manifest: m, report: Report{Want: want}}
	w := walker{progress: progress, leave: v.found, tolerant: true}
	err = gently(func() (err error) { v.report.Found, err = w.walk(ctx, dir); return err })
	if err != nil {
		return Report{}, fmt.Errorf("verify %s: %w", dir, err)
	}
	return v.report, nil
}

// verifier merges a manifest with a walk, which have the same order. The top comes
// last in both, so that the manifest is read to its end.
type verifier struct {
	manifest *manifestReader
	want     *record // read and not yet compared
	report   Report
}

func (v *verifier) found(r *record, _ []byte) error {
	for {
		if v.want == nil {
			var err error
			if v.want, err = v.manifest.next(); err != nil {
				return err
			}
		}
		c := compare(v.want.path, r.path)
		if c > 0 {
			v.differs(r.path, []Change{Extra})
			return nil
		}
		want := v.want
		v.want = nil
		if c == 0 {
			v.differs(r.path, differences(want, r))
			return nil
		}
		v.differs(want.path, []Change{Missing})
	}
}

func (v *verifier) differs(path string, changes []Change) {
	if len(changes) == 0 {
		return
	}
	v.report.Count++
	if len(v.report.Differences) < MostDifferences {
		v.report.Differences = append(v.report.Differences, Difference{path, changes})
	}
}
