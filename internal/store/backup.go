package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Backup writes what the store at path holds now into a new file, readable by its
// owner only, whoever uses the store meanwhile. It is there whole or not at all.
func Backup(ctx context.Context, path, file string) (err error) {
	defer func() { err = told("back up store "+path, err) }()
	for _, name := range []string{path, filepath.Dir(file)} {
		if _, err := os.Stat(name); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", file, fs.ErrExist)
	}
	part, err := os.CreateTemp(filepath.Dir(file), ".backlot-backup-*") // SQLite keeps its mode
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, part.Close(), remove(part.Name())) }()
	db, err := connect(path, 1, "deferred")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := check(ctx, db); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", part.Name()); err != nil {
		return err
	}
	if err := inspectFile(ctx, part.Name()); err != nil {
		return err
	}
	return errors.Join(part.Sync(), place(part.Name(), file))
}

// Restore puts a file that Backup made in the place of the store at path, which
// nobody may have open, and brings its schema up to date. What was there is kept
// beside it, under the name that is returned; empty: there was nothing.
func Restore(ctx context.Context, file, path string, now time.Time, log *slog.Logger) (kept string, err error) {
	defer func() { err = told("restore store "+path, err) }()
	made := path + ".restoring"
	defer func() { err = errors.Join(err, removeDatabase(made)) }()
	if err := removeDatabase(made); err != nil {
		return "", err
	}
	if err := copyFile(file, made); err != nil {
		return "", err
	}
	if err := inspectFile(ctx, made); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	if err := renumber(ctx, made, now, log); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", place(made, path)
	}
	settle(ctx, path)
	kept = path + ".replaced-" + now.UTC().Format("20060102T150405.000Z")
	if err := os.Link(path, kept); err != nil {
		return "", err
	}
	// A log that is left would be taken for the new file's.
	if err := move(path+"-wal", kept+"-wal"); err != nil {
		return "", err
	}
	if err := errors.Join(remove(path+"-shm"), os.Rename(made, path)); err != nil {
		return "", err
	}
	return kept, syncDir(path)
}

// renumber opens a restored copy as a store once.
func renumber(ctx context.Context, path string, now time.Time, log *slog.Logger) error {
	s, err := Open(ctx, Config{Path: path, Log: log})
	if err != nil {
		return err
	}
	if err := errors.Join(s.Restored(ctx, now), s.Close()); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// settle writes the log of a store that was not closed into its file. Where that
// fails, as in a damaged one, both are kept as they are.
func settle(ctx context.Context, path string) {
	if db, err := connect(path, 1, "deferred"); err == nil {
		_, _ = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
		_ = db.Close()
	}
}

// inspectFile reads the whole of a database, more thoroughly than check.
func inspectFile(ctx context.Context, path string) (err error) {
	db, err := connect(path, 1, "deferred", "journal_mode(DELETE)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found); err != nil {
		return err
	}
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'").Scan(&tables); err != nil {
		return err
	}
	switch {
	case found != "ok":
		return fmt.Errorf("%w: %s", ErrDamaged, found)
	case tables == 0:
		return errors.New("this is no store of backlot")
	}
	return nil
}

// told names what was done, and what an error of the database means.
func told(doing string, err error) error {
	if err == nil {
		return nil
	}
	if f, ok := failureOf(err); ok && !errors.Is(err, f.kind) {
		err = fmt.Errorf("%w: %w", f.kind, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func copyFile(from, to string) (err error) {
	if info, err := os.Stat(from + "-wal"); err == nil && info.Size() > 0 {
		return fmt.Errorf("%s-wal lies beside it, so this is a store and no backup of one: make one with `backlot store backup`", from)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// place gives a finished file its name, unless that is taken.
func place(made, file string) error {
	if err := unix.Renameat2(unix.AT_FDCWD, made, unix.AT_FDCWD, file, unix.RENAME_NOREPLACE); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return syncDir(file)
}

func move(from, to string) error {
	if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func removeDatabase(path string) error {
	return errors.Join(remove(path), remove(path+"-wal"), remove(path+"-shm"), remove(path+"-journal"))
}

func syncDir(file string) error {
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
