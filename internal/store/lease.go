package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/backlot/backlot/internal/studio"
)

// due is a noun that wants to be looked at.
type due struct {
	table studio.Table
	id    string
	at    int64
}

// Claim leases up to limit nouns that are due at now and not leased to anybody,
// those due longest first. holder names who asks; until is when the leases end.
func (s *Store) Claim(ctx context.Context, now time.Time, holder string, until time.Time, limit int) ([]studio.Lease, error) {
	var leases []studio.Lease
	err := s.write.RunInTx(ctx, nil, func(ctx context.Context, db bun.Tx) error {
		found, err := dueAt(ctx, db, now, limit)
		if err != nil {
			return err
		}
		for _, d := range found {
			l := studio.Lease{Table: d.table, ID: d.id, Until: microTime(until.UnixMicro())}
			err := db.NewUpdate().TableExpr("?", bun.Ident(d.table)).
				Set("lease_number = lease_number + 1").Set("lease_holder = ?", holder).Set("lease_until = ?", until.UnixMicro()).
				Where("id = ?", d.id).Returning("lease_number").Scan(ctx, &l.Number)
			if err != nil {
				return fmt.Errorf("lease %s of %s: %w", d.id, d.table, err)
			}
			leases = append(leases, l)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim what is due: %w", explain(err))
	}
	return leases, nil
}

func dueAt(ctx context.Context, db bun.Tx, now time.Time, limit int) ([]due, error) {
	var found []due
	for _, table := range tables() {
		var rows []row
		err := selectDue(db, &rows, table, now, limit).Scan(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for what is due in %s: %w", table, err)
		}
		for _, r := range rows {
			found = append(found, due{table, r.ID, *r.DueAt})
		}
	}
	slices.SortFunc(found, func(a, b due) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.table, b.table), cmp.Compare(a.id, b.id))
	})
	return found[:min(len(found), limit)], nil
}

func selectDue(db bun.IDB, rows *[]row, table studio.Table, now time.Time, limit int) *bun.SelectQuery {
	return db.NewSelect().Model(rows).ModelTableExpr("? AS ?", bun.Ident(table), bun.Ident("row")).
		Column("id", "due_at").
		Where("due_at <= ?", now.UnixMicro()).Where("lease_until <= ?", now.UnixMicro()).
		OrderExpr("due_at").Limit(int64(limit))
}

// Renew lets a lease end later; ErrStale when it ran out before now, was
// released or is another's.
func (s *Store) Renew(ctx context.Context, lease studio.Lease, now, until time.Time) error {
	result, err := held(s.write.NewUpdate(), lease).
		Set("lease_until = ?", until.UnixMicro()).Where("lease_until > ?", now.UnixMicro()).Exec(ctx)
	if err := affected(result, err, studio.ErrStale); err != nil {
		return fmt.Errorf("renew lease of %s: %w", lease.ID, explain(err))
	}
	return nil
}

// Release ends a lease; ErrStale when it is not held any more.
func (s *Store) Release(ctx context.Context, lease studio.Lease) error {
	result, err := held(s.write.NewUpdate(), lease).
		Set("lease_until = 0").Set("lease_holder = ''").Where("lease_until > 0").Exec(ctx)
	if err := affected(result, err, studio.ErrStale); err != nil {
		return fmt.Errorf("release lease of %s: %w", lease.ID, explain(err))
	}
	s.changes.notify()
	return nil
}

// Abandon ends every lease of a holder that has died: to be called by who takes
// its place, when nobody else can have the holder's name.
func (s *Store) Abandon(ctx context.Context, holder string) error {
	err := s.write.RunInTx(ctx, nil, func(ctx context.Context, db bun.Tx) error {
		for _, table := range tables() {
			_, err := db.NewUpdate().TableExpr("?", bun.Ident(table)).
				Set("lease_until = 0").Set("lease_holder = ''").Where("lease_holder = ?", holder).Exec(ctx)
			if err != nil {
				return fmt.Errorf("end leases in %s: %w", table, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("end the leases of %s: %w", holder, explain(err))
	}
	s.changes.notify()
	return nil
}

func held(u *bun.UpdateQuery, lease studio.Lease) *bun.UpdateQuery {
	return u.TableExpr("?", bun.Ident(lease.Table)).Where("id = ?", lease.ID).Where("lease_number = ?", lease.Number)
}

// NextDue tells when Claim will next find something: the earliest time at which
// a noun is due and its lease, if any, has ended; false when nothing is ever due.
// The time is before now when something is due already.
func (s *Store) NextDue(ctx context.Context, now time.Time) (time.Time, bool, error) {
	var earliest sql.NullInt64
	err := s.next.QueryRowContext(ctx, now.UnixMicro()).Scan(&earliest)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("look for what is next: %w", explain(err))
	}
	if !earliest.Valid {
		return time.Time{}, false, nil
	}
	return microTime(earliest.Int64), true, nil
}

// prepareNext makes the statement of NextDue, which is asked after every change:
// one for all tables, read by the database only once.
func (s *Store) prepareNext(ctx context.Context) (err error) {
	var each []string
	for _, table := range tables() {
		for _, q := range selectNext(s.read, table, bun.Safe("?1")) {
			each = append(each, "SELECT * FROM ("+q.String()+")")
		}
	}
	all := "SELECT min(due_at) FROM (" + strings.Join(each, " UNION ALL ") + ")" //nolint:gosec // all of it is ours
	s.next, err = s.read.DB.PrepareContext(ctx, all)
	return err
}

// selectNext asks for the next of what nobody holds, and of what is held: two
// queries, as one over both would read every row that is ever due.
func selectNext(db bun.IDB, table studio.Table, now any) []*bun.SelectQuery {
	free := db.NewSelect().TableExpr("?", bun.Ident(table)).ColumnExpr("due_at").
		Where("due_at IS NOT NULL").Where("lease_until <= ?", now).
		OrderExpr("due_at").Limit(1)
	held := db.NewSelect().TableExpr("?", bun.Ident(table)).
		ColumnExpr("CASE WHEN due_at > lease_until THEN due_at ELSE lease_until END AS at").
		Where("due_at IS NOT NULL").Where("lease_until > 0").Where("lease_until > ?", now).
		OrderExpr("at").Limit(1)
	return []*bun.SelectQuery{free, held}
}

func microTime(us int64) time.Time { return time.UnixMicro(us).UTC() }
