package store_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

// testQuery compares the answers to random queries with those of a plain search.
func testQuery(t *testing.T, open func() *store.Store) {
	s := open()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	states := []studio.State{studio.Ready, studio.Stopped, studio.Deleted, ""}
	some := func() (picked []studio.State) {
		for _, state := range states {
			if random.IntN(4) == 0 {
				picked = append(picked, state)
			}
		}
		return picked
	}
	var all []*thing
	for i := range 300 {
		all = append(all, &thing{Cols: studio.Row{
			ID: fmt.Sprintf("%c%03d", 'A'+random.IntN(50), i), StudioID: pick("", "s1", "s2"), ParentID: pick("", "p1", "p2"),
			OwnedBy: pick("", "o1", "o2"), CreatedBy: pick("", "c1", "c2"), State: states[random.IntN(len(states))],
			// Many are made at the same time, and some before 1970.
			CreatedAt: start.Add(time.Duration(random.IntN(20))*time.Microsecond).AddDate(-60*random.IntN(2), 0, 0),
		}})
	}
	write(t, s, all...)

	for range 500 {
		q := studio.Query{
			Table: "sessions", StudioID: pick("", "s1", "s2"), ParentID: pick("", "", "p1"), OwnedBy: pick("", "", "o2"), CreatedBy: pick("", "", "c2"),
			States: some(), NotStates: some(), NewestFirst: random.IntN(2) == 0, Limit: random.IntN(9),
		}
		for range random.IntN(2) * random.IntN(40) {
			q.IDs = append(q.IDs, all[random.IntN(len(all))].Cols.ID)
		}
		if random.IntN(2) == 0 {
			last := all[random.IntN(len(all))].Cols
			q.After = studio.Place{CreatedAt: last.CreatedAt, ID: last.ID}
		}
		want, count := search(all, q)
		if got := list(t, s, q); !gocmp.Equal(got, want) {
			t.Fatalf("%+v:\n%s", q, gocmp.Diff(want, got))
		}
		var n int
		err := s.Read(t.Context(), func(tx studio.Tx) (err error) {
			n, err = tx.Count(t.Context(), q)
			return err
		})
		if err != nil || n != count {
			t.Fatalf("%+v: counted %d, %v; want %d", q, n, err, count)
		}
	}
}

// search answers q from all the slow way.
func search(all []*thing, q studio.Query) (ids []string, count int) {
	order := func(a, b studio.Place) int {
		c := cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		if q.NewestFirst {
			return -c
		}
		return c
	}
	is := func(asked, has string) bool { return asked == "" || asked == has }
	var places []studio.Place
	for _, n := range all {
		c := n.Cols
		if is(q.StudioID, c.StudioID) && is(q.ParentID, c.ParentID) && is(q.OwnedBy, c.OwnedBy) && is(q.CreatedBy, c.CreatedBy) &&
			(len(q.IDs) == 0 || slices.Contains(q.IDs, c.ID)) &&
			(len(q.States) == 0 || slices.Contains(q.States, c.State)) && !slices.Contains(q.NotStates, c.State) {
			count++
			if place := (studio.Place{CreatedAt: c.CreatedAt, ID: c.ID}); q.After.ID == "" || order(place, q.After) > 0 {
				places = append(places, place)
			}
		}
	}
	slices.SortFunc(places, order)
	ids = []string{}
	for _, place := range places {
		if q.Limit == 0 || len(ids) < q.Limit {
			ids = append(ids, place.ID)
		}
	}
	return ids, count
}

// testOddKeys asks for keys that cannot be in the store.
func testOddKeys(t *testing.T, open func() *store.Store) {
	s := open()
	n := newThing("a")
	n.Cols.OwnedBy, n.Cols.Unique = "o", "u"
	write(t, s, n)
	for _, odd := range []string{"a\x00", "\x00", "\xff", "a\xff"} {
		_, err := find(t, s, odd)
		wantErr(t, err, studio.ErrNoRow)
		err = s.Read(t.Context(), func(tx studio.Tx) error { return tx.FindUnique(t.Context(), odd, n) })
		wantErr(t, err, studio.ErrNoRow)
		for _, q := range []studio.Query{{StudioID: odd}, {OwnedBy: odd}, {CreatedBy: odd}, {ParentID: odd}, {IDs: []string{odd}}} {
			if ids := list(t, s, q); len(ids) != 0 {
				t.Errorf("%+v found %v", q, ids)
			}
		}
		if err := save(t.Context(), s, newThing(odd)); err == nil {
			t.Errorf("saved with id %q", odd)
		}
	}
	if err := save(t.Context(), s, newThing("")); err == nil {
		t.Error("saved without an id")
	}
}

// testPages turns pages while rows are made and removed: each row that is there
// all the time is seen once.
func testPages(t *testing.T, open func() *store.Store) {
	s := open()
	for _, newest := range []bool{false, true} {
		var stays, goes []*thing
		kind := studio.Table("streams")
		if newest {
			kind = "backups"
		}
		for i := range 100 {
			n := newThing(fmt.Sprintf("%03d", i))
			n.Kind = kind
			n.Cols.CreatedAt = start.Add(time.Duration(i/10) * time.Second) // ties
			if i%2 == 0 {
				stays = append(stays, n)
			} else {
				goes = append(goes, n)
			}
		}
		write(t, s, stays...)
		write(t, s, goes...)
		seen := map[string]int{}
		q := studio.Query{Table: kind, NewestFirst: newest, Limit: 7}
		for page := 0; ; page++ {
			var found []*thing
			err := s.Read(t.Context(), func(tx studio.Tx) error {
				return tx.Each(t.Context(), q, func() studio.Noun { return new(thing) }, func(n studio.Noun) error {
					found = append(found, n.(*thing))
					return nil
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 0 {
				break
			}
			for _, n := range found {
				seen[n.Cols.ID]++
			}
			last := found[len(found)-1].Cols
			q.After = studio.Place{CreatedAt: last.CreatedAt, ID: last.ID}
			// What was seen last goes, and something new appears, now here, now there.
			err = s.Write(t.Context(), start, func(tx studio.Tx) error {
				n := newThing(fmt.Sprintf("new%d", page))
				n.Kind = kind
				n.Cols.CreatedAt = start.Add(time.Duration(page%12-1) * time.Second)
				return errors.Join(tx.Save(t.Context(), n), tx.Remove(t.Context(), goes[(page*13)%len(goes)]))
			})
			if err != nil {
				t.Fatal(err)
			}
			if page > 1000 {
				t.Fatal("no end")
			}
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("%s seen %d times", id, times)
			}
		}
		for _, n := range stays {
			if seen[n.Cols.ID] != 1 {
				t.Errorf("%s seen %d times", n.Cols.ID, seen[n.Cols.ID])
			}
		}
	}
}

// testEach walks more rows than are read at once, and uses the transaction meanwhile.
func testEach(t *testing.T, open func() *store.Store) {
	s := open()
	const many = 1203
	var all []*thing
	for i := range many {
		all = append(all, newThing(fmt.Sprintf("%05d", i)))
	}
	write(t, s, all...)
	seen := 0
	err := s.Write(t.Context(), start, func(tx studio.Tx) error {
		return tx.Each(t.Context(), studio.Query{Table: "sessions"}, func() studio.Noun { return new(thing) }, func(n studio.Noun) error {
			var same thing
			if err := tx.Find(t.Context(), n.(*thing).Cols.ID, &same); err != nil {
				return err
			}
			seen++
			same.Note = "seen"
			return tx.Save(t.Context(), &same)
		})
	})
	if err != nil || seen != many {
		t.Fatalf("saw %d, %v", seen, err)
	}
	if ids := list(t, s, studio.Query{Limit: 1001}); len(ids) != 1001 {
		t.Errorf("limit of 1001 gave %d", len(ids))
	}
	enough := errors.New("enough")
	err = s.Read(t.Context(), func(tx studio.Tx) error {
		return tx.Each(t.Context(), studio.Query{Table: "sessions"}, func() studio.Noun { return new(thing) }, func(n studio.Noun) error {
			if n.(*thing).Note != "seen" {
				t.Errorf("%s has note %q", n.(*thing).Cols.ID, n.(*thing).Note)
			}
			return enough
		})
	})
	wantErr(t, err, enough)
}
