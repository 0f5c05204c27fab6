package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

// conformance is what every database must do. database makes an empty one and
// returns what opens it, as often as a test wants.
func conformance(t *testing.T, database func(t *testing.T) (open func() *store.Store)) {
	for _, part := range []struct {
		name string
		run  func(t *testing.T, open func() *store.Store)
	}{
		{"save keeps everything", testSave},
		{"save of odd content", testOdd},
		{"save of what is stale", testStale},
		{"save of what is taken", testTaken},
		{"remove", testRemove},
		{"failed transaction", testUndone},
		{"cancelled transaction", testCancelled},
		{"read is one view", testView},
		{"read refuses changes", testReadOnly},
		{"concurrent writers", testWriters},
		{"query", testQuery},
		{"query of odd keys", testOddKeys},
		{"pages while rows come and go", testPages},
		{"each over many", testEach},
		{"claim order", testClaimOrder},
		{"lease", testLease},
		{"lease and save", testLeaseAndSave},
		{"lease of two holders", testHolders},
		{"whether a lease holds", testHolds},
		{"lease numbers", testLeaseNumbers},
		{"next due", testNextDue},
		{"changes", testChanges},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.run(t, database(t))
		})
	}
}

var start = time.Date(2026, 3, 1, 8, 0, 0, 123456789, time.UTC)

// thing is a noun of any kind whose columns a test sets at will.
type thing struct {
	Kind studio.Table
	Cols studio.Row
	// Wait, if not zero, makes it due that long after it is saved.
	Wait time.Duration `json:",omitempty"`
	Note string
	At   time.Time

	rev int64
}

func (n *thing) Table() studio.Table {
	if n.Kind == "" {
		return "sessions"
	}
	return n.Kind
}

func (n *thing) Row(now time.Time) studio.Row {
	r := n.Cols
	if n.Wait != 0 {
		r.DueAt = now.Add(n.Wait)
	}
	return r
}

func (n *thing) Rev() *int64 { return &n.rev }

func newThing(id string) *thing {
	return &thing{Cols: studio.Row{ID: id, CreatedAt: start}}
}

// write saves nouns in one transaction, at start.
func write(t *testing.T, s *store.Store, nouns ...*thing) {
	t.Helper()
	if err := save(t.Context(), s, nouns...); err != nil {
		t.Fatal(err)
	}
}

func save(ctx context.Context, s *store.Store, nouns ...*thing) error {
	return s.Write(ctx, start, func(tx studio.Tx) error {
		for _, n := range nouns {
			if err := tx.Save(ctx, n); err != nil {
				return err
			}
		}
		return nil
	})
}

func find(t *testing.T, s *store.Store, id string) (*thing, error) {
	t.Helper()
	var n thing
	err := s.Read(t.Context(), func(tx studio.Tx) error { return tx.Find(t.Context(), id, &n) })
	return &n, err
}

// list returns the ids of what q asks for, of things in sessions if it names no table.
func list(t *testing.T, s *store.Store, q studio.Query) []string {
	t.Helper()
	if q.Table == "" {
		q.Table = "sessions"
	}
	ids := []string{}
	err := s.Read(t.Context(), func(tx studio.Tx) error {
		return tx.Each(t.Context(), q, func() studio.Noun { return new(thing) }, func(n studio.Noun) error {
			ids = append(ids, n.(*thing).Cols.ID)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v; want %v", err, want)
	}
}
