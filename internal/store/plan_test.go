package store

import (
	"log/slog"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/testkit"
)

// plans are the queries, and the index that each must be read by: a search reads
// no more rows than it answers with and, where a page may be deep in a long list,
// sorts none.
func plans(visit func(q studio.Query, index string, sorts bool)) {
	const sorted = true
	var (
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
		{primaryIndex, sorted, studio.Query{IDs: ids}},
		{primaryIndex, sorted, studio.Query{IDs: ids, StudioID: "s", OwnedBy: "o", States: ready}},
	} {
		for _, after := range []studio.Place{{}, {CreatedAt: time.Unix(1, 0), ID: "x"}} {
			for _, newest := range []bool{false, true} {
				q := test.query
				q.Table, q.After, q.NewestFirst = "sessions", after, newest
				visit(q, test.index, test.sorts)
			}
		}
	}
}

const primaryIndex = "the primary key's"

func TestPlans(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "store"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var rows []row
	plans(func(q studio.Query, index string, sorts bool) {
		if index == primaryIndex {
			index = "sqlite_autoindex_sessions_1"
		}
		uses(t, s.read, selectPage(s.read, &rows, q, 50), index, sorts)
	})
	now := time.Unix(2, 0)
	next := s.dialect.selectNext(s.read, "sessions", now.UnixMicro())
	uses(t, s.read, s.dialect.selectDue(s.read, "sessions", now.UnixMicro(), 50), "sessions_due", false)
	uses(t, s.read, next[0], "sessions_due", false)
	uses(t, s.read, next[1], "sessions_leased", true)
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

// TestPlansPostgres counts rows instead, as PostgreSQL chooses among the right
// indexes by what is in the table.
func TestPlansPostgres(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{URL: testkit.Postgres(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	_, err = s.write.ExecContext(t.Context(), `
		INSERT INTO sessions (id, studio_id, parent_id, owned_by, created_by, state, created_at, due_at, revision, lease_until, body)
		SELECT 'id' || n, 's' || n % 2, 'p' || n % 2000, 'o' || n % 50, 'c' || n % 50, CASE WHEN n % 4 = 0 THEN 'READY' ELSE 'DELETED' END,
			n, n + 1000000000, 1, CASE WHEN n % 1000 = 0 THEN n + 1000000000 ELSE 0 END, repeat('x', 500)
		FROM generate_series(1, 40000) AS n`)
	if err == nil {
		_, err = s.write.ExecContext(t.Context(), "VACUUM ANALYZE sessions")
	}
	if err != nil {
		t.Fatal(err)
	}
	few := func(query *bun.SelectQuery) {
		t.Helper()
		var steps []string
		if err := s.read.NewRaw("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "+query.String()).Scan(t.Context(), &steps); err != nil {
			t.Fatal(query, err)
		}
		plan, read := strings.Join(steps, "\n"), 0
		for _, rows := range regexp.MustCompile(`(?:rows=|Rows Removed by Filter: )(\d+)`).FindAllStringSubmatch(plan, -1) {
			n, err := strconv.Atoi(rows[1])
			if err != nil {
				t.Fatal(err)
			}
			read = max(read, n)
		}
		if strings.Contains(plan, "Seq Scan") || read > 4000 {
			t.Errorf("%s\nreads %d rows by\n%s", query, read, plan)
		}
	}
	var rows []row
	plans(func(q studio.Query, _ string, _ bool) { few(selectPage(s.read, &rows, real(q), 50)) })
	due := time.UnixMicro(1000000100)
	next := s.dialect.selectNext(s.read, "sessions", due.UnixMicro())
	few(s.dialect.selectDue(s.read, "sessions", due.UnixMicro(), 50))
	few(next[0])
	few(next[1])
}

// real asks for what is in the table of TestPlansPostgres.
func real(q studio.Query) studio.Query {
	for value, is := range map[*string]string{&q.StudioID: "s1", &q.ParentID: "p7", &q.OwnedBy: "o7", &q.CreatedBy: "c7"} {
		if *value != "" {
			*value = is
		}
	}
	if q.After != (studio.Place{}) {
		q.After.CreatedAt = time.UnixMicro(20000)
	}
	return q
}
