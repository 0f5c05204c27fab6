package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/backlot/backlot/internal/studio"
)

// page bounds how many rows of a long list are in memory at once.
const page = 500

// Each implements studio.Tx. It reads pages, and calls fn between them, so fn
// may use the transaction; what fn saves behind the present place is seen.
func (t *tx) Each(ctx context.Context, q studio.Query, next func() studio.Noun, fn func(studio.Noun) error) error {
	for left := q.Limit; ; {
		size := page
		if q.Limit > 0 {
			size = min(size, left)
		}
		rows, err := t.page(ctx, q, size)
		if err != nil {
			return fmt.Errorf("list %s: %w", q.Table, err)
		}
		for i := range rows {
			n := next()
			if err := rows[i].fill(n); err != nil {
				return err
			}
			if err := fn(n); err != nil {
				return err
			}
		}
		left -= len(rows)
		if len(rows) < size || q.Limit > 0 && left == 0 {
			return nil
		}
		last := rows[len(rows)-1]
		q.After = studio.Place{CreatedAt: microTime(last.CreatedAt), ID: last.ID}
	}
}

func (t *tx) page(ctx context.Context, q studio.Query, size int) ([]row, error) {
	if unmatched(q) {
		return nil, nil
	}
	var rows []row
	err := t.try(func() error { return selectPage(t.db, &rows, q, size).Scan(ctx) })
	return rows, err
}

func selectPage(db bun.IDB, rows *[]row, q studio.Query, size int) *bun.SelectQuery {
	s := filter(db.NewSelect().Model(rows).ModelTableExpr("? AS ?", bun.Ident(q.Table), bun.Ident("row")), q).
		Column("id", "created_at", "revision", "body").Limit(int64(size))
	after, order := "(created_at, id) > (?, ?)", "ASC"
	if q.NewestFirst {
		after, order = "(created_at, id) < (?, ?)", "DESC"
	}
	if q.After != (studio.Place{}) {
		s = s.Where(after, q.After.CreatedAt.UnixMicro(), q.After.ID)
	}
	return s.OrderExpr("created_at " + order + ", id " + order)
}

// Count implements studio.Tx.
func (t *tx) Count(ctx context.Context, q studio.Query) (int, error) {
	if unmatched(q) {
		return 0, nil
	}
	n := 0
	err := t.try(func() error {
		return filter(t.db.NewSelect().TableExpr("?", bun.Ident(q.Table)), q).ColumnExpr("count(*)").Scan(ctx, &n)
	})
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", q.Table, err)
	}
	return n, nil
}

// filter adds the conditions of q. That what is asked for is not deleted is said
// in so many words, as only then the index of what is not deleted is used.
func filter(s *bun.SelectQuery, q studio.Query) *bun.SelectQuery {
	// Named rows are few: they are read by their ids, and no index may tempt the
	// database to pass over a whole studio for them.
	is := "? = ?"
	if len(q.IDs) > 0 {
		s, is = s.Where("id IN (?)", bun.List(q.IDs)), "coalesce(?, '') = ?"
	}
	for _, column := range []struct{ name, value string }{
		{"studio_id", q.StudioID}, {"parent_id", q.ParentID}, {"owned_by", q.OwnedBy}, {"created_by", q.CreatedBy},
	} {
		if column.value != "" {
			s = s.Where(is, bun.Ident(column.name), column.value)
		}
	}
	not := q.NotStates
	if len(q.States) > 0 {
		s = s.Where("state IN (?)", bun.List(q.States))
		if !slices.Contains(q.States, studio.Deleted) {
			not = append(slices.Clone(not), studio.Deleted)
		}
	}
	for _, state := range not {
		s = s.Where("state <> ?", state)
	}
	return s
}

// unmatched tells that a condition of q holds for no row, as it is no text.
func unmatched(q studio.Query) bool {
	return !text(q.StudioID, q.ParentID, q.OwnedBy, q.CreatedBy, q.After.ID) ||
		slices.ContainsFunc(q.IDs, func(id string) bool { return !text(id) })
}
