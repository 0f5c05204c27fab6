package tree

import (
	"context"
	"errors"
	"io"
)

// Meta is what an archive says about its tree, in the caller's words. It is readable
// by whoever has the archive, and all of it is less than 64 KiB.
type Meta map[string]string

// Export writes the tree in dir to w as an archive. A file that cannot be read, or a
// device that is no whiteout, is an error, after which w holds no archive.
func Export(ctx context.Context, dir string, meta Meta, w io.Writer, progress Progress) (Summary, error) {
	return Summary{}, errors.ErrUnsupported
}
