package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
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
	return opened(t, config(t, path))
}

func opened(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
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

func config(t testing.TB, path string) store.Config {
	return store.Config{Path: path, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// filled makes a store of many things and closes it.
func filled(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(t.Context(), config(t, path))
	if err != nil {
		t.Fatal(err)
	}
	var nouns []*thing
	for i := range 500 {
		n := newThing(fmt.Sprint(i))
		n.Note = strings.Repeat("x", 400)
		nouns = append(nouns, n)
	}
	write(t, s, nouns...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEveryKindHasItsTable looks for the kinds of nouns in the other rooms' code.
func TestEveryKindHasItsTable(t *testing.T) {
	t.Parallel()
	s := openSQLite(t, filepath.Join(t.TempDir(), "store.db"))
	files, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`(?m)^\s+Table\w+\s+Table = "(\w+)"|Table\(\) studio\.Table\s+{ return "(\w+)" }`)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range kinds.FindAllStringSubmatch(string(text), -1) {
			found++
			list(t, s, studio.Query{Table: studio.Table(kind[1] + kind[2])})
		}
	}
	if found < 14 {
		t.Errorf("found %d kinds of nouns in the code", found)
	}
}

func TestOnlyOwnerReads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	write(t, openSQLite(t, path), newThing("a"))
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestOpenTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := store.Open(t.Context(), config(t, path))
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

func TestDamagedIsRefused(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(f *os.File, size int64) error{
		"no database": func(f *os.File, _ int64) error {
			_, err := f.WriteAt([]byte("this is a letter to my aunt, no database"), 0)
			return err
		},
		"torn page": func(f *os.File, _ int64) error {
			_, err := f.WriteAt([]byte(strings.Repeat("?", 8192)), 16*4096)
			return err
		},
		"cut off": func(f *os.File, size int64) error { return f.Truncate(size / 2) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filled(t)
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			info, err := f.Stat()
			if err == nil {
				err = damage(f, info.Size())
			}
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			_, err = store.Open(t.Context(), config(t, path))
			wantErr(t, err, store.ErrDamaged)
			t.Log(err)
		})
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	path := filled(t)
	if err := store.Exec(t.Context(), path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, true)"); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), config(t, path))
	wantErr(t, err, store.ErrNewer)
	t.Log(err)
}

func TestNoDirectory(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), config(t, filepath.Join(t.TempDir(), "missing", "store.db")))
	wantErr(t, err, os.ErrNotExist)
}

// TestFullDisk fills the disk of a store, which refuses changes until there is room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("backlot-test", dir, "tmpfs", 0, "size=12m"); err != nil {
		t.Skip("needs the right to mount a small tmpfs: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	s := openSQLite(t, filepath.Join(dir, "store.db"))
	write(t, s, newThing("before"))

	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(f, zeroes{})
	wantErr(t, err, unix.ENOSPC)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	large := newThing("large")
	large.Note = strings.Repeat("x", 1<<21)
	for range 3 {
		err := save(t.Context(), s, large)
		wantErr(t, err, store.ErrFull)
		if e, ok := errors.AsType[*studio.Error](err); !ok || e.Code != "STORE_FULL" {
			t.Errorf("error %v", err)
		}
	}
	if _, err := find(t, s, "before"); err != nil {
		t.Error("reading does not need room:", err)
	}
	_, err = find(t, s, "large")
	wantErr(t, err, studio.ErrNoRow)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	write(t, s, large)
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { return len(p), nil }

// TestLocked has another process's lock in the way of a writer that gives up.
func TestLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	s, other := openSQLite(t, path), openSQLite(t, path)
	err := other.Write(t.Context(), start, func(studio.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		began := time.Now()
		wantErr(t, save(ctx, s, newThing("a")), context.DeadlineExceeded)
		if waited := time.Since(began); waited > 2*time.Second {
			t.Errorf("gave up after %v", waited)
		}
		_, err := find(t, s, "a")
		wantErr(t, err, studio.ErrNoRow)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, newThing("a"))
}

// TestFakeTime runs a loop as reconcile does for a day of a noun's life, on the
// real database, in no time.
func TestFakeTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	synctest.Test(t, func(t *testing.T) {
		s := openSQLite(t, path)
		changes, end := s.Changes()
		defer end()
		woken := 0
		go func() {
			// The API makes the noun after some hours.
			time.Sleep(5 * time.Hour)
			n := dueThing("sessions", "a", 4*time.Hour)
			if err := s.Write(t.Context(), time.Now(), func(tx studio.Tx) error { return tx.Save(t.Context(), n) }); err != nil {
				t.Error(err)
			}
		}()
		began := time.Now()
		for woken < 5 {
			wait := 24 * time.Hour
			at, ok, err := s.NextDue(t.Context(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				wait = time.Until(at)
			}
			select {
			case <-changes:
			case <-time.After(wait):
			}
			leases, err := s.Claim(t.Context(), time.Now(), "loop", time.Now().Add(time.Minute), 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range leases {
				woken++
				err := s.Write(t.Context(), time.Now(), func(tx studio.Tx) error {
					var n thing
					if err := tx.Find(t.Context(), l.ID, &n); err != nil {
						return err
					}
					return tx.Save(t.Context(), &n)
				})
				if err := errors.Join(err, s.Release(t.Context(), l)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if took := time.Since(began); took < 25*time.Hour || took > 25*time.Hour+time.Millisecond {
			t.Errorf("woken five times after %v; want 25 h", took)
		}
	})
}

// TestCodesAreDocumented looks for the code of every failure in docs/errors.md.
func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []error{store.ErrFull, store.ErrDisk, store.ErrDamaged, store.ErrBusy, store.ErrLost, store.ErrUnsure} {
		e := store.Explain(kind)
		status := map[studio.ErrorKind]int{studio.QuotaExceeded: 402, studio.Internal: 500}[e.Kind]
		if line := fmt.Sprintf("| %d | %s | %s |", status, e.Kind, e.Code); !strings.Contains(string(text), line) {
			t.Errorf("%v: there is no line %s", kind, line)
		}
	}
}
