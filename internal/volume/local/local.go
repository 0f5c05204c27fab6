package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/btrfs"
	"github.com/backlot/backlot/internal/volume/files"
)

// Kind is a kind of volume driver.
type Kind string

// The kinds, best first.
const (
	Any     Kind = "" // the one the store was made with, or the best there can be
	Btrfs   Kind = "btrfs"
	Reflink Kind = "reflink"
	Plain   Kind = "plain"
)

// Config says where the store is.
type Config struct {
	Dir      string // of the store; it is made when missing
	MountDir string // where a loop file is mounted; see btrfs.Config
	Kind     Kind
}

// Store is an open volume store. Close takes what it mounted off the machine.
type Store interface {
	volume.Driver
	volume.Tender
	io.Closer
	// Kind is which one it is, for an operator to see.
	Kind() Kind
}

// Open opens the store, making it first when there is none.
func Open(ctx context.Context, c Config, log *slog.Logger) (Store, error) {
	kind, err := choose(c, log)
	if err != nil {
		return nil, fmt.Errorf("open volume store %s: %w", c.Dir, err)
	}
	if kind == Btrfs {
		d, err := btrfs.Open(ctx, btrfs.Config{Dir: c.Dir, MountDir: c.MountDir}, log)
		if err != nil {
			return nil, err
		}
		return btrfsStore{d}, nil
	}
	d, err := files.Open(files.Config{Dir: c.Dir, Reflink: kind == Reflink})
	if err != nil {
		return nil, err
	}
	return filesStore{d, kind}, nil
}

// choose finds the kind of a store that is there, which must be the one asked for,
// or the best that a new one can be.
func choose(c Config, log *slog.Logger) (Kind, error) {
	if err := os.MkdirAll(c.Dir, 0o711); err != nil {
		return "", err
	}
	made, err := madeAs(c.Dir)
	if err != nil {
		return "", err
	}
	switch {
	case c.Kind != Any && c.Kind != Btrfs && c.Kind != Reflink && c.Kind != Plain:
		return "", fmt.Errorf("no kind of volumes is %q: %s, %s and %s are known", c.Kind, Btrfs, Reflink, Plain)
	case made == Btrfs && (c.Kind == Reflink || c.Kind == Plain), made == Plain && c.Kind == Btrfs:
		return "", fmt.Errorf("it holds volumes of the kind %s and cannot become %s: take that away from the configuration, or give another directory", made, c.Kind)
	case c.Kind != Any:
		return c.Kind, nil
	case made == Btrfs:
		return Btrfs, nil
	}
	var missing error
	if made == Any {
		if missing = btrfs.Supported(c.Dir); missing == nil {
			return Btrfs, nil
		}
	}
	kind := Reflink
	if err := files.CanReflink(c.Dir); errors.Is(err, errors.ErrUnsupported) {
		kind = Plain
	} else if err != nil {
		return "", err
	}
	log.Warn("volumes are copied file by file and have no limits, as there is no btrfs", "dir", c.Dir, "kind", kind, "err", missing)
	return kind, nil
}

// madeAs tells what made the store; reflink and plain ones are the same.
func madeAs(dir string) (Kind, error) {
	if is, err := btrfs.Is(dir); is || err != nil {
		return Btrfs, err
	}
	if is, err := files.Is(dir); is || err != nil {
		return Plain, err
	}
	return Any, nil
}

type btrfsStore struct{ *btrfs.Driver }

func (btrfsStore) Kind() Kind { return Btrfs }

type filesStore struct {
	*files.Driver
	kind Kind
}

func (s filesStore) Kind() Kind               { return s.kind }
func (filesStore) Tend(context.Context) error { return nil }
