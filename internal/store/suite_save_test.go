package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

func testSave(t *testing.T, open func() *store.Store) {
	s := open()
	n := &thing{
		Cols: studio.Row{
			ID: "a", StudioID: "s", ParentID: "p", OwnedBy: "o", CreatedBy: "c", State: studio.Ready,
			Unique: "u", CreatedAt: start,
		},
		Note: "first", At: start,
	}
	write(t, s, n)
	if n.rev != 1 {
		t.Errorf("revision %d after the first save", n.rev)
	}
	n.Note = "second"
	write(t, s, n)

	same := cmp.Options{cmp.AllowUnexported(thing{}), cmpopts.EquateApproxTime(0)}
	again := open()
	found, err := find(t, again, "a")
	if err != nil || !cmp.Equal(found, n, same) {
		t.Errorf("found %v: %s", err, cmp.Diff(n, found, same))
	}
	if n.rev != 2 {
		t.Errorf("revision %d after the second save", n.rev)
	}
	unique := thing{Wait: time.Hour, Note: "of something else", rev: 7}
	err = again.Read(t.Context(), func(tx studio.Tx) error { return tx.FindUnique(t.Context(), "u", &unique) })
	if err != nil || !cmp.Equal(&unique, n, same) {
		t.Errorf("found by unique key %v: %s", err, cmp.Diff(n, &unique, same))
	}
	_, err = find(t, s, "b")
	wantErr(t, err, studio.ErrNoRow)
	err = again.Read(t.Context(), func(tx studio.Tx) error { return tx.FindUnique(t.Context(), "a", &unique) })
	wantErr(t, err, studio.ErrNoRow)
}

func testOdd(t *testing.T, open func() *store.Store) {
	s := open()
	for _, text := range []string{
		"", "it's \"quoted\"", `back\slash`, "ask ? ?0 ?note $1 :x @x %", "nul \x00 byte", "line\nend\r", "日本語 🎬", "'; DROP TABLE sessions; --",
		strings.Repeat("long ", 1<<18),
	} {
		n := newThing("odd " + text[:min(len(text), 40)])
		n.Cols.ID = strings.ReplaceAll(n.Cols.ID, "\x00", "")
		n.Cols.OwnedBy, n.Note = n.Cols.ID, text
		write(t, s, n)
		found, err := find(t, s, n.Cols.ID)
		if err != nil || found.Note != text {
			t.Errorf("%.40q came back as %.40q, %v", text, found.Note, err)
		}
		if ids := list(t, s, studio.Query{OwnedBy: n.Cols.OwnedBy}); len(ids) != 1 {
			t.Errorf("%.40q listed as %q", text, ids)
		}
	}
}

func testStale(t *testing.T, open func() *store.Store) {
	s, other := open(), open()
	n := newThing("a")
	write(t, s, n)
	mine, err := find(t, s, "a")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := find(t, other, "a")
	if err != nil {
		t.Fatal(err)
	}
	write(t, other, theirs)
	wantErr(t, save(t.Context(), s, mine), studio.ErrStale)
	if mine.rev != 1 {
		t.Errorf("revision %d after a save that was refused", mine.rev)
	}
	if err := s.Write(t.Context(), start, func(tx studio.Tx) error { return tx.Remove(t.Context(), mine) }); err != nil {
		t.Error("remove whatever the revision:", err)
	}
	wantErr(t, save(t.Context(), s, theirs), studio.ErrStale)
}

func testTaken(t *testing.T, open func() *store.Store) {
	s := open()
	unique := func(id, key string) *thing {
		n := newThing(id)
		n.Cols.Unique = key
		return n
	}
	a, b := unique("a", "1"), unique("b", "2")
	other := unique("a", "1")
	other.Kind = "streams"
	write(t, s, a, b, other, unique("c", ""), unique("d", ""))

	err := s.Write(t.Context(), start, func(tx studio.Tx) error {
		wantErr(t, tx.Save(t.Context(), unique("e", "1")), studio.ErrTaken)
		wantErr(t, tx.Save(t.Context(), unique("a", "")), studio.ErrTaken)
		return tx.Save(t.Context(), unique("e", "3")) // the transaction goes on
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Cols.Unique = "1"
	wantErr(t, save(t.Context(), s, b), studio.ErrTaken)
	a.Cols.Unique = "4"
	write(t, s, a, b)
	if err := s.Write(t.Context(), start, func(tx studio.Tx) error { return tx.Remove(t.Context(), a) }); err != nil {
		t.Fatal(err)
	}
	write(t, s, unique("f", "4"))
}

func testRemove(t *testing.T, open func() *store.Store) {
	s := open()
	a, b := newThing("a"), newThing("b")
	write(t, s, a, b)
	for range 2 {
		if err := s.Write(t.Context(), start, func(tx studio.Tx) error { return tx.Remove(t.Context(), a) }); err != nil {
			t.Fatal(err)
		}
	}
	if ids := list(t, s, studio.Query{}); !cmp.Equal(ids, []string{"b"}) {
		t.Errorf("left %v", ids)
	}
}

func testUndone(t *testing.T, open func() *store.Store) {
	s := open()
	kept, lost := newThing("kept"), newThing("lost")
	write(t, s, kept)
	cause := errors.New("cause")
	change := func(end func() error) func(studio.Tx) error {
		return func(tx studio.Tx) error {
			return errors.Join(tx.Save(t.Context(), lost), tx.Save(t.Context(), kept), tx.Save(t.Context(), kept),
				tx.Remove(t.Context(), kept), end())
		}
	}
	wantErr(t, s.Write(t.Context(), start, change(func() error { return cause })), cause)
	func() {
		defer func() { _ = recover() }()
		_ = s.Write(t.Context(), start, change(func() error { panic("in the middle") }))
	}()
	if kept.rev != 1 || lost.rev != 0 {
		t.Errorf("revisions %d and %d after a transaction that was undone", kept.rev, lost.rev)
	}
	if ids := list(t, s, studio.Query{}); !cmp.Equal(ids, []string{"kept"}) {
		t.Errorf("kept %v", ids)
	}
	write(t, s, kept, lost)
}

func testCancelled(t *testing.T, open func() *store.Store) {
	s := open()
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Write(ctx, start, func(tx studio.Tx) error {
		err := tx.Save(ctx, newThing("lost"))
		cancel()
		return err
	})
	wantErr(t, err, context.Canceled)
	wantErr(t, save(ctx, s, newThing("lost")), context.Canceled)

	// What the database gave up must not be taken up half-way.
	err = s.Write(t.Context(), start, func(tx studio.Tx) error {
		if err := tx.Save(t.Context(), newThing("lost")); err != nil {
			return err
		}
		wantErr(t, tx.Save(ctx, newThing("lost too")), context.Canceled)
		wantErr(t, tx.Save(t.Context(), newThing("lost as well")), context.Canceled)
		wantErr(t, tx.Remove(t.Context(), newThing("lost")), context.Canceled)
		wantErr(t, tx.Find(t.Context(), "lost", new(thing)), context.Canceled)
		_, err := tx.Count(t.Context(), studio.Query{Table: "sessions"})
		wantErr(t, err, context.Canceled)
		return nil
	})
	wantErr(t, err, context.Canceled)

	// Who waits for another writer can give up waiting.
	err = s.Write(t.Context(), start, func(tx studio.Tx) error {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		wantErr(t, save(ctx, s, newThing("lost")), context.Canceled)
		return tx.Save(t.Context(), newThing("kept"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if ids := list(t, s, studio.Query{}); !cmp.Equal(ids, []string{"kept"}) {
		t.Errorf("kept %v", ids)
	}
}

func testView(t *testing.T, open func() *store.Store) {
	s := open()
	write(t, s, newThing("a"))
	q := studio.Query{Table: "sessions"}
	err := s.Read(t.Context(), func(tx studio.Tx) error {
		before, err := tx.Count(t.Context(), q)
		if err != nil {
			return err
		}
		write(t, s, newThing("b"))
		after, err := tx.Count(t.Context(), q)
		if before != 1 || after != 1 {
			t.Errorf("counted %d, then %d", before, after)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if ids := list(t, s, q); len(ids) != 2 {
		t.Errorf("left %v", ids)
	}
}

func testReadOnly(t *testing.T, open func() *store.Store) {
	s := open()
	n := newThing("a")
	err := s.Read(t.Context(), func(tx studio.Tx) error { return tx.Save(t.Context(), n) })
	if err == nil || n.rev != 0 {
		t.Errorf("saved while reading: %v", err)
	}
	if err := s.Read(t.Context(), func(tx studio.Tx) error { return tx.Remove(t.Context(), n) }); err == nil {
		t.Error("removed while reading")
	}
}

// testWriters has many writers add to one noun, over two openings of the store.
func testWriters(t *testing.T, open func() *store.Store) {
	stores := []*store.Store{open(), open()}
	write(t, stores[0], newThing("counter"))
	const writers, rounds = 8, 25
	var wg sync.WaitGroup
	for i := range writers {
		s := stores[i%len(stores)]
		wg.Go(func() {
			for done := 0; done < rounds; {
				var n thing
				err := s.Read(t.Context(), func(tx studio.Tx) error { return tx.Find(t.Context(), "counter", &n) })
				if err == nil {
					n.Note += "."
					err = save(t.Context(), s, &n)
				}
				switch {
				case err == nil:
					done++
				case !errors.Is(err, studio.ErrStale):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	n, err := find(t, stores[0], "counter")
	if err != nil || len(n.Note) != writers*rounds || n.rev != writers*rounds+1 {
		t.Errorf("%d additions, revision %d, %v", len(n.Note), n.rev, err)
	}
}
