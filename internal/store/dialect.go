package store

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
)

// dialect is what is said differently to one database and another.
type dialect struct {
	migrations goose.Dialect
	// text is the type of a column whose values are ordered by their bytes.
	text string
	// statistics is what the database must be told to gather of a table.
	statistics string
	// argument and a number name an argument of a prepared statement.
	argument string
	// clock, if not empty, is the time by which leases are judged in place of the
	// caller's: microseconds since 1970.
	clock string
	// reading is what a transaction is asked for that only reads.
	reading *sql.TxOptions
	// lookup and whole tell how far look-ups of a row, and transactions as a whole,
	// can be cancelled.
	lookup, whole func(context.Context) context.Context
}

// arg names the n-th argument of a prepared statement.
func (d dialect) arg(n int) bun.Safe { return bun.Safe(d.argument + strconv.Itoa(n)) }

// now is the time by which leases are judged.
func (d dialect) now(callers any) any {
	if d.clock != "" {
		return bun.Safe(d.clock)
	}
	return callers
}
