package testkit

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Postgres makes an empty database for one test and returns its url. The test
// binary starts one server for all of them, which ends and vanishes with it. It
// survives no crash of the machine: tests of crashes take NewPostgres.
func Postgres(t testing.TB) (url string) {
	t.Helper()
	s, err := shared()
	if errors.Is(err, errNoPostgres) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	name := "test" + strings.ToLower(rand.Text()[:12])
	ctx := context.WithoutCancel(t.Context()) // it is removed after the test
	if err := s.exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

var shared = sync.OnceValues(func() (*PostgresServer, error) {
	return startPostgres(context.Background(), "fsync=off", "shared_buffers=32MB") //nolint:forbidigo // it outlives the first test
})

var errNoPostgres = errors.New("needs the Debian package postgresql-15 (scripts/setup test)")

// PostgresServer is a PostgreSQL server of one test's own.
type PostgresServer struct {
	// URL of its one empty database.
	URL string

	programs, dir, options string
	as                     *syscall.SysProcAttr
	guard                  *os.File
}

// NewPostgres starts a server that keeps what it has acknowledged, for as long as
// the test runs. Settings are such as "max_connections=5".
func NewPostgres(t testing.TB, settings ...string) *PostgresServer {
	t.Helper()
	s, err := startPostgres(t.Context(), settings...)
	if errors.Is(err, errNoPostgres) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop(t)
		_ = s.guard.Close() // who waits for that removes the directory
	})
	return s
}

// Stop ends the server at once, as a crash would.
func (s *PostgresServer) Stop(t testing.TB) {
	t.Helper()
	if err := s.control(context.WithoutCancel(t.Context()), "stop", "-m", "immediate"); err != nil {
		t.Error(err)
	}
}

// Start starts it again, and returns when it takes connections.
func (s *PostgresServer) Start(t testing.TB) {
	t.Helper()
	if err := s.start(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// startPostgres makes a server that listens on a Unix socket only, which is open
// to root and the server's own user.
func startPostgres(ctx context.Context, settings ...string) (_ *PostgresServer, err error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl")
	if len(found) == 0 {
		return nil, errNoPostgres
	}
	s := &PostgresServer{programs: filepath.Dir(slices.Max(found))}
	if s.dir, err = os.MkdirTemp("", "backlot-pg-"); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // as whom it refuses to run
		if s.as, err = unprivileged(s.dir); err != nil {
			return nil, err
		}
	}
	if err := s.watch(ctx); err != nil {
		return nil, err
	}
	// Its own order of text is none of ours, as an operator's may be.
	err = s.run(ctx, "initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
		"--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
	if err != nil {
		return nil, err
	}
	for _, setting := range append([]string{"listen_addresses=", "unix_socket_directories=" + s.dir, "max_connections=200"}, settings...) {
		s.options += " -c '" + setting + "'"
	}
	s.URL = s.url("postgres")
	return s, s.start(ctx)
}

func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, os.Chown(dir, int(uid), int(gid))
}

// watch starts what clears up once this process has ended, whichever way.
func (s *PostgresServer) watch(ctx context.Context) (err error) {
	waits, guard, err := os.Pipe()
	if err != nil {
		return err
	}
	s.guard = guard
	c := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", "-c", `
		trap '' INT TERM
		cat
		"$1/pg_ctl" -D "$2/data" -m immediate stop
		rm -rf "$2"`, "sh", s.programs, s.dir)
	c.Dir, c.Stdin, c.SysProcAttr = "/", waits, s.as
	return errors.Join(c.Start(), waits.Close())
}

func (s *PostgresServer) start(ctx context.Context) error {
	return s.control(ctx, "start", "-l", filepath.Join(s.dir, "log"), "-o", s.options)
}

func (s *PostgresServer) control(ctx context.Context, args ...string) error {
	return s.run(ctx, "pg_ctl", append([]string{"-D", s.data(), "-s", "-w"}, args...)...)
}

func (s *PostgresServer) data() string { return filepath.Join(s.dir, "data") }

func (s *PostgresServer) run(ctx context.Context, program string, args ...string) error {
	c := exec.CommandContext(ctx, filepath.Join(s.programs, program), args...)
	c.Dir, c.SysProcAttr = "/", s.as
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

func (s *PostgresServer) url(database string) string {
	u := url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: url.Values{"host": {s.dir}, "user": {"postgres"}}.Encode()}
	return u.String()
}

func (s *PostgresServer) exec(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement)
	return errors.Join(err, db.Close())
}
