package store

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/backlot/backlot/internal/studio"
)

// TestPlans holds the queries to reading no more rows than they answer with: a
// search in the right index and, where a page may be deep in a long list, no sorting.
func TestPlans(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "store"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	const (
		sorted  = true
		primary = "sqlite_autoindex_sessions_1"
	)
	var (
		rows   []row
		ready  = []studio.State{studio.Ready}
		some   = []studio.State{studio.Ready, studio.Deleted}
		gone   = []studio.State{studio.Deleted}
		failed = []studio.State{studio.CreateFailed}
		ids    = strings.Split(strings.Repeat("id ", 100), " ")
	)
	for _, test := range []struct {
		index string
		sorts bool
		query studio.Query
	}{
		{"sessions_created", !sorted, studio.Query{}},
		{"sessions_studio", !sorted, studio.Query{StudioID: "s"}},
		{"sessions_studio", !sorted, studio.Query{StudioID: "s", States: some}},
		{"sessions_studio", !sorted, studio.Query{StudioID: "s", NotStates: failed}},
		{"sessions_live", !sorted, studio.Query{StudioID: "s", States: ready}},
		{"sessions_live", !sorted, studio.Query{StudioID: "s", NotStates: gone}},
		{"sessions_parent", !sorted, studio.Query{ParentID: "p"}},
		{"sessions_parent", !sorted, studio.Query{ParentID: "p", StudioID: "s", NotStates: gone}},
		{"sessions_owner", !sorted, studio.Query{OwnedBy: "o", StudioID: "s"}},
		{"sessions_owner", !sorted, studio.Query{OwnedBy: "o", StudioID: "s", States: ready}},
		{"sessions_creator", !sorted, studio.Query{CreatedBy: "c", StudioID: "s"}},
		{"sessions_creator", !sorted, studio.Query{CreatedBy: "c", OwnedBy: "o", StudioID: "s"}},
		{"sessions_owner", sorted, studio.Query{OwnedBy: "o"}},
		{"sessions_creator", sorted, studio.Query{CreatedBy: "c"}},
		{primary, sorted, studio.Query{IDs: ids}},
		{primary, sorted, studio.Query{IDs: ids, StudioID: "s", OwnedBy: "o", States: ready}},
	} {
		for _, after := range []studio.Place{{}, {CreatedAt: time.Unix(1, 0), ID: "x"}} {
			for _, newest := range []bool{false, true} {
				q := test.query
				q.Table, q.After, q.NewestFirst = "sessions", after, newest
				uses(t, s.read, selectPage(s.read, &rows, q, 50), test.index, test.sorts)
			}
		}
	}

	now := time.Unix(2, 0)
	next := s.dialect.selectNext(s.read, "sessions", now.UnixMicro())
	uses(t, s.read, s.dialect.selectDue(s.read, "sessions", now.UnixMicro(), 50), "sessions_due", !sorted)
	uses(t, s.read, next[0], "sessions_due", !sorted)
	uses(t, s.read, next[1], "sessions_leased", sorted)
}

func uses(t *testing.T, db *bun.DB, query *bun.SelectQuery, index string, sorts bool) {
	t.Helper()
	var steps []struct{ ID, Parent, Notused, Detail string }
	if err := db.NewRaw("EXPLAIN QUERY PLAN "+query.String()).Scan(t.Context(), &steps); err != nil {
		t.Fatal(query, err)
	}
	sortsNow := len(steps) == 2 && steps[1].Detail == "USE TEMP B-TREE FOR ORDER BY"
	if !strings.Contains(steps[0].Detail+" ", " USING INDEX "+index+" ") || sorts != sortsNow || !sorts && len(steps) != 1 {
		t.Errorf("%s\nwants index %s, sorting %v; has %v", query, index, sorts, steps)
	}
}
