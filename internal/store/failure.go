package store

import (
	"errors"
	"fmt"

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

// failure is what the database reports, put for operator and caller.
type failure struct {
	kind          error
	code, message string
}

// failureOf tells what an error of the database means; false for any other error.
func failureOf(err error) (failure, bool) {
	reported, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return failure{}, false
	}
	switch reported.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return failure{ErrFull, "STORE_FULL", "The server has no room left to record the change; nothing was changed."}, true
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return failure{ErrDisk, "STORE_DISK", "The server cannot use its disk; nothing was changed."}, true
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return failure{ErrDamaged, "STORE_DAMAGED", "The server's records are damaged; nothing was changed."}, true
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return failure{ErrBusy, "STORE_BUSY", "The server's records are locked; nothing was changed. Try again."}, true
	}
	return failure{}, false
}

// explain tells the caller of an operation that the database kept its change
// from being made. Whatever is no error of the database passes as it is.
func explain(err error) error {
	f, ok := failureOf(err)
	if !ok {
		return err
	}
	return &studio.Error{Kind: studio.Internal, Code: f.code, Message: f.message, Err: fmt.Errorf("%w: %w", f.kind, err)}
}

// taken tells whether the database refused a row because its unique key is another's.
func taken(err error) bool {
	reported, ok := errors.AsType[*sqlite.Error](err)
	return ok && reported.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}
