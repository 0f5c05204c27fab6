package studio

import (
	"context"
	"errors"
	"time"
)

// Store keeps nouns. Everything durable that is not a volume is in it.
type Store interface {
	// Read runs fn on one consistent view of the store.
	Read(ctx context.Context, fn func(Tx) error) error
	// Write runs fn in one transaction, undone when fn returns an error. Only one
	// Write runs at a time where the database cannot do better, so fn does
	// nothing slow. fn may be run again when the database asks for it.
	Write(ctx context.Context, now time.Time, fn func(Tx) error) error
}

// Tx is one view of the store, or one change of it.
type Tx interface {
	// Find fills n with the noun of that id; ErrNoRow when there is none.
	Find(ctx context.Context, id string, n Noun) error
	// FindUnique is Find by Row.Unique.
	FindUnique(ctx context.Context, unique string, n Noun) error
	// Save inserts n when its Revision is 0, else replaces the row of the revision
	// that n was read with; ErrStale when somebody else changed it meanwhile,
	// ErrTaken when another row has the same Unique. Row.DueAt becomes the row's
	// next wake time. Afterwards n carries its new revision.
	Save(ctx context.Context, n Noun) error
	// Remove deletes the row of n, whatever its revision.
	Remove(ctx context.Context, n Noun) error
	// Each calls fn for every noun that q asks for, in q's order. next returns the
	// noun to fill.
	Each(ctx context.Context, q Query, next func() Noun, fn func(Noun) error) error
	// Count counts what q asks for, ignoring its After and Limit.
	Count(ctx context.Context, q Query) (int, error)
	// Holds tells by ErrStale that a later lease of the noun has been handed out, or
	// that it is gone. The zero Lease stands for no lease, and always holds.
	Holds(ctx context.Context, lease Lease) error
}

// Noun is something the store keeps: one row in the table of its kind. Its
// content is stored as JSON; the columns are derived from it at each save.
type Noun interface {
	// Table names the kind, in the plural: "sessions".
	Table() Table
	// Row derives the columns from the content. Only DueAt depends on now.
	Row(now time.Time) Row
	// Rev is where the store keeps which revision n was read with; 0: not stored yet.
	Rev() *int64
}

// Table names a kind of noun.
type Table string

// Row is what the store can search by.
type Row struct {
	ID       string
	StudioID string // empty where a noun belongs to none
	// ParentID is the session of a stream or backup, the launch profile of a member.
	ParentID  string
	OwnedBy   string
	CreatedBy string
	State     State
	// Unique, if not empty, can stand in one row of the table only.
	Unique    string
	CreatedAt time.Time
	// DueAt is when the reconcile loop must look at the noun; zero: never.
	DueAt time.Time
}

// Query asks for nouns of one table. Empty members do not filter; filters are
// ANDed, the values of one are ORed.
type Query struct {
	Table     Table
	StudioID  string
	ParentID  string
	OwnedBy   string
	CreatedBy string
	IDs       []string
	States    []State
	NotStates []State
	// NewestFirst orders by CreatedAt descending, else ascending; ties by id the same way.
	NewestFirst bool
	// After continues behind this place in the order; zero: from the start.
	After Place
	// Limit bounds the number of nouns; 0: no limit.
	Limit int
}

// Place is a place in the order of a Query: that of the noun seen last.
type Place struct {
	CreatedAt time.Time
	ID        string
}

// Lease is the right to act on one noun until it ends. Number grows with every
// lease of that noun, so that a late step of an old holder can be told.
type Lease struct {
	Table  Table
	ID     string
	Number int64
	Until  time.Time
}

// ErrNoRow says that the store has no such noun.
var ErrNoRow = errors.New("no such row")

// ErrStale says that a noun was changed by somebody else since it was read.
var ErrStale = errors.New("changed by somebody else meanwhile")

// ErrEarly says that a desktop shows itself while its workstation is still being
// made: it may be one that is made again. Tell it anew.
var ErrEarly = errors.New("its workstation is still being made")

// ErrTaken says that another noun has the same unique key.
var ErrTaken = errors.New("unique key taken")

// List returns what q asks for.
func List[T any, P interface {
	*T
	Noun
}](ctx context.Context, tx Tx, q Query) ([]P, error) {
	q.Table = P(new(T)).Table()
	var found []P
	err := tx.Each(ctx, q, func() Noun { return P(new(T)) }, func(n Noun) error {
		found = append(found, n.(P))
		return nil
	})
	return found, err
}
