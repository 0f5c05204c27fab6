package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
)

func sqliteDialect() dialect {
	return dialect{
		migrations: goose.DialectSQLite3, text: "text", argument: "?",
		// Watching for cancellation costs as much as the look-up of a row.
		lookup: context.WithoutCancel,
		whole:  func(ctx context.Context) context.Context { return ctx },
	}
}

func (s *Store) openSQLite(ctx context.Context, cfg Config) error {
	s.dialect = sqliteDialect()
	path, err := filepath.Abs(cfg.Path)
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
	s.lease = s.write
	if err := check(ctx, s.write); err != nil {
		return err
	}
	version, err := s.dialect.migrate(ctx, s.write)
	if err != nil {
		return err
	}
	s.keepRoom(ctx)
	// More Reads at once than there are processors would only wait for each other.
	readers := max(4, runtime.GOMAXPROCS(0))
	if s.read, err = connect(path, readers, "deferred", "query_only(1)"); err != nil {
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
