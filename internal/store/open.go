package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/uptrace/bun"

	"github.com/backlot/backlot/internal/studio"
)

// Config is what a store needs.
type Config struct {
	// Path of the SQLite file; it is made when it is not there. Its directory must exist.
	Path string
	// URL of a PostgreSQL database, which is used instead when this is not empty:
	// postgres://USER@HOST/DATABASE. What it leaves out is taken from the
	// environment, as PostgreSQL's own programs do.
	URL string
	Log *slog.Logger

	// callersClock judges leases by the time that callers say on PostgreSQL, too.
	callersClock bool
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	log     *slog.Logger
	dialect dialect
	// write has one connection whose transactions have the store to themselves, so
	// that none of them has to be run again for the sake of another; read sees what
	// was committed when its transaction began. Leases must not wait for a Write
	// where the database does not ask for it.
	write, read, lease *bun.DB
	due, next          *sql.Stmt // see Claim and NextDue
	writeFinds         finds
	readFinds          finds
	changes            changes
	writes             atomic.Int64
	shared             *shared // nil where the database is a file
}

var _ studio.Store = (*Store)(nil)

// Open opens the store, checks it and brings its schema up to date. A damaged
// file is refused with ErrDamaged, one made by a newer version with ErrNewer.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{log: cfg.Log}
	place := cfg.Path
	open := s.openSQLite
	if cfg.URL != "" {
		place, open = "in PostgreSQL", s.openPostgres
	}
	err := open(ctx, cfg)
	if err == nil {
		err = s.prepare(ctx)
	}
	if err != nil {
		_ = s.Close() // it is the first error that matters
		return nil, told("open store "+place, err)
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) (err error) {
	if s.writeFinds, err = s.dialect.prepareFinds(ctx, s.write); err != nil {
		return err
	}
	if s.readFinds, err = s.dialect.prepareFinds(ctx, s.read); err != nil {
		return err
	}
	if s.due, err = s.dialect.prepareDue(ctx, s.read); err != nil {
		return err
	}
	s.next, err = s.dialect.prepareNext(ctx, s.read)
	return err
}

// Close ends every connection; a transaction still running is undone.
func (s *Store) Close() error {
	var err error
	if s.shared != nil {
		s.leave()
	}
	for _, db := range []*bun.DB{s.read, s.write, s.lease} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}
