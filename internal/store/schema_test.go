package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

// TestEarlierSchemas opens what each earlier version has left, and finds all of it.
func TestEarlierSchemas(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/schema-*.sql")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "store.db")
			if err := store.Exec(t.Context(), path, string(text)); err != nil {
				t.Fatal(err)
			}
			s := openSQLite(t, path)
			n, err := find(t, s, "us-west-2:a")
			if err != nil || n.Note != "it's 日本 \x00\n!" || n.rev != 2 || !n.At.Equal(start) {
				t.Errorf("found %+v, %v", n, err)
			}
			if ids := list(t, s, studio.Query{Table: "backups", ParentID: "us-west-2:a", States: []studio.State{studio.Deleted}}); len(ids) != 1 {
				t.Errorf("listed %q", ids)
			}
			if l := claimOne(t, s, start.Add(24*time.Hour)); l.Number != 2 {
				t.Errorf("lease %+v", l)
			}
			again := *n
			again.rev = 0
			again.Cols.ID = "other"
			wantErr(t, save(t.Context(), s, &again), studio.ErrTaken)
			for _, kind := range []studio.Table{"sessions", "eula_acceptances"} {
				n := newThing("new")
				n.Kind = kind
				write(t, s, n)
			}
		})
	}
}
