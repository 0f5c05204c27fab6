package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"golang.org/x/sys/unix"
)

// lockKey is the advisory lock of the database that a Write holds, lockKey+1 that
// of who brings the schema up to date.
const lockKey = 0x6261636b6c6f74

func postgresDialect(callersClock bool) dialect {
	same := func(ctx context.Context) context.Context { return ctx }
	d := dialect{
		migrations: goose.DialectPostgres, text: `text COLLATE "C"`, argument: "$",
		// A studio may have nothing that is not deleted while others have much: without
		// this, PostgreSQL would take it for as full as they, and read all of theirs.
		statistics: "CREATE STATISTICS TABLE_NAME_statistics (mcv) ON studio_id, state FROM TABLE_NAME;\n",
		clock:      "floor(extract(epoch FROM statement_timestamp()) * 1000000)::bigint",
		reading:    &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		lookup:     same,
		// Nobody could tell what came of a commit that was given up.
		whole: context.WithoutCancel,
	}
	if callersClock {
		d.clock = ""
	}
	return d
}

// openPostgres connects once at least before it returns, so that what is wrong
// with the url shows.
func (s *Store) openPostgres(ctx context.Context, cfg Config) error {
	config, err := postgresConfig(cfg.URL)
	if err != nil {
		return err
	}
	s.dialect = postgresDialect(cfg.callersClock)
	// A server that is frozen in its Write, or cut off, keeps the others waiting as
	// long as this, and must leave the rest of a lease's time to those who take over.
	s.write = postgresPool(config, 1, 2*time.Second)
	s.lease = postgresPool(config, 2, 2*time.Second)
	s.read = postgresPool(config, max(8, 2*runtime.GOMAXPROCS(0)), time.Minute)
	if err := s.inspect(ctx); err != nil {
		return err
	}
	version, err := s.migrateAlone(ctx)
	if err != nil {
		return err
	}
	s.shared = &shared{id: rand.Text(), turn: make(chan struct{}, 1), connect: config}
	if err := s.join(ctx); err != nil {
		s.shared = nil
		return err
	}
	s.log.InfoContext(ctx, "store open", "host", config.Host, "database", config.Database, "schema", version)
	return nil
}

// postgresConfig reads the url without ever repeating it: it may hold a password.
func postgresConfig(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil || !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, errors.New("the url of the store is not as PostgreSQL takes it: postgres://USER@HOST/DATABASE")
	}
	// Nearly every statement has its values in its text, so that none is worth
	// preparing that is not prepared by hand.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	dialer := net.Dialer{
		Timeout:         config.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 3 * time.Second, Interval: time.Second, Count: 3},
		Control: func(network, _ string, c syscall.RawConn) (err error) {
			if !strings.HasPrefix(network, "tcp") {
				return nil
			}
			failed := c.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 6000)
			})
			return errors.Join(err, failed)
		},
	}
	config.DialFunc = dialer.DialContext
	return config, nil
}

func postgresPool(config *pgx.ConnConfig, connections int, idle time.Duration) *bun.DB {
	config = config.Copy()
	maps.Copy(config.RuntimeParams, map[string]string{
		"application_name":                    "backlot",
		"standard_conforming_strings":         "on",
		"idle_in_transaction_session_timeout": fmt.Sprint(idle.Milliseconds()),
	})
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return bun.NewDB(db, pgdialect.New())
}

// inspect refuses a database that cannot hold a store.
func (s *Store) inspect(ctx context.Context) error {
	var version int
	var encoding, fsync, commit string
	err := s.write.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
		current_setting('fsync'), current_setting('synchronous_commit')`).Scan(&version, &encoding, &fsync, &commit)
	switch {
	case err != nil:
		return err
	case version < 150000:
		return fmt.Errorf("PostgreSQL 15 or newer is needed, this is %d", version/10000)
	case encoding != "UTF8":
		return fmt.Errorf("the database has encoding %s: make one with ENCODING 'UTF8'", encoding)
	case fsync != "on" || commit == "off":
		s.log.WarnContext(ctx, "the database may lose what it has acknowledged", "fsync", fsync, "synchronous_commit", commit)
	}
	return nil
}

// migrateAlone brings the schema up to date while others wait that start, too.
func (s *Store) migrateAlone(ctx context.Context) (version int64, err error) {
	c, err := s.lease.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if _, err := c.ExecContext(ctx, "SELECT pg_advisory_lock(?)", lockKey+1); err != nil {
		return 0, err
	}
	defer func() {
		_, failed := c.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(?)", lockKey+1)
		err = errors.Join(err, failed)
	}()
	if version, err = s.dialect.migrate(ctx, s.write); err != nil {
		return 0, err
	}
	_, err = s.write.ExecContext(ctx, markDDL)
	if err == nil {
		_, err = s.write.ExecContext(ctx, "DELETE FROM store_writers WHERE at < now() - interval '7 days'")
	}
	return version, err
}
