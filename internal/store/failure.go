package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/backlot/backlot/internal/studio"
)

// ErrDamaged says that the content of the database is not what was written.
var ErrDamaged = errors.New("the store's file is damaged: stop the server, put a backup of the file in its place and start again")

// ErrNewer says that the schema of the database is unknown to this version.
var ErrNewer = errors.New("the store was written by a newer version of backlot: start that version, or put a backup of the file from before the upgrade in its place")

// ErrFull says that there is no room for a change. Nothing of it was kept.
var ErrFull = errors.New("the disk of the store is full: make room on it")

// ErrDisk says that the disk could not be read or written.
var ErrDisk = errors.New("the disk of the store fails: look at the kernel's log and at the mount")

// ErrBusy says that another process kept the database locked for too long.
var ErrBusy = errors.New("the store is locked by another process")

// ErrLost says that the database does not answer.
var ErrLost = errors.New("the store's database cannot be reached: see whether it runs, and what its log says")

// ErrUnsure says that the database was lost before it told whether it has kept a
// change.
var ErrUnsure = errors.New("the store's database was lost in a commit")

// failure is what the database reports, put for operator and caller.
type failure struct {
	kind          error
	exception     studio.ErrorKind
	code, message string
}

// failureOf tells what an error of the database means; false for any other error.
func failureOf(err error) (failure, bool) {
	kind := kindOf(err)
	for _, f := range []failure{
		// A full disk is nothing that another try helps against, which clients make
		// by themselves after an internal error.
		{ErrFull, studio.QuotaExceeded, "STORE_FULL", "The server has no room left to record this, and nothing was changed. Its operator must make room on the disk of its store; stopping and deleting is possible for longest."},
		{ErrDisk, studio.Internal, "STORE_DISK", "The server cannot use the disk of its store, and nothing was changed. Its operator must look at it."},
		{ErrDamaged, studio.Internal, "STORE_DAMAGED", "The server's store is damaged, and nothing was changed. Its operator must bring a backup of it back."},
		{ErrBusy, studio.Internal, "STORE_BUSY", "The server's store is locked, and nothing was changed. Try again."},
		{ErrLost, studio.Internal, "STORE_LOST", "The server cannot reach its database, and nothing was changed. Try again."},
		{ErrUnsure, studio.Internal, "STORE_UNSURE", "The server lost its database while it recorded this, which may have been done or not. Look which, or try again with the same client token."},
	} {
		if errors.Is(kind, f.kind) {
			return f, true
		}
	}
	return failure{}, false
}

// kindOf is the one of the errors above that an error of the database is, or nil.
func kindOf(err error) error {
	for _, kind := range []error{ErrUnsure, ErrFull, ErrDisk, ErrDamaged, ErrBusy, ErrLost} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	if reported, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteKind(reported)
	}
	if reported, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresKind(reported)
	}
	if lost(err) {
		return ErrLost
	}
	return nil
}

func sqliteKind(reported *sqlite.Error) error {
	switch reported.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return ErrDisk
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return ErrDamaged
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrBusy
	}
	return nil
}

// postgresKind reads the codes of appendix A of PostgreSQL's manual.
func postgresKind(reported *pgconn.PgError) error {
	switch class := reported.Code[:min(2, len(reported.Code))]; {
	case reported.Code == "53100":
		return ErrFull
	case class == "58", reported.Code == "25006": // its system; read-only
		return ErrDisk
	case class == "XX" && reported.Code != "XX000":
		return ErrDamaged
	case reported.Code == "40001", reported.Code == "40P01", class == "55":
		return ErrBusy
	case class == "08", class == "57", class == "53", reported.Code == "25P03":
		return ErrLost
	}
	return nil
}

// lost tells that a connection to the database has ended, or cannot be made.
func lost(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnsure) {
		return false
	}
	if reported, ok := errors.AsType[*pgconn.PgError](err); ok {
		return errors.Is(postgresKind(reported), ErrLost)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return pgconn.SafeToRetry(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// explain tells the caller of an operation that the database kept its change
// from being made. Whatever is no error of the database passes as it is.
func explain(err error) error {
	if err == nil {
		return nil
	}
	f, ok := failureOf(err)
	if _, done := errors.AsType[*studio.Error](err); done || !ok {
		return err
	}
	return &studio.Error{Kind: f.exception, Code: f.code, Message: f.message, Err: fmt.Errorf("%w: %w", f.kind, err)}
}
