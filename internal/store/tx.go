package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	jsonv1 "github.com/go-json-experiment/json/v1" // reads in half the time of encoding/json
	"github.com/uptrace/bun"

	"github.com/backlot/backlot/internal/studio"
)

// tx is a transaction as studio sees it.
type tx struct {
	db      bun.Tx
	dialect *dialect
	finds   finds
	now     time.Time
	writes  bool
	// locks tells that leases are handed out beside this transaction.
	locks   bool
	changed bool
	before  []revision
	// failed is the first failure of the database. It may have undone all so far
	// and ended the transaction, so nothing must follow it.
	failed error
}

// try does something with the database, unless that failed before.
func (t *tx) try(do func() error) error {
	if t.failed != nil {
		return t.failed
	}
	err := do()
	if err != nil && !errors.Is(err, sql.ErrNoRows) && !errors.Is(err, studio.ErrTaken) && !errors.Is(err, studio.ErrStale) {
		t.failed = err
	}
	return err
}

// revision is what a noun's revision was before it was saved.
type revision struct {
	of  *int64
	was int64
}

var _ studio.Tx = (*tx)(nil)

// row is a noun in its table. The lease columns are absent: only the methods
// of Store for leases touch them, so a save never breaks a lease.
type row struct {
	bun.BaseModel `bun:"table:rows"`

	ID        string `bun:"id,pk"`
	StudioID  string `bun:"studio_id,nullzero"`
	ParentID  string `bun:"parent_id,nullzero"`
	OwnedBy   string `bun:"owned_by,nullzero"`
	CreatedBy string `bun:"created_by,nullzero"`
	State     string `bun:"state"`
	UniqueKey string `bun:"unique_key,nullzero"`
	CreatedAt int64  `bun:"created_at"`
	DueAt     *int64 `bun:"due_at"`
	Revision  int64  `bun:"revision"`
	Body      string `bun:"body"`
}

var (
	errReadOnly = errors.New("a change in a transaction that only reads")
	errKey      = errors.New("a key that is no text")
)

func newRow(n studio.Noun, now time.Time) (*row, error) {
	body, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	c := n.Row(now)
	if c.ID == "" || !text(c.ID, c.StudioID, c.ParentID, c.OwnedBy, c.CreatedBy, string(c.State), c.Unique) {
		return nil, errKey
	}
	r := &row{
		ID: c.ID, StudioID: c.StudioID, ParentID: c.ParentID, OwnedBy: c.OwnedBy, CreatedBy: c.CreatedBy,
		State: string(c.State), UniqueKey: c.Unique, CreatedAt: c.CreatedAt.UnixMicro(),
		Revision: *n.Rev() + 1, Body: string(body),
	}
	if !c.DueAt.IsZero() {
		due := ceilMicro(c.DueAt)
		r.DueAt = &due
	}
	return r, nil
}

// ceilMicro rounds up, so that nothing is due before its time: a loop woken a
// little too early would find nothing to do and be woken again at once.
func ceilMicro(t time.Time) int64 {
	return t.Add(time.Microsecond - time.Nanosecond).UnixMicro()
}

// text tells whether every string can be in a text column as it is.
func text(values ...string) bool {
	for _, v := range values {
		if !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
			return false
		}
	}
	return true
}

// Find implements studio.Tx.
func (t *tx) Find(ctx context.Context, id string, n studio.Noun) error {
	return t.find(ctx, n, lookup{n.Table(), "id"}, id)
}

// FindUnique implements studio.Tx.
func (t *tx) FindUnique(ctx context.Context, unique string, n studio.Noun) error {
	return t.find(ctx, n, lookup{n.Table(), "unique_key"}, unique)
}

func (t *tx) find(ctx context.Context, n studio.Noun, by lookup, key string) error {
	if !text(key) {
		return studio.ErrNoRow
	}
	var r row
	err := t.try(func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		ctx := t.dialect.lookup(ctx)
		return t.db.StmtContext(ctx, t.finds[by]).QueryRowContext(ctx, key).Scan(&r.Revision, &r.Body) //nolint:sqlclosecheck // with the transaction
	})
	if errors.Is(err, sql.ErrNoRows) {
		return studio.ErrNoRow
	}
	if err != nil {
		return fmt.Errorf("find in %s: %w", n.Table(), err)
	}
	return r.fill(n)
}

// fill replaces whatever n holds, which may be left from an earlier try.
func (r *row) fill(n studio.Noun) error {
	reflect.ValueOf(n).Elem().SetZero()
	if err := jsonv1.Unmarshal([]byte(r.Body), n); err != nil {
		return fmt.Errorf("read row of %s: %w", n.Table(), err)
	}
	*n.Rev() = r.Revision
	return nil
}

// Save implements studio.Tx. A new noun whose id is taken is ErrTaken too. A
// noun that was removed meanwhile is ErrStale.
func (t *tx) Save(ctx context.Context, n studio.Noun) error {
	if !t.writes {
		return errReadOnly
	}
	r, err := newRow(n, t.now)
	if err != nil {
		return fmt.Errorf("save in %s: %w", n.Table(), err)
	}
	put := t.update
	if *n.Rev() == 0 {
		put = t.insert
	}
	if err := t.try(func() error { return put(ctx, n.Table(), r) }); err != nil {
		return fmt.Errorf("save %s in %s: %w", r.ID, n.Table(), err)
	}
	t.changed = true
	t.before = append(t.before, revision{n.Rev(), *n.Rev()})
	*n.Rev() = r.Revision
	return nil
}

// insert lets the database skip what it cannot take instead of failing, as a
// failure ends the whole transaction in PostgreSQL.
func (t *tx) insert(ctx context.Context, table studio.Table, r *row) error {
	result, err := t.db.NewInsert().Model(r).ModelTableExpr("?", bun.Ident(table)).
		On("CONFLICT DO NOTHING").Exec(ctx)
	return affected(result, err, studio.ErrTaken)
}

// update passes over what it cannot replace, as insert does, and looks afterwards
// why: nobody else writes meanwhile.
func (t *tx) update(ctx context.Context, table studio.Table, r *row) error {
	q := t.db.NewUpdate().Model(r).ModelTableExpr("?", bun.Ident(table)).ExcludeColumn("id").
		Where("id = ?", r.ID).Where("revision = ?", r.Revision-1)
	if r.UniqueKey != "" {
		other := t.db.NewSelect().TableExpr("? AS other", bun.Ident(table)).ColumnExpr("1").
			Where("other.unique_key = ?", r.UniqueKey).Where("other.id <> ?", r.ID)
		q = q.Where("NOT EXISTS (?)", other)
	}
	result, err := q.Exec(ctx)
	if err = affected(result, err, studio.ErrStale); !errors.Is(err, studio.ErrStale) {
		return err
	}
	kept, err := t.db.NewSelect().TableExpr("?", bun.Ident(table)).
		Where("id = ?", r.ID).Where("revision = ?", r.Revision-1).Exists(ctx)
	switch {
	case err != nil:
		return err
	case kept:
		return studio.ErrTaken
	default:
		return studio.ErrStale
	}
}

// affected is err, or none when no row was changed.
func affected(result sql.Result, err, none error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return none
	}
	return err
}

// Remove implements studio.Tx. Removing what is not there is no error.
func (t *tx) Remove(ctx context.Context, n studio.Noun) error {
	if !t.writes {
		return errReadOnly
	}
	id := n.Row(t.now).ID
	err := t.try(func() error {
		_, err := t.db.NewDelete().TableExpr("?", bun.Ident(n.Table())).Where("id = ?", id).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove %s from %s: %w", id, n.Table(), err)
	}
	t.changed = true
	return nil
}

func (t *tx) restore() {
	for _, r := range slices.Backward(t.before) {
		*r.of = r.was
	}
}
