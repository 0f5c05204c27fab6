package store

import (
	"context"
	"errors"

	"github.com/backlot/backlot/internal/studio"
)

// Exec changes a database behind the store's back.
func Exec(ctx context.Context, path, query string) error {
	db, err := connect(path, 1, "immediate")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, query)
	return err
}

// WithCallersClock lets a store in PostgreSQL judge leases by the times that tests say.
func WithCallersClock(cfg Config) Config {
	cfg.callersClock = true
	return cfg
}

// ExecPostgres changes a database in PostgreSQL behind the store's back.
func ExecPostgres(ctx context.Context, url, query string) error {
	config, err := postgresConfig(url)
	if err != nil {
		return err
	}
	db := postgresPool(config, 1, 0)
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, query)
	return err
}

// Explain is what a caller is told of a failure of that kind.
func Explain(kind error) *studio.Error {
	e, _ := errors.AsType[*studio.Error](explain(kind))
	return e
}
