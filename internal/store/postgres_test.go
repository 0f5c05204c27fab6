package store_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
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

func TestPostgresOpenTogether(t *testing.T) {
	t.Parallel()
	cfg := postgres(t, testkit.Postgres(t))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestPostgresNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	url := testkit.Postgres(t)
	opened(t, postgres(t, url))
	if err := store.ExecPostgres(t.Context(), url, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, true)"); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), postgres(t, url))
	wantErr(t, err, store.ErrNewer)
}

func TestPasswordIsNotTold(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://backlot:GEHEIM@%zz/x", "postgres://backlot:GEHEIM@[::1/x", "postgres://backlot:GEHEIM@127.0.0.1:1/x",
		"postgres://backlot:GEHEIM@/x?host=/nowhere", "postgres:/backlot:GEHEIM", "host=/nowhere password=GEHEIM",
		"postgres://backlot:GEHEIM@127.0.0.1:nan/x", "postgres:///x?host=/nowhere&password=GEHEIM&port=GEHEIM",
		"mysql://backlot:GEHEIM@127.0.0.1/x", "postgres://backlot@/x?host=/nowhere&sslmode=GEHEIM",
	} {
		var log strings.Builder
		_, err := store.Open(t.Context(), store.Config{URL: url, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err == nil || strings.Contains(err.Error()+log.String(), "GEHEIM") {
			t.Errorf("%s: %v, %s", url, err, &log)
		}
	}
}

// TestWokenByOthers also takes away the connections, after which it must work again.
func TestWokenByOthers(t *testing.T) {
	t.Parallel()
	url := testkit.Postgres(t)
	cfg := store.WithCallersClock(postgres(t, url))
	s, other := opened(t, cfg), opened(t, cfg)
	changes, end := s.Changes()
	defer end()
	told := func(when string) {
		t.Helper()
		select {
		case <-changes:
		case <-time.After(20 * time.Second):
			t.Fatalf("not told %s", when)
		}
	}
	n := dueThing("sessions", "a", time.Second)
	write(t, other, n)
	told("of a commit")
	lease := claimOne(t, other, start.Add(time.Minute))
	if err := other.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	told("of a release")
	claimOne(t, other, start.Add(time.Minute))
	if err := other.Abandon(t.Context(), "holder"); err != nil {
		t.Fatal(err)
	}
	told("of a holder's end")
	cut := "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
	if err := store.ExecPostgres(t.Context(), url, cut); err != nil {
		t.Fatal(err)
	}
	told("to look again, after a time without a connection")
	write(t, other, n)
	told("of a commit on the new connection")
}

// TestFrozenWriter stops a server in the middle of a Write: the others go on after
// a moment, and it begins anew.
func TestFrozenWriter(t *testing.T) {
	t.Parallel()
	cfg := postgres(t, testkit.Postgres(t))
	frozen, other := opened(t, cfg), opened(t, cfg)
	write(t, frozen, newThing("counter"))
	runs := 0
	add := func(tx studio.Tx) error {
		var n thing
		if err := tx.Find(t.Context(), "counter", &n); err != nil {
			return err
		}
		n.Note += "."
		return tx.Save(t.Context(), &n)
	}
	err := frozen.Write(t.Context(), start, func(tx studio.Tx) error {
		if err := add(tx); err != nil {
			return err
		}
		if runs++; runs == 1 {
			began := time.Now()
			if err := other.Write(t.Context(), start, add); err != nil {
				t.Error(err)
			}
			if waited := time.Since(began); waited > 5*time.Second {
				t.Errorf("others wait %v for a server that is frozen", waited)
			}
		}
		return nil
	})
	n, findErr := find(t, other, "counter")
	if err := errors.Join(err, findErr); err != nil || runs != 2 || n.Note != ".." {
		t.Errorf("%v; ran %d times, counted %q", err, runs, n.Note)
	}
}

// TestOneClock has two servers whose clocks differ hold leases in turn, none
// while the other's lasts.
func TestOneClock(t *testing.T) {
	t.Parallel()
	cfg := postgres(t, testkit.Postgres(t))
	type holding struct {
		number      int64
		from, until time.Time // by the clock of this test
	}
	var mu sync.Mutex
	held := map[string][]holding{}
	const nouns, lasts = 5, 60 * time.Millisecond
	began := time.Now()
	late := 10 * time.Minute
	stores := []*store.Store{opened(t, cfg), opened(t, cfg)}
	for i := range nouns {
		if err := stores[0].Write(t.Context(), began.Add(-time.Hour), func(tx studio.Tx) error {
			return tx.Save(t.Context(), dueThing("sessions", fmt.Sprint(i), time.Second))
		}); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for time.Since(began) < 3*time.Second {
				asked := time.Now()
				now := asked.Add(time.Duration(i%2) * late)
				leases, err := stores[i%2].Claim(t.Context(), now, fmt.Sprint(i), now.Add(lasts), 3)
				if err != nil {
					t.Error(err)
					return
				}
				got := time.Now()
				for j, l := range leases {
					h := holding{l.Number, got, asked.Add(lasts)}
					if j%2 == 0 {
						asked := time.Now()
						now := asked.Add(time.Duration(i%2) * late)
						if err := stores[i%2].Renew(t.Context(), l, now, now.Add(lasts)); err == nil {
							h.until = asked.Add(lasts)
						} else if !errors.Is(err, studio.ErrStale) {
							t.Error(err)
						}
					}
					mu.Lock()
					held[l.ID] = append(held[l.ID], h)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for id, all := range held {
		byNumber := map[int64]holding{}
		for _, h := range all {
			if _, twice := byNumber[h.number]; twice {
				t.Errorf("lease %d of %s held twice", h.number, id)
			}
			byNumber[h.number] = h
		}
		for number, h := range byNumber {
			total++
			if before, ok := byNumber[number-1]; ok && h.from.Before(before.until) {
				t.Errorf("lease %d of %s was handed out %v before the last one ended", number, id, before.until.Sub(h.from))
			}
		}
	}
	if total < 3*nouns {
		t.Errorf("only %d leases", total)
	}
	if _, ok, err := stores[0].NextDue(t.Context(), time.Now()); !ok || err != nil {
		t.Error(ok, err)
	}
}
