package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/backlot/backlot/internal/studio"
)

// Restored lets a store go on that an older state was put in the place of: every
// lease ends, and the next ones have higher numbers than any that were handed out
// since. Where such a number is kept, it would keep lower ones from acting.
func (s *Store) Restored(ctx context.Context, now time.Time) error {
	err := s.attempt(ctx, func() error {
		return s.alone(ctx, func(db bun.Tx) (bool, error) {
			for _, table := range tables() {
				_, err := db.NewUpdate().TableExpr("?", bun.Ident(table)).
					Set("lease_number = CASE WHEN lease_number > ?0 THEN lease_number ELSE ?0 END", now.UnixMicro()).
					Set("lease_until = 0").Set("lease_holder = ''").Where("TRUE").Exec(ctx)
				if err != nil {
					return false, fmt.Errorf("number leases of %s: %w", table, err)
				}
			}
			return true, nil
		})
	})
	if err != nil {
		return explain(err)
	}
	s.changes.notify()
	return nil
}

// copied is a row and the number of its last lease.
type copied struct {
	bun.BaseModel `bun:"table:rows"`
	row           `bun:",embed"`
	LeaseNumber   int64 `bun:"lease_number"`
}

var errNotEmpty = errors.New("there is something in it already")

// Copy puts all that a store holds into another, which must be empty: all or
// nothing. Nobody may write into either meanwhile. It returns the number of rows.
func Copy(ctx context.Context, from, to *Store) (rows int, err error) {
	view, err := from.read.BeginTx(ctx, from.dialect.reading)
	if err != nil {
		return 0, explain(err)
	}
	defer func() { _ = view.Rollback() }() // there is nothing to keep
	err = to.alone(ctx, func(db bun.Tx) (bool, error) {
		for _, table := range tables() {
			n, err := copyTable(ctx, view, db, table)
			if err != nil {
				return false, fmt.Errorf("copy %s: %w", table, err)
			}
			rows += n
		}
		return true, nil
	})
	return rows, explain(err)
}

func copyTable(ctx context.Context, from, to bun.Tx, table studio.Table) (n int, err error) {
	full, err := to.NewSelect().TableExpr("?", bun.Ident(table)).Exists(ctx)
	if err == nil && full {
		err = errNotEmpty
	}
	for last := ""; err == nil; {
		var rows []copied
		err = from.NewSelect().Model(&rows).ModelTableExpr("? AS ?", bun.Ident(table), bun.Ident("copied")).
			Where("id > ?", last).OrderExpr("id").Limit(page).Scan(ctx)
		if err != nil || len(rows) == 0 {
			return n, err
		}
		_, err = to.NewInsert().Model(&rows).ModelTableExpr("?", bun.Ident(table)).Exec(ctx)
		last, n = rows[len(rows)-1].ID, n+len(rows)
	}
	return n, err
}
