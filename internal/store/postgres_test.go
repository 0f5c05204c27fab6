package store_test

import (
	"log/slog"
	"testing"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/testkit"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	conformance(t, func(t *testing.T) func() *store.Store {
		cfg := store.WithCallersClock(postgres(t, testkit.Postgres(t)))
		return func() *store.Store { return opened(t, cfg) }
	})
}

func postgres(t testing.TB, url string) store.Config {
	return store.Config{URL: url, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}
