package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/store"
)

func storeFile(c config.Config) string { return filepath.Join(c.Data, "backlot.db") }

func storeCommand(getenv func(string) string) *cobra.Command {
	c := &cobra.Command{Use: "store", Short: "Back up, restore and move the records; installation.json holds the key to secrets in them"}
	c.AddCommand(
		withStore(getenv, &cobra.Command{
			Use: "backup FILE", Short: "Write all records into a new file, while the server runs or not", Args: cobra.ExactArgs(1),
		}, backUpStore),
		withStore(getenv, &cobra.Command{
			Use: "restore FILE", Short: "Put a backup in the place of the records, which are kept beside it; the server must have ended", Args: cobra.ExactArgs(1),
		}, whileEnded(restoreStore)),
		withStore(getenv, &cobra.Command{
			Use: "restored", Short: "Make records usable that were brought back by other means, as by pg_restore; the servers must have ended", Args: cobra.NoArgs,
		}, whileEnded(storeRestored)),
		copyStoreCommand(getenv),
	)
	return c
}

// storeTask is what a command does to the records.
type storeTask func(ctx context.Context, c config.Config, log *slog.Logger, args []string, out io.Writer) error

func withStore(getenv func(string) string, c *cobra.Command, do storeTask) *cobra.Command {
	s := addSettings(c, getenv)
	c.RunE = func(c *cobra.Command, args []string) error {
		conf, err := s.load(nil)
		if err != nil {
			return err
		}
		if _, err := readInstallation(conf.Data); err != nil {
			return err
		}
		log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
		return do(c.Context(), conf, log, args, c.OutOrStdout())
	}
	return c
}

// whileEnded keeps a server from starting meanwhile.
func whileEnded(do storeTask) storeTask {
	return func(ctx context.Context, c config.Config, log *slog.Logger, args []string, out io.Writer) (err error) {
		lock, err := os.OpenFile(filepath.Join(c.Data, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return fmt.Errorf("lock the data directory: %w", err)
		}
		defer func() { err = errors.Join(err, lock.Close()) }()
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
			return fmt.Errorf("data directory %s: %w; end it first", c.Data, errInUse)
		}
		return do(ctx, c, log, args, out)
	}
}

func backUpStore(ctx context.Context, c config.Config, _ *slog.Logger, args []string, out io.Writer) error {
	if c.Store.URL != "" {
		return fmt.Errorf("the records are in PostgreSQL: back them up by `pg_dump --format=custom --file=%s %s`", args[0], withoutPassword(c.Store.URL))
	}
	if err := store.Backup(ctx, storeFile(c), args[0]); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s holds all records and was read back; keep a copy of %s with it\n", args[0], filepath.Join(c.Data, "installation.json"))
	return err
}

func restoreStore(ctx context.Context, c config.Config, log *slog.Logger, args []string, out io.Writer) error {
	if c.Store.URL != "" {
		return fmt.Errorf("the records are in PostgreSQL: end every server, restore them by `pg_restore --clean --if-exists --single-transaction --dbname=%s %s`, and then run `backlot store restored`",
			withoutPassword(c.Store.URL), args[0])
	}
	kept, err := store.Restore(ctx, args[0], storeFile(c), time.Now(), log)
	if err != nil {
		return err
	}
	if kept != "" {
		_, err = fmt.Fprintf(out, "restored; the records that were there are in %s\n", kept)
	}
	return err
}

func storeRestored(ctx context.Context, c config.Config, log *slog.Logger, _ []string, _ io.Writer) error {
	s, err := store.Open(ctx, store.Config{Path: storeFile(c), URL: c.Store.URL, Log: log})
	if err != nil {
		return err
	}
	return errors.Join(s.Restored(ctx, time.Now()), s.Close())
}

func copyStoreCommand(getenv func(string) string) *cobra.Command {
	var to string
	c := &cobra.Command{
		Use: "copy --to URL", Short: "Copy all records from the file into an empty PostgreSQL database; the server must have ended", Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&to, "to", "", "postgres://USER@HOST/DATABASE; give the password by PGPASSWORD or PGPASSFILE")
	_ = c.MarkFlagRequired("to") // it is there
	return withStore(getenv, c, whileEnded(func(ctx context.Context, c config.Config, log *slog.Logger, _ []string, out io.Writer) error {
		if c.Store.URL != "" {
			return errors.New("the records are in PostgreSQL already, as the configuration says")
		}
		n, err := copyStore(ctx, store.Config{Path: storeFile(c), Log: log}, store.Config{URL: to, Log: log})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "copied %d records; set store.url to use them, and put %s away\n", n, storeFile(c))
		return err
	}))
}

func copyStore(ctx context.Context, from, to store.Config) (n int, err error) {
	source, err := store.Open(ctx, from)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := store.Open(ctx, to)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	return store.Copy(ctx, source, target)
}

// withoutPassword is a url as it may be shown.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "URL"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	q.Del("password")
	u.RawQuery = q.Encode()
	return "'" + u.String() + "'"
}
