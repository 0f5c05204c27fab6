package tree

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// Hash is a SHA-256.
type Hash [32]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads what String writes.
func ParseHash(s string) (h Hash, err error) {
	if len(s) != hex.EncodedLen(len(h)) {
		return h, fmt.Errorf("hash of %d characters, want %d", len(s), hex.EncodedLen(len(h)))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("hash: %w", err)
	}
	return h, nil
}

// Progress is told now and then what has been done so far, files of every kind and
// bytes of content. It is waited for, and may be nil.
type Progress func(files, bytes int64)

// Summary is what a whole tree comes to.
type Summary struct {
	// Root names the tree: equal roots, equal trees, whatever file system they are on.
	Root  Hash
	Files int64 // of every kind, the top directory included
	Bytes int64 // of content, holes included
	// Unreadable counts the files whose content the disk would not give, and
	// UnreadablePaths names the first hundred of them. A root over unreadable files
	// names nothing.
	Unreadable      int64
	UnreadablePaths []string
}

// ErrDamaged says that a manifest or an archive is not what was written.
var ErrDamaged = errors.New("damaged or not whole")

// ErrInvalid says that an archive holds what no tree of ours does.
var ErrInvalid = errors.New("not an archive of a tree")
