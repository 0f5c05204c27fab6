package tree

import (
	"context"
	"errors"
	"io"
)

// Import reads an archive that Export wrote. It calls place with what the archive
// says about its tree; place returns the directory the tree goes to, which must be
// empty, or an error that ends the import. ErrDamaged, ErrInvalid or any other error
// leaves part of a tree in the directory, which the caller throws away: only what
// Import returns without an error is the tree that was exported.
func Import(ctx context.Context, r io.Reader, place func(Meta) (dir string, err error), progress Progress) (Summary, error) {
	return Summary{}, errors.ErrUnsupported
}
