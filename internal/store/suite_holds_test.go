package store_test

import (
	"testing"
	"time"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

func testHolds(t *testing.T, open func() *store.Store) {
	s := open()
	holds := func(l studio.Lease) error {
		return s.Write(t.Context(), start, func(tx studio.Tx) error { return tx.Holds(t.Context(), l) })
	}
	write(t, s, dueThing("sessions", "it", time.Second))
	first := claimOne(t, s, start.Add(time.Minute))
	wantErr(t, holds(first), nil)
	wantErr(t, holds(studio.Lease{}), nil)

	if err := s.Release(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	wantErr(t, holds(first), nil)
	second := claimOne(t, s, start.Add(time.Hour))
	wantErr(t, holds(first), studio.ErrStale)
	wantErr(t, holds(second), nil)
	wantErr(t, holds(studio.Lease{Table: "sessions", ID: "never", Number: 1}), studio.ErrStale)
}
