package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/identity"
	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

// records are what is known: the store, and who may come in.
type records struct {
	installation installation
	store        *store.Store
	directory    *identity.Directory
}

func openRecords(ctx context.Context, c config.Config, log *slog.Logger) (*records, error) {
	i, err := openInstallation(ctx, c.Data)
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, store.Config{Path: filepath.Join(c.Data, "backlot.db"), URL: c.Store.URL, Log: log})
	if err != nil {
		return nil, err
	}
	d, err := identity.New(identity.Config{
		Store: s, Key: i.Secret, Clock: time.Now, Random: rand.Reader, LinkLifetime: 12 * time.Hour,
	})
	if err == nil && c.Shared() {
		err = named(ctx, s, i.ID)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &records{i, s, d}, nil
}

// holder names a server of the installation in leases.
func (r *records) holder(server string) string { return r.installation.ID + "." + server }

// ownership tells in a database whose sessions are in it.
type ownership struct {
	Installation string    `json:"installation"`
	Since        time.Time `json:"since"`

	revision int64
}

// Table implements studio.Noun.
func (*ownership) Table() studio.Table { return "settings" }

// Rev implements studio.Noun.
func (o *ownership) Rev() *int64 { return &o.revision }

// Row implements studio.Noun.
func (o *ownership) Row(time.Time) studio.Row {
	return studio.Row{ID: ownershipID, CreatedAt: o.Since}
}

const ownershipID = "installation"

// named takes the database for the installation, unless it is another's: whose
// servers would find sessions there that are on another disk.
func named(ctx context.Context, s *store.Store, id string) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return s.Write(ctx, now, func(tx studio.Tx) error {
		var o ownership
		err := tx.Find(ctx, ownershipID, &o)
		switch {
		case errors.Is(err, studio.ErrNoRow):
			return tx.Save(ctx, &ownership{Installation: id, Since: now})
		case err != nil:
			return err
		case o.Installation != id:
			return fmt.Errorf("the database is that of installation %s, and this data directory is that of %s: give the data directory that belongs to it, or another database", o.Installation, id)
		}
		return nil
	})
}
