package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

// dueThing is due that long after start.
func dueThing(kind studio.Table, id string, wait time.Duration) *thing {
	n := newThing(id)
	n.Kind, n.Wait = kind, wait
	return n
}

func claim(t *testing.T, s *store.Store, now time.Time, limit int) []studio.Lease {
	t.Helper()
	leases, err := s.Claim(t.Context(), now, "holder", now.Add(time.Minute), limit)
	if err != nil {
		t.Fatal(err)
	}
	return leases
}

func claimOne(t *testing.T, s *store.Store, now time.Time) studio.Lease {
	t.Helper()
	leases := claim(t, s, now, 10)
	if len(leases) != 1 {
		t.Fatalf("claimed %v; want one", leases)
	}
	return leases[0]
}

func testClaimOrder(t *testing.T, open func() *store.Store) {
	s := open()
	write(t, s,
		dueThing("sessions", "third", 3*time.Second), dueThing("streams", "first", 1*time.Second),
		dueThing("launch_profiles", "second", 2*time.Second), dueThing("sessions", "fourth", 4*time.Second),
		dueThing("backups", "later", time.Hour), newThing("never"))
	if leases := claim(t, s, start, 10); len(leases) != 0 {
		t.Errorf("claimed %v before they were due", leases)
	}
	now := start.Add(time.Minute)
	var ids []string
	for len(ids) < 5 {
		leases := claim(t, s, now, 3)
		if len(leases) == 0 {
			break
		}
		for _, l := range leases {
			ids = append(ids, l.ID)
			if l.Number != 1 || !l.Until.Equal(now.Add(time.Minute).Truncate(time.Microsecond)) {
				t.Errorf("lease %+v", l)
			}
		}
	}
	if want := []string{"first", "second", "third", "fourth"}; !cmp.Equal(ids, want) {
		t.Errorf("claimed %v; want %v", ids, want)
	}
}

func testLease(t *testing.T, open func() *store.Store) {
	s := open()
	n := dueThing("sessions", "a", time.Second)
	write(t, s, n)
	now := start.Add(2 * time.Second)

	first := claimOne(t, s, now)
	if again := claim(t, s, now.Add(59*time.Second), 10); len(again) != 0 {
		t.Errorf("claimed %v while it is leased", again)
	}
	if err := s.Renew(t.Context(), first, now.Add(59*time.Second), now.Add(2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if again := claim(t, s, now.Add(61*time.Second), 10); len(again) != 0 {
		t.Errorf("claimed %v while its renewed lease lasts", again)
	}
	wantErr(t, s.Renew(t.Context(), first, now.Add(3*time.Minute), now.Add(4*time.Minute)), studio.ErrStale)

	second := claimOne(t, s, now.Add(3*time.Minute))
	if second.Number != first.Number+1 {
		t.Errorf("lease number %d after %d", second.Number, first.Number)
	}
	wantErr(t, s.Renew(t.Context(), first, now, now.Add(time.Hour)), studio.ErrStale)
	wantErr(t, s.Release(t.Context(), first), studio.ErrStale)
	if err := s.Release(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	wantErr(t, s.Release(t.Context(), second), studio.ErrStale)
	wantErr(t, s.Renew(t.Context(), second, now, now.Add(time.Hour)), studio.ErrStale)

	third := claimOne(t, s, now.Add(3*time.Minute))
	if third.Number != second.Number+1 {
		t.Errorf("lease number %d after %d", third.Number, second.Number)
	}
	if err := s.Write(t.Context(), now, func(tx studio.Tx) error { return tx.Remove(t.Context(), n) }); err != nil {
		t.Fatal(err)
	}
	wantErr(t, s.Renew(t.Context(), third, now, now.Add(time.Hour)), studio.ErrStale)
	wantErr(t, s.Release(t.Context(), third), studio.ErrStale)
}

// testLeaseAndSave saves a noun, as the API does, while the loop holds its lease.
func testLeaseAndSave(t *testing.T, open func() *store.Store) {
	s := open()
	n := dueThing("sessions", "a", time.Second)
	write(t, s, n)
	now := start.Add(time.Minute)
	lease := claimOne(t, s, now)
	n.Note = "changed"
	write(t, s, n)
	if again := claim(t, s, now, 10); len(again) != 0 {
		t.Errorf("claimed %v although a save must not end a lease", again)
	}
	if err := s.Renew(t.Context(), lease, now, now.Add(time.Minute)); err != nil {
		t.Error("renew after a save:", err)
	}
	// The holder's own last save says when the noun is due again.
	n.Wait = time.Hour
	write(t, s, n)
	if err := s.Release(t.Context(), lease); err != nil {
		t.Error("release after a save:", err)
	}
	if again := claim(t, s, now, 10); len(again) != 0 {
		t.Errorf("claimed %v before it was due", again)
	}
	n.Wait = 0
	write(t, s, n)
	if again := claim(t, s, now.AddDate(1, 0, 0), 10); len(again) != 0 {
		t.Errorf("claimed %v which is never due", again)
	}
}

// testHolders lets two holders claim at once: nothing is claimed twice.
func testHolders(t *testing.T, open func() *store.Store) {
	const nouns = 60
	stores := []*store.Store{open(), open()}
	for i := range nouns {
		write(t, stores[0], dueThing("sessions", fmt.Sprint(i), time.Second))
	}
	var mu sync.Mutex
	claimed := map[string]int{}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for {
				leases, err := stores[i%2].Claim(t.Context(), start.Add(time.Minute), fmt.Sprint(i), start.Add(time.Hour), 7)
				if err != nil {
					t.Error(err)
				}
				if len(leases) == 0 {
					return
				}
				mu.Lock()
				for _, l := range leases {
					claimed[l.ID]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for id, times := range claimed {
		if times != 1 {
			t.Errorf("%s claimed %d times", id, times)
		}
	}
	if len(claimed) != nouns {
		t.Errorf("claimed %d of %d", len(claimed), nouns)
	}
}

// testLeaseNumbers ends leases in every way: the next one always has a higher number.
func testLeaseNumbers(t *testing.T, open func() *store.Store) {
	s := open()
	n := dueThing("sessions", "a", time.Second)
	write(t, s, n)
	now := start.Add(time.Minute)
	last := int64(0)
	for _, end := range []func(studio.Lease) error{
		func(studio.Lease) error { now = now.Add(time.Hour); return nil }, // it runs out
		func(l studio.Lease) error { return s.Release(t.Context(), l) },
		func(studio.Lease) error { return s.Abandon(t.Context(), "holder") },
		func(studio.Lease) error {
			if err := s.Close(); err != nil {
				return err
			}
			s = open()
			now = now.Add(time.Hour)
			return nil
		},
		func(studio.Lease) error { return s.Restored(t.Context(), now) },
		func(studio.Lease) error { return s.Restored(t.Context(), start) }, // by a clock that was set back
	} {
		l := claimOne(t, s, now)
		if l.Number <= last {
			t.Errorf("lease number %d after %d", l.Number, last)
		}
		last = l.Number
		if err := end(l); err != nil {
			t.Fatal(err)
		}
	}
	if l := claimOne(t, s, now); l.Number <= last || l.Number <= start.UnixMicro() {
		t.Errorf("lease number %d after %d", l.Number, last)
	}
}

func testNextDue(t *testing.T, open func() *store.Store) {
	s := open()
	next := func(now time.Time) time.Time {
		t.Helper()
		at, ok, err := s.NextDue(t.Context(), now)
		if err != nil || ok == at.IsZero() {
			t.Fatalf("next due at %v, %v, %v", at, ok, err)
		}
		return at
	}
	// A loop that sleeps until then finds something, and does not wake too early.
	wants := func(now, want time.Time) {
		t.Helper()
		if got := next(now); got.Before(want) || got.Sub(want) >= time.Microsecond {
			t.Errorf("next due at %v; want %v", got, want)
		}
	}
	if at, ok, err := s.NextDue(t.Context(), start); ok || err != nil {
		t.Errorf("in an empty store something is due at %v, %v", at, err)
	}
	early, late := dueThing("sessions", "early", time.Second), dueThing("backups", "late", time.Hour)
	write(t, s, newThing("never"), late, early)
	wants(start, start.Add(time.Second))
	now := next(start)
	lease := claimOne(t, s, now)
	wants(now, now.Add(time.Minute)) // when the lease ends
	if err := s.Renew(t.Context(), lease, now, now.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	wants(now, start.Add(time.Hour))
	late.Wait = 0
	write(t, s, late)
	early.Wait = 3 * time.Hour // behind the end of its lease
	write(t, s, early)
	wants(now, start.Add(3*time.Hour))
	if err := s.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	wants(now, start.Add(3*time.Hour))
	early.Wait = 0
	write(t, s, early)
	if !next(now).IsZero() {
		t.Error("nothing is due any more")
	}
}

func testChanges(t *testing.T, open func() *store.Store) {
	s := open()
	changes, end := s.Changes()
	other, endOther := s.Changes()
	told := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	n := dueThing("sessions", "a", time.Second)
	write(t, s, n)
	write(t, s, n)
	if !told(changes) || told(changes) || !told(other) {
		t.Error("two commits are one notice, to everybody")
	}
	write(t, s)
	wantErr(t, save(t.Context(), s, newThing("a")), studio.ErrTaken)
	lease := claimOne(t, s, start.Add(time.Minute))
	if told(changes) {
		t.Error("told without a change")
	}
	if err := s.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	if !told(changes) {
		t.Error("not told of a release, after which the noun can be claimed")
	}
	end()
	end()
	write(t, s, n)
	if told(changes) || !told(other) {
		t.Error("told the wrong subscribers")
	}
	endOther()
}
