package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/backlot/backlot/internal/studio"
)

// Read runs fn on one consistent view of the store; saving in it is an error.
//
// Where it is worth it, only the statements in it can be cancelled.
func (s *Store) Read(ctx context.Context, fn func(studio.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var db bun.Tx
	err := s.attempt(ctx, func() (err error) {
		db, err = s.read.BeginTx(s.dialect.lookup(ctx), s.dialect.reading)
		return err
	})
	if err != nil {
		return explain(err)
	}
	defer func() { _ = db.Rollback() }() // there is nothing to keep
	return explain(fn(&tx{db: db, dialect: &s.dialect, finds: s.readFinds}))
}

// Write runs fn in one transaction; when it fails, the nouns saved in it have
// the revisions they had before. Writes have the store to themselves, whoever
// else has the database, so what fn has read holds until its end.
func (s *Store) Write(ctx context.Context, now time.Time, fn func(studio.Tx) error) error {
	var t *tx
	err := s.attempt(ctx, func() error {
		t = &tx{dialect: &s.dialect, finds: s.writeFinds, now: now, writes: true, locks: s.shared != nil}
		done := false
		defer func() {
			if !done {
				t.restore()
			}
		}()
		err := s.alone(ctx, func(db bun.Tx) (bool, error) {
			t.db = db
			if err := fn(t); err != nil {
				return false, err
			}
			return t.changed, t.failed
		})
		done = err == nil
		return err
	})
	if err != nil {
		return explain(err)
	}
	if t.changed {
		s.changes.notify()
	}
	return nil
}

// alone runs do in a transaction that has the store to itself. What do changed is
// kept if it says so.
func (s *Store) alone(ctx context.Context, do func(bun.Tx) (keep bool, err error)) error {
	if s.shared == nil {
		_, err := s.transact(ctx, do)
		if s.writes.Add(1)%spareEvery == 0 {
			s.keepRoom(context.WithoutCancel(ctx))
		}
		return err
	}
	select {
	case s.shared.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.shared.turn }()
	sent, err := s.transact(ctx, do)
	if sent && lost(err) {
		return s.outcome(ctx, err)
	}
	return err
}

// transact also tells whether it has asked the database to commit.
func (s *Store) transact(ctx context.Context, do func(bun.Tx) (keep bool, err error)) (sent bool, err error) {
	c, err := s.write.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = c.Close() }() // back to the pool
	db, err := c.BeginTx(s.dialect.whole(ctx), nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = db.Rollback() }() // nothing, once it is committed
	if s.shared != nil {
		if err := s.shared.enter(ctx, db); err != nil {
			return false, err
		}
	}
	keep, err := do(db)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil || !keep {
		return false, err
	}
	return true, db.Commit()
}
