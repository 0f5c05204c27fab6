package main

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/testkit"
)

// operator gives what an operator types to a data directory of its own.
type operator struct {
	data string
	env  map[string]string
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	o := &operator{filepath.Join(t.TempDir(), "data"), map[string]string{}}
	if _, err := openInstallation(t.Context(), o.data); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *operator) tries(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), append(args, "--data", o.data), func(name string) string { return o.env[name] }, &out, t.Output())
	return out.String(), err
}

func (o *operator) does(t *testing.T, args ...string) string {
	t.Helper()
	out, err := o.tries(t, args...)
	if err != nil {
		t.Fatalf("backlot %v: %v", args, err)
	}
	return out
}

func (o *operator) isRefused(t *testing.T, says string, args ...string) {
	t.Helper()
	out, err := o.tries(t, args...)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("backlot %v: %q, %v; want an error that says %q", args, out, err, says)
	}
}

func TestStoreBackup(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.does(t, "user", "add", "anna")
	file := filepath.Join(t.TempDir(), "backup.db")
	o.does(t, "store", "backup", file)
	o.isRefused(t, "exists", "store", "backup", file)
	o.does(t, "user", "add", "bert")

	lock, err := os.OpenFile(filepath.Join(o.data, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_SH) // as a server does
	}
	if err != nil {
		t.Fatal(err)
	}
	o.does(t, "store", "backup", file+"2")
	o.isRefused(t, "another backlot runs here; end it first", "store", "restore", file)
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	out := o.does(t, "store", "restore", file)
	if users := o.does(t, "user", "list"); !strings.Contains(users, "anna") || strings.Contains(users, "bert") {
		t.Errorf("restored %q", users)
	}
	kept := strings.TrimSpace(out[strings.LastIndex(out, " ")+1:])
	o.does(t, "store", "restore", kept)
	if users := o.does(t, "user", "list"); !strings.Contains(users, "bert") {
		t.Errorf("restored %q from what was replaced", users)
	}
}

// TestStoreIsRefused opens what cannot be a store, and is told what to do.
func TestStoreIsRefused(t *testing.T) {
	t.Parallel()
	const advice = "is damaged: stop the server, put a backup"
	o := newOperator(t)
	o.does(t, "user", "add", "anna")
	if err := os.Truncate(filepath.Join(o.data, "backlot.db"), 40000); err != nil {
		t.Fatal(err)
	}
	o.isRefused(t, advice, "user", "list")
	o.isRefused(t, advice, "store", "backup", filepath.Join(t.TempDir(), "backup"))

	o = newOperator(t)
	o.does(t, "user", "add", "anna")
	db, err := sql.Open("sqlite", filepath.Join(o.data, "backlot.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, true)")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	o.isRefused(t, "by a newer version of backlot: start that version, or put a backup", "user", "list")
}

// TestStoreInPostgres moves a store there, and brings it back from a dump.
func TestStoreInPostgres(t *testing.T) {
	t.Parallel()
	url := testkit.Postgres(t)
	o := newOperator(t)
	o.does(t, "user", "add", "anna")
	if out := o.does(t, "store", "copy", "--to", url); !regexp.MustCompile(`^copied [1-9]`).MatchString(out) {
		t.Error(out)
	}
	o.isRefused(t, "something in it already", "store", "copy", "--to", url)
	o.env["BACKLOT_STORE_URL"] = url
	o.does(t, "user", "add", "bert")
	file := filepath.Join(t.TempDir(), "dump")
	dump := func(command string) {
		t.Helper()
		_, err := o.tries(t, "store", command, file)
		if err == nil {
			t.Fatal("no advice")
		}
		advice := regexp.MustCompile("`(pg_[^`]*)`").FindStringSubmatch(err.Error())
		if advice == nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "sh", "-c", advice[1]).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", advice[1], err, out)
		}
	}
	dump("backup")
	o.does(t, "user", "add", "chris")
	dump("restore")
	o.does(t, "store", "restored")
	users := o.does(t, "user", "list")
	if !strings.Contains(users, "anna") || !strings.Contains(users, "bert") || strings.Contains(users, "chris") {
		t.Errorf("restored %q", users)
	}
	for _, args := range [][]string{{"store", "backup", file}, {"store", "restore", file}, {"user", "list"}, {"store", "restored"}} {
		o.env["BACKLOT_STORE_URL"] = "postgres://backlot:GEHEIM@127.0.0.1:1/x?password=GEHEIM"
		if out, err := o.tries(t, args...); err == nil || strings.Contains(out+err.Error(), "GEHEIM") {
			t.Errorf("backlot %v: %q, %v", args, out, err)
		}
	}
}
