package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/identity"
	"github.com/backlot/backlot/internal/studio"
)

// administrator is who holds the account's keys in the tools of the operator.
var administrator = studio.Principal{ID: "administrator", Administrator: true}

// withRecords gives a command the records, beside a server that may run.
func withRecords(getenv func(string) string, c *cobra.Command, do func(ctx context.Context, conf config.Config, r *records, args []string, out io.Writer) error) *cobra.Command {
	s := addSettings(c, getenv)
	c.RunE = func(c *cobra.Command, args []string) error {
		conf, err := s.load(nil)
		if err != nil {
			return err
		}
		if _, err := readInstallation(conf.Data); err != nil {
			return err
		}
		r, err := openRecords(c.Context(), conf, slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn})))
		if err != nil {
			return err
		}
		defer func() { _ = r.store.Close() }() // read, or committed already
		return do(c.Context(), conf, r, args, c.OutOrStdout())
	}
	return c
}

func signInLinkCommand(getenv func(string) string) *cobra.Command {
	return withRecords(getenv, &cobra.Command{
		Use:   "sign-in-link USER",
		Short: "Make what signs a user in at the portal, once",
		Args:  cobra.ExactArgs(1),
	}, func(ctx context.Context, _ config.Config, r *records, args []string, out io.Writer) error {
		u, err := findUser(ctx, r, args[0])
		if err != nil {
			return err
		}
		public, err := os.ReadFile(urlFile(r.installation))
		if err != nil {
			return fmt.Errorf("find the server, which must run: %w", err)
		}
		token, err := r.directory.OneTimeLink(ctx, u.Principal())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s/sign-in?token=%s\n", public, token)
		return err
	})
}

func userCommand(getenv func(string) string) *cobra.Command {
	c := &cobra.Command{Use: "user", Short: "Users of the identity store"}
	c.AddCommand(
		withRecords(getenv, &cobra.Command{
			Use: "add NAME", Short: "Add a user, and print the principal id", Args: cobra.ExactArgs(1),
		}, func(ctx context.Context, _ config.Config, r *records, args []string, out io.Writer) error {
			u, err := r.directory.AddUser(ctx, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(out, u.PrincipalID)
			return err
		}),
		withRecords(getenv, &cobra.Command{
			Use: "list", Short: "List all users with their principal ids", Args: cobra.NoArgs,
		}, func(ctx context.Context, _ config.Config, r *records, _ []string, out io.Writer) error {
			users, err := r.directory.Users(ctx)
			if err != nil {
				return err
			}
			for _, u := range users {
				if _, err := fmt.Fprintf(out, "%s\t%s\n", u.PrincipalID, u.Name); err != nil {
					return err
				}
			}
			return nil
		}),
	)
	return c
}

func keyCommand(getenv func(string) string) *cobra.Command {
	c := &cobra.Command{Use: "key", Short: "Access keys, to sign API requests with"}
	c.AddCommand(withRecords(getenv, &cobra.Command{
		Use:   "create [USER]",
		Short: "Make a key for a user, or without one for the administrator of the account",
		Args:  cobra.MaximumNArgs(1),
	}, func(ctx context.Context, _ config.Config, r *records, args []string, out io.Writer) error {
		holder := administrator
		if len(args) > 0 {
			u, err := findUser(ctx, r, args[0])
			if err != nil {
				return err
			}
			holder = u.Principal()
		}
		key, secret, err := r.directory.CreateKey(ctx, holder)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", key.ID, secret)
		return err
	}))
	return c
}

// findUser finds a user by name or principal id.
func findUser(ctx context.Context, r *records, called string) (identity.User, error) {
	users, err := r.directory.Users(ctx)
	if err != nil {
		return identity.User{}, err
	}
	i := slices.IndexFunc(users, func(u identity.User) bool { return u.Name == called || u.PrincipalID == called })
	if i < 0 {
		return identity.User{}, fmt.Errorf("there is no user %q; `backlot user list` shows all", called)
	}
	return users[i], nil
}
