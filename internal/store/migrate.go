package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"

	"github.com/backlot/backlot/internal/studio"
)

// tables are all kinds of nouns. A new one needs a migration that makes its table.
func tables() []studio.Table {
	return []studio.Table{
		"studios", "studio_members", "studio_components", "launch_profiles", "launch_profile_members",
		"streaming_images", "sessions", "streams", "backups", "eula_acceptances",
		"client_tokens", "users", "access_keys", "logins", "settings",
	}
}

// migrate brings the schema up to date, each step in one transaction, and
// returns its version. Migrations are numbered, only go forward and, once
// released, never change.
func (d dialect) migrate(ctx context.Context, db *bun.DB) (int64, error) {
	p, err := goose.NewProvider(d.migrations, db.DB, nil,
		goose.WithDisableGlobalRegistry(true),
		goose.WithGoMigrations(
			goose.NewGoMigration(1, &goose.GoFunc{RunTx: d.migration1}, nil),
			goose.NewGoMigration(2, &goose.GoFunc{RunTx: d.migration2}, nil),
		))
	if err != nil {
		return 0, err
	}
	have, want, err := p.GetVersions(ctx)
	for err == nil && have < want {
		_, failure := p.Up(ctx)
		before := have
		have, want, err = p.GetVersions(ctx)
		// Another process that opens the store now may have been faster.
		if failure != nil && have == before {
			return 0, fmt.Errorf("bring schema from %d to %d: %w", have, want, failure)
		}
	}
	if have > want {
		return 0, fmt.Errorf("%w (its schema is %d, this version knows up to %d)", ErrNewer, have, want)
	}
	return have, err
}

// migration1 makes the first tables.
func (d dialect) migration1(ctx context.Context, tx *sql.Tx) error {
	return d.makeTables(ctx, tx, `
		studios studio_members studio_components launch_profiles launch_profile_members
		streaming_images sessions streams backups
		client_tokens users access_keys logins settings`)
}

// migration2 makes the table of accepted licences.
func (d dialect) migration2(ctx context.Context, tx *sql.Tx) error {
	return d.makeTables(ctx, tx, "eula_acceptances")
}

func (d dialect) makeTables(ctx context.Context, tx *sql.Tx, names string) error {
	for table := range strings.FieldsSeq(names) {
		for statement := range strings.SplitSeq(strings.TrimSpace(tableDDL+d.statistics), ";\n") {
			statement = strings.NewReplacer("TABLE_NAME", table, " text", " "+d.text).Replace(statement)
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("make table %s: %w", table, err)
			}
		}
	}
	return nil
}

// tableDDL makes the table of one kind. Times are microseconds since 1970. The
// indexes let a page of any Query be read without passing over rows that are
// not in it; the one of what is not deleted keeps counting cheap however many
// tombstones there are.
const tableDDL = `
CREATE TABLE TABLE_NAME (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE UNIQUE INDEX TABLE_NAME_unique ON TABLE_NAME (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX TABLE_NAME_created ON TABLE_NAME (created_at, id);
CREATE INDEX TABLE_NAME_studio ON TABLE_NAME (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX TABLE_NAME_live ON TABLE_NAME (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX TABLE_NAME_parent ON TABLE_NAME (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX TABLE_NAME_owner ON TABLE_NAME (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX TABLE_NAME_creator ON TABLE_NAME (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX TABLE_NAME_due ON TABLE_NAME (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX TABLE_NAME_leased ON TABLE_NAME (lease_until) WHERE lease_until > 0;
`
