package store_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/backlot/backlot/internal/store"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	conformance(t, func(t *testing.T) func() *store.Store {
		path := filepath.Join(t.TempDir(), "a store?%41#.db")
		return func() *store.Store { return openSQLite(t, path) }
	})
}

func openSQLite(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Path: path, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
