package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// shared is what a process needs that has the database together with others.
type shared struct {
	// id names this opening of the store.
	id string
	// turn holds a value while a Write of this process runs, until it is known what
	// came of it; writes, which goes with it, counts them.
	turn   chan struct{}
	writes int64

	connect *pgx.ConnConfig
	end     context.CancelFunc
	ended   chan struct{}
}

// markDDL makes the table in which each writer leaves the number of its last
// Write, in that Write itself: by it a writer that lost its connection in a
// commit tells what came of it. Ids of transactions do not tell: after a crash
// the database gives those of lost ones to others.
const markDDL = `CREATE TABLE IF NOT EXISTS store_writers (
	id    text NOT NULL PRIMARY KEY,
	write bigint NOT NULL,
	at    timestamptz NOT NULL
)`

// channel is where commits are announced.
const channel = "backlot_store"

// enter waits until no other Write runs, marks this one and has the others told
// of it once it is committed, in one round trip. What follows sees what the last
// Write left.
func (m *shared) enter(ctx context.Context, db bun.Tx) error {
	m.writes++
	_, err := db.ExecContext(ctx, `
		WITH alone AS MATERIALIZED (SELECT pg_advisory_xact_lock(?), pg_notify(?, ?))
		INSERT INTO store_writers (id, write, at) SELECT ?, ?, statement_timestamp() FROM alone
		ON CONFLICT (id) DO UPDATE SET write = excluded.write, at = excluded.at`,
		lockKey, channel, m.id, m.id, m.writes)
	return err
}

// outcome finds out whether the last Write was kept, whose connection was lost in
// the commit: err when it was not, ErrUnsure when nobody can tell for now.
func (s *Store) outcome(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	var kept bool
	failed := s.attempt(ctx, func() error {
		return s.write.RunInTx(ctx, nil, func(ctx context.Context, db bun.Tx) error {
			// Its transaction had the lock to its end, whichever that was.
			if _, err := db.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", lockKey); err != nil {
				return err
			}
			return db.NewRaw("SELECT count(*) > 0 FROM store_writers WHERE id = ? AND write = ?", s.shared.id, s.shared.writes).Scan(ctx, &kept)
		})
	})
	switch {
	case failed != nil:
		return fmt.Errorf("%w: %w: %w", ErrUnsure, err, failed)
	case kept:
		return nil
	default:
		return err
	}
}

// attempt does something again, a bounded number of times, that the database gave
// up for a reason that passes, and of which nothing is left.
func (s *Store) attempt(ctx context.Context, do func() error) error {
	if s.shared == nil {
		return s.again(ctx, do)
	}
	wait := 10 * time.Millisecond
	for try := 1; ; try++ {
		err := do()
		if try == 12 || !passes(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(wait):
		}
		wait = min(2*wait, time.Second)
	}
}

func passes(err error) bool {
	kind := kindOf(err)
	return errors.Is(kind, ErrLost) || errors.Is(kind, ErrBusy)
}

// tellOthers wakes the other processes.
func (s *Store) tellOthers(ctx context.Context) error {
	if s.shared == nil {
		return nil
	}
	_, err := s.lease.ExecContext(ctx, "SELECT pg_notify(?, ?)", channel, s.shared.id)
	return explain(err)
}

// join listens to what others commit, until leave.
func (s *Store) join(ctx context.Context) error {
	c, err := s.listen(ctx)
	if err != nil {
		return err
	}
	ctx, s.shared.end = context.WithCancel(context.WithoutCancel(ctx))
	s.shared.ended = make(chan struct{})
	go func() {
		defer close(s.shared.ended)
		s.hear(ctx, c)
	}()
	return nil
}

func (s *Store) leave() {
	s.shared.end()
	<-s.shared.ended
}

func (s *Store) listen(ctx context.Context) (*pgx.Conn, error) {
	c, err := pgx.ConnectConfig(ctx, s.shared.connect.Copy())
	if err != nil {
		return nil, err
	}
	if _, err := c.Exec(ctx, "LISTEN "+channel); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	return c, nil
}

// hear passes on what others commit. While it is without a connection nothing is
// heard, so subscribers are told whenever it has a new one.
func (s *Store) hear(ctx context.Context, c *pgx.Conn) {
	for {
		err := s.passOn(ctx, c)
		_ = c.Close(ctx) // broken already
		if ctx.Err() != nil {
			return
		}
		s.log.WarnContext(ctx, "does not hear of changes that other servers make", "err", err)
		for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			if c, err = s.listen(ctx); err == nil {
				break
			}
		}
		s.log.InfoContext(ctx, "hears of changes again")
		s.changes.notify()
	}
}

func (s *Store) passOn(ctx context.Context, c *pgx.Conn) error {
	for {
		n, err := c.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if n.Payload != s.shared.id {
			s.changes.notify()
		}
	}
}
