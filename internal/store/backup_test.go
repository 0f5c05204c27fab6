package store_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/testkit"
)

// TestBackup backs a store up while it is written, and restores that over a later
// state of it.
func TestBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, file := filepath.Join(dir, "store.db"), filepath.Join(dir, "a backup ' %.db")
	s := openSQLite(t, path)
	n := dueThing("sessions", "a", time.Second)
	write(t, s, n)
	written := make(chan error)
	stop := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				close(written)
				return
			default:
			}
			if err := save(t.Context(), s, newThing(fmt.Sprintf("x%d", i)), newThing(fmt.Sprintf("y%d", i))); err != nil {
				written <- err
			}
		}
	}()
	for i := range 5 {
		each := fmt.Sprint(file, i)
		if err := store.Backup(t.Context(), path, each); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(each); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(info.Mode(), err)
		}
	}
	close(stop)
	if err := <-written; err != nil {
		t.Error(err)
	}
	wantErr(t, store.Backup(t.Context(), path, file+"0"), fs.ErrExist)
	wantErr(t, store.Backup(t.Context(), path+"x", file), fs.ErrNotExist)

	lease := claimOne(t, s, start.Add(time.Minute))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	kept, err := store.Restore(t.Context(), file+"4", path, now, config(t, path).Log)
	if err != nil {
		t.Fatal(err)
	}
	s = openSQLite(t, path)
	counts := map[byte]int{}
	for _, id := range list(t, s, studio.Query{}) {
		counts[id[0]]++
	}
	if counts['a'] != 1 || counts['x'] == 0 || counts['x'] != counts['y'] {
		t.Errorf("restored %v", counts)
	}
	if again := claimOne(t, s, start.Add(2*time.Minute)); again.Number <= lease.Number || again.Number <= now.UnixMicro() {
		t.Errorf("lease number %d after %d and a restore", again.Number, lease.Number)
	}
	before := list(t, openSQLite(t, kept), studio.Query{})
	if len(before) < len(list(t, s, studio.Query{})) {
		t.Errorf("%d nouns in the file that was replaced", len(before))
	}
	left, err := filepath.Glob(filepath.Join(dir, "*restoring*"))
	if hidden, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left)+len(hidden) > 0 || err != nil {
		t.Errorf("left behind %v %v, %v", left, hidden, err)
	}
}

// TestRestoreRefuses what cannot be a store, and leaves the present one as it is.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	path := filled(t)
	newer, torn, letter := filled(t), filled(t), filepath.Join(t.TempDir(), "letter")
	if err := store.Exec(t.Context(), newer, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, true)"); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(torn, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(strings.Repeat("?", 8192)), 16*4096); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(letter, []byte("this is a letter to my aunt, no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]error{newer: store.ErrNewer, torn: store.ErrDamaged, letter: store.ErrDamaged, path + "x": fs.ErrNotExist} {
		kept, err := store.Restore(t.Context(), file, path, start, config(t, path).Log)
		wantErr(t, err, want)
		if kept != "" {
			t.Error("replaced:", kept)
		}
	}
	if ids := list(t, openSQLite(t, path), studio.Query{}); len(ids) != 500 {
		t.Errorf("%d nouns are left", len(ids))
	}
}

// TestRestoreOverDamage replaces a store that cannot be opened, with its log.
func TestRestoreOverDamage(t *testing.T) {
	t.Parallel()
	good := filled(t)
	path := filepath.Join(t.TempDir(), "store.db")
	for _, name := range []string{path, path + "-wal"} {
		if err := os.WriteFile(name, []byte("broken"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := store.Restore(t.Context(), good, path, start, config(t, path).Log)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "broken" {
		t.Errorf("%q, %v", text, err)
	}
	if ids := list(t, openSQLite(t, path), studio.Query{}); len(ids) != 500 {
		t.Errorf("%d nouns restored", len(ids))
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	from := openSQLite(t, filepath.Join(t.TempDir(), "store.db"))
	to := opened(t, store.WithCallersClock(postgres(t, testkit.Postgres(t))))
	var all []*thing
	for i := range 1203 {
		n := dueThing("sessions", fmt.Sprintf("%05d 日本 \\ ' ? \"", i), time.Second)
		n.Cols.StudioID, n.Cols.Unique, n.Note, n.At = "s", fmt.Sprint("u", i), "line\nend \x00", start
		all = append(all, n)
	}
	other := newThing("other")
	other.Kind = "backups"
	write(t, from, append(all, other)...)
	write(t, from, all[0])
	lease := claim(t, from, start.Add(time.Minute), 1)[0]
	n, err := store.Copy(t.Context(), from, to)
	if err != nil || n != len(all)+1 {
		t.Fatal(n, err)
	}
	read := func(s *store.Store) (found []*thing) {
		err := s.Read(t.Context(), func(tx studio.Tx) error {
			return tx.Each(t.Context(), studio.Query{Table: "sessions"}, func() studio.Noun { return new(thing) }, func(n studio.Noun) error {
				found = append(found, n.(*thing))
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if was, is := read(from), read(to); !cmp.Equal(was, is, cmp.AllowUnexported(thing{})) {
		t.Error(cmp.Diff(was[:3], is[:min(3, len(is))], cmp.AllowUnexported(thing{})))
	}
	if again := claim(t, to, start.Add(time.Minute), 1)[0]; again.ID != lease.ID || again.Number != lease.Number+1 {
		t.Errorf("lease %+v after %+v", again, lease)
	}
	if _, err := store.Copy(t.Context(), from, to); err == nil {
		t.Error("copied over what is there")
	}
}
