package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/backlot/backlot/internal/studio"
)

// Claim leases up to limit nouns that are due at now and not leased to anybody,
// those due longest first. holder names who asks; until is when the leases end.
// It passes over what a Write is about to change: that is due afterwards.
func (s *Store) Claim(ctx context.Context, now time.Time, holder string, until time.Time, limit int) ([]studio.Lease, error) {
	found, err := s.dueAt(ctx, now, limit)
	if err != nil {
		return nil, fmt.Errorf("look for what is due: %w", explain(err))
	}
	if len(found) == 0 {
		return nil, nil
	}
	var leases []studio.Lease
	err = s.attempt(ctx, func() error {
		leases = nil
		return s.lease.RunInTx(ctx, nil, func(ctx context.Context, db bun.Tx) error {
			for _, l := range found {
				l.Until = microTime(until.UnixMicro())
				err := s.takeLease(db, l, now, holder).Scan(ctx, &l.Number)
				if errors.Is(err, sql.ErrNoRows) {
					continue // another was faster
				}
				if err != nil {
					return fmt.Errorf("lease %s of %s: %w", l.ID, l.Table, err)
				}
				leases = append(leases, l)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("claim what is due: %w", explain(err))
	}
	return leases, nil
}

func (s *Store) takeLease(db bun.Tx, l studio.Lease, now time.Time, holder string) *bun.UpdateQuery {
	free := s.dialect.whereDue(db.NewSelect().TableExpr("?", bun.Ident(l.Table)).Column("id"), now.UnixMicro()).
		Where("id = ?", l.ID)
	if s.shared != nil {
		free = free.For("UPDATE SKIP LOCKED")
	}
	return db.NewUpdate().TableExpr("?", bun.Ident(l.Table)).
		Set("lease_number = lease_number + 1").Set("lease_holder = ?", holder).Set("lease_until = ?", s.until(now, l.Until)).
		Where("id IN (?)", free).Returning("lease_number")
}

// until is when a lease ends that lasts from now until then for its holder.
func (s *Store) until(now, then time.Time) schema.QueryWithArgs {
	return bun.SafeQuery("? + ?", s.dialect.now(now.UnixMicro()), then.UnixMicro()-now.UnixMicro())
}

// dueAt finds what is due, without a claim to it.
func (s *Store) dueAt(ctx context.Context, now time.Time, limit int) (found []studio.Lease, err error) {
	rows, err := s.due.QueryContext(ctx, now.UnixMicro(), limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var l studio.Lease
		if err := rows.Scan(&l.Table, &l.ID); err != nil {
			return nil, err
		}
		found = append(found, l)
	}
	return found, rows.Err()
}

// prepareDue makes the statement of Claim: one for all tables.
func (d dialect) prepareDue(ctx context.Context, db *bun.DB) (*sql.Stmt, error) {
	var each []string
	for _, table := range tables() {
		each = append(each, "SELECT * FROM ("+d.selectDue(db, table, d.arg(1), d.arg(2)).String()+") AS q")
	}
	all := "SELECT kind, id FROM (" + strings.Join(each, " UNION ALL ") + ") AS q ORDER BY due_at, kind, id LIMIT " + string(d.arg(2))
	return db.DB.PrepareContext(ctx, all)
}

func (d dialect) selectDue(db bun.IDB, table studio.Table, now, limit any) *bun.SelectQuery {
	return d.whereDue(db.NewSelect().TableExpr("?", bun.Ident(table)), now).
		ColumnExpr("? AS kind", table).Column("id", "due_at").OrderExpr("due_at LIMIT ?", limit)
}

func (d dialect) whereDue(q *bun.SelectQuery, now any) *bun.SelectQuery {
	return q.Where("due_at <= ?", now).Where("lease_until <= ?", d.now(now))
}

// Renew lets a lease end later; ErrStale when it ran out before now, was
// released or is another's.
func (s *Store) Renew(ctx context.Context, lease studio.Lease, now, until time.Time) error {
	err := s.attempt(ctx, func() error {
		result, err := held(s.lease.NewUpdate(), lease).
			Set("lease_until = ?", s.until(now, until)).Where("lease_until > ?", s.dialect.now(now.UnixMicro())).Exec(ctx)
		return affected(result, err, studio.ErrStale)
	})
	if err != nil {
		return fmt.Errorf("renew lease of %s: %w", lease.ID, explain(err))
	}
	return nil
}

// Release ends a lease; ErrStale when it is not held any more.
func (s *Store) Release(ctx context.Context, lease studio.Lease) error {
	err := s.attempt(ctx, func() error {
		result, err := held(s.lease.NewUpdate(), lease).
			Set("lease_until = 0").Set("lease_holder = ''").Where("lease_until > 0").Exec(ctx)
		return affected(result, err, studio.ErrStale)
	})
	if err != nil {
		return fmt.Errorf("release lease of %s: %w", lease.ID, explain(err))
	}
	s.changes.notify()
	return s.tellOthers(ctx)
}

// Abandon ends every lease of a holder that has died: to be called by who takes
// its place, when nobody else can have the holder's name.
func (s *Store) Abandon(ctx context.Context, holder string) error {
	err := s.attempt(ctx, func() error {
		return s.alone(ctx, func(db bun.Tx) (bool, error) { return true, abandon(ctx, db, holder) })
	})
	if err != nil {
		return fmt.Errorf("end the leases of %s: %w", holder, explain(err))
	}
	s.changes.notify()
	return nil
}

func abandon(ctx context.Context, db bun.Tx, holder string) error {
	for _, table := range tables() {
		_, err := db.NewUpdate().TableExpr("?", bun.Ident(table)).
			Set("lease_until = 0").Set("lease_holder = ''").Where("lease_holder = ?", holder).Exec(ctx)
		if err != nil {
			return fmt.Errorf("end leases in %s: %w", table, err)
		}
	}
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
func (d dialect) prepareNext(ctx context.Context, db *bun.DB) (*sql.Stmt, error) {
	var each []string
	for _, table := range tables() {
		for _, q := range d.selectNext(db, table, d.arg(1)) {
			each = append(each, "SELECT * FROM ("+q.String()+") AS q")
		}
	}
	all := "SELECT min(due_at) FROM (" + strings.Join(each, " UNION ALL ") + ") AS q"
	return db.DB.PrepareContext(ctx, all)
}

// selectNext asks for the next of what nobody holds, and of what is held: two
// queries, as one over both would read every row that is ever due.
func (d dialect) selectNext(db bun.IDB, table studio.Table, now any) []*bun.SelectQuery {
	free := db.NewSelect().TableExpr("?", bun.Ident(table)).ColumnExpr("due_at").
		Where("due_at IS NOT NULL").Where("lease_until <= ?", d.now(now)).
		OrderExpr("due_at").Limit(1)
	ends := bun.SafeQuery("lease_until - ? + ?", d.now(now), now) // for the caller
	held := db.NewSelect().TableExpr("?", bun.Ident(table)).
		ColumnExpr("CASE WHEN due_at > ? THEN due_at ELSE ? END AS at", ends, ends).
		Where("due_at IS NOT NULL").Where("lease_until > 0").Where("lease_until > ?", d.now(now)).
		OrderExpr("at").Limit(1)
	return []*bun.SelectQuery{free, held}
}

func microTime(us int64) time.Time { return time.UnixMicro(us).UTC() }
