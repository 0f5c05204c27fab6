package store_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/testkit"
)

// large fills a store with that many things in two studios, three quarters of
// them deleted, a hundredth of the first studio's of one owner.
func large(b *testing.B, s *store.Store, rows int) {
	b.Helper()
	const batch = 10_000
	for from := 0; from < rows; from += batch {
		err := s.Write(b.Context(), start, func(tx studio.Tx) error {
			for i := from; i < from+batch; i++ {
				n := newThing(fmt.Sprintf("us-west-2:stid-abcdefgh12345678.%022d", i))
				n.Cols.StudioID, n.Cols.OwnedBy, n.Cols.State = fmt.Sprint("s", i%2), fmt.Sprint("o", i/2%100), studio.Ready
				if i/200%4 != 0 {
					n.Cols.State = studio.Deleted
				}
				n.Cols.CreatedAt = start.Add(time.Duration(i) * time.Second)
				n.Wait = time.Hour
				n.Note = strings.Repeat("x", 600)
				if err := tx.Save(b.Context(), n); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStore(b *testing.B) {
	benchmark(b, openSQLite(b, filepath.Join(b.TempDir(), "store.db")), 100_000)
}

func BenchmarkPostgres(b *testing.B) {
	benchmark(b, opened(b, store.WithCallersClock(postgres(b, testkit.NewPostgres(b).URL))), 20_000)
}

func benchmark(b *testing.B, s *store.Store, rows int) {
	large(b, s, rows)
	id := fmt.Sprintf("us-west-2:stid-abcdefgh12345678.%022d", rows/2)
	read := func(b *testing.B, fn func(studio.Tx) error) {
		for b.Loop() {
			if err := s.Read(b.Context(), fn); err != nil {
				b.Fatal(err)
			}
		}
	}

	b.Run("find", func(b *testing.B) {
		read(b, func(tx studio.Tx) error { return tx.Find(b.Context(), id, new(thing)) })
	})
	b.Run("find in parallel", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				err := s.Read(b.Context(), func(tx studio.Tx) error { return tx.Find(b.Context(), id, new(thing)) })
				if err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("find and save", func(b *testing.B) {
		for b.Loop() {
			err := s.Write(b.Context(), start, func(tx studio.Tx) error {
				var n thing
				if err := tx.Find(b.Context(), id, &n); err != nil {
					return err
				}
				return tx.Save(b.Context(), &n)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	place := studio.Place{CreatedAt: start.Add(time.Duration(rows/2) * time.Second), ID: id}
	for _, q := range []struct {
		name  string
		query studio.Query
	}{
		{"studio", studio.Query{StudioID: "s1"}},
		{"not deleted", studio.Query{StudioID: "s1", NotStates: []studio.State{studio.Deleted}}},
		{"owner", studio.Query{StudioID: "s1", OwnedBy: "o7"}},
	} {
		q.query.Table, q.query.Limit, q.query.NewestFirst = "sessions", 50, true
		for _, after := range []studio.Place{{}, place} {
			q.query.After = after
			b.Run(fmt.Sprintf("list 50, %s, deep %v", q.name, after != studio.Place{}), func(b *testing.B) {
				read(b, func(tx studio.Tx) error {
					seen := 0
					err := tx.Each(b.Context(), q.query, func() studio.Noun { return new(thing) }, func(studio.Noun) error { seen++; return nil })
					if seen != 50 {
						b.Error("saw", seen)
					}
					return err
				})
			})
		}
	}
	b.Run("next due", func(b *testing.B) {
		for b.Loop() {
			if _, ok, err := s.NextDue(b.Context(), start); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("claim nothing", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Claim(b.Context(), start, "holder", start, 10); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("claim and release", func(b *testing.B) {
		now := start.Add(2 * time.Hour)
		for b.Loop() {
			leases, err := s.Claim(b.Context(), now, "holder", now.Add(time.Minute), 1)
			if err != nil || len(leases) != 1 {
				b.Fatal(leases, err)
			}
			if err := s.Release(b.Context(), leases[0]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
