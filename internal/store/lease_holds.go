package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/backlot/backlot/internal/studio"
)

// Holds implements studio.Tx.
func (t *tx) Holds(ctx context.Context, lease studio.Lease) error {
	if lease == (studio.Lease{}) {
		return nil
	}
	var number int64
	err := t.try(func() error {
		q := t.db.NewSelect().TableExpr("?", bun.Ident(lease.Table)).Column("lease_number").Where("id = ?", lease.ID)
		if t.locks {
			q = q.For("UPDATE")
		}
		return q.Scan(ctx, &number)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && number != lease.Number:
		return fmt.Errorf("lease %d of %s: %w", lease.Number, lease.ID, studio.ErrStale)
	case err != nil:
		return fmt.Errorf("read lease of %s: %w", lease.ID, err)
	}
	return nil
}
