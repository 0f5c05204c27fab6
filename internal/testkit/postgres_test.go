package testkit_test

import (
	"database/sql"
	"testing"

	"github.com/backlot/backlot/internal/testkit"
)

func query(t *testing.T, url, statement string) (answer string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), statement).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	one, other := query(t, testkit.Postgres(t), "SELECT current_database()"), query(t, testkit.Postgres(t), "SELECT current_database()")
	if one == other {
		t.Errorf("both tests have %s", one)
	}
}

func TestNewPostgres(t *testing.T) {
	t.Parallel()
	s := testkit.NewPostgres(t, "max_connections=7")
	s.Stop(t)
	s.Start(t)
	if found := query(t, s.URL, "SHOW max_connections"); found != "7" {
		t.Error(found)
	}
}
