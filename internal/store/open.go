package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"

	"github.com/backlot/backlot/internal/studio"
)

// Config is what a store needs.
type Config struct {
	// Path of the SQLite file; it is made when it is not there. Its directory must exist.
	Path string
	Log  *slog.Logger
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	log *slog.Logger
	// write has one connection whose transactions take the write lock at once, so
	// that none of them has to be run again; read sees what was committed when
	// its transaction began.
	write, read *bun.DB
	next        *sql.Stmt // see NextDue
	writeFinds  finds
	readFinds   finds
	changes     changes
}

var _ studio.Store = (*Store)(nil)

// Open opens the store, checks it and brings its schema up to date. A damaged
// file is refused with ErrDamaged, one made by a newer version with ErrNewer.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{log: cfg.Log}
	if err := s.open(ctx, cfg.Path); err != nil {
		_ = s.Close() // it is the first error that matters
		if f, ok := failureOf(err); ok {
			err = fmt.Errorf("%w: %w", f.kind, err)
		}
		return nil, fmt.Errorf("open store %s: %w", cfg.Path, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	// The file holds personal data: nobody else may read it, nor the log beside
	// it, which SQLite makes with the same mode. An existing file is not opened
	// here: closing it would drop the locks that SQLite has on it in this process.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if s.write, err = connect(path, 1, "immediate"); err != nil {
		return err
	}
	if err := check(ctx, s.write); err != nil {
		return err
	}
	version, err := migrate(ctx, s.write)
	if err != nil {
		return err
	}
	// More Reads at once than there are processors would only wait for each other.
	readers := max(4, runtime.GOMAXPROCS(0))
	if s.read, err = connect(path, readers, "deferred", "query_only(1)"); err != nil {
		return err
	}
	if s.writeFinds, err = prepareFinds(ctx, s.write); err != nil {
		return err
	}
	if s.readFinds, err = prepareFinds(ctx, s.read); err != nil {
		return err
	}
	if err := s.prepareNext(ctx); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "store open", "path", path, "schema", version)
	return nil
}

// connect opens a pool of connections. There is no memory map: a disk error
// under one would kill the process by a signal instead of failing a query.
func connect(path string, connections int, lock string, pragmas ...string) (*bun.DB, error) {
	pragmas = append([]string{
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"cache_size(-4096)", "journal_size_limit(67108864)", "temp_store(MEMORY)",
	}, pragmas...)
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{"_pragma": pragmas, "_txlock": {lock}}.Encode()}
	connector, err := sqlite.NewConnector(u.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return bun.NewDB(db, sqlitedialect.New()), nil
}

// check looks for damage before anything is written.
func check(ctx context.Context, db *bun.DB) error {
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, found)
	}
	return nil
}

// Close ends every connection; a transaction still running is undone.
func (s *Store) Close() error {
	var err error
	for _, db := range []*bun.DB{s.read, s.write} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}
