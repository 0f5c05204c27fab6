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

// explain turns what the database reports into an error that says what to do.
// Whatever is no error of the database passes as it is.
func explain(err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	kind, code, message := error(nil), "", ""
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		kind, code, message = ErrFull, "STORE_FULL", "The server has no room left to record the change; nothing was changed."
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		kind, code, message = ErrDisk, "STORE_DISK", "The server cannot use its disk; nothing was changed."
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		kind, code, message = ErrDamaged, "STORE_DAMAGED", "The server's records are damaged; nothing was changed."
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		kind, code, message = ErrBusy, "STORE_BUSY", "The server's records are locked; nothing was changed. Try again."
	default:
		return err
	}
	return &studio.Error{Kind: studio.Internal, Code: code, Message: message, Err: fmt.Errorf("%w: %w", kind, err)}
}

// taken tells whether the database refused a row because its unique key is another's.
func taken(err error) bool {
	failure, ok := errors.AsType[*sqlite.Error](err)
	return ok && failure.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}
