package store

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"

	"github.com/backlot/backlot/internal/studio"
)

// finds are the statements that look up one row. They are asked the most by far,
// so the database compiles them once and not for every request.
type finds map[lookup]*sql.Stmt

// lookup is a table and the column by which one row of it is looked up.
type lookup struct {
	table  studio.Table
	column string
}

func (d dialect) prepareFinds(ctx context.Context, db *bun.DB) (finds, error) {
	made := finds{}
	for _, table := range tables() {
		for _, column := range []string{"id", "unique_key"} {
			q := db.NewSelect().TableExpr("?", bun.Ident(table)).Column("revision", "body").
				Where("? = ?", bun.Ident(column), d.arg(1))
			statement, err := db.DB.PrepareContext(ctx, q.String()) //nolint:sqlclosecheck // with the database
			if err != nil {
				return nil, err
			}
			made[lookup{table, column}] = statement
		}
	}
	return made, nil
}
