package volume

import (
	"context"
	"errors"
)

// Driver keeps copy-on-write volumes and their snapshots on one store.
//
// The caller chooses every id (1-64 characters of a-z0-9); volumes and
// snapshots have separate name spaces. A volume is a directory tree that can be
// written; a snapshot is one that cannot. A snapshot depends on nothing: the
// volume it was taken from may be deleted while the snapshot lives, and the
// other way round.
//
//	Create("v1", Empty)            an empty volume
//	Snapshot("v1", "s1")           s1 holds what v1 holds now
//	Create("v2", FromSnapshot s1)  v2 starts as a copy of s1
//	Delete("v1"); DeleteSnapshot("s1")
//
// Every verb may be called again, or on what is gone, and then succeeds. A verb
// that dies halfway leaves nothing that List shows; the next call with the same
// id completes or replaces it, and a driver opened anew sweeps the remains. Once
// a verb has returned, a power cut does not undo it, except for Delete and
// DeleteSnapshot, which may have to be called again.
//
// Verbs may be called at the same time, with btrfs by several processes, which
// both may do the same. An id that is not allowed is a Permanent error. A full store is ErrNoCapacity, one
// that its file system does not let write any more ErrReadOnly.
type Driver interface {
	// Create makes a volume, unless it exists already; then its options stay as
	// they are. ErrNotFound when the snapshot to start from does not exist.
	Create(ctx context.Context, id string, o Options) error
	// Snapshot freezes what the volume holds at this moment, as after a power
	// cut: everything that was fsynced is in it. It does nothing when the
	// snapshot exists already, and returns ErrNotFound when the volume does not.
	Snapshot(ctx context.Context, volumeID, snapshotID string) error
	// Mount returns the directory the volume's files live in, on the host, as an
	// absolute path that stays the same while the driver is open. ErrNotFound when
	// there is no such volume. A new volume's directory is empty, owned by root and
	// searchable by all; what changes owner or mode stays in its snapshots.
	Mount(ctx context.Context, id string) (dir string, err error)
	// MountSnapshot returns the directory a snapshot's files are in, as Mount does a
	// volume's, for reading only: a driver that can refuses to write there.
	// ErrNotFound when there is no such snapshot.
	MountSnapshot(ctx context.Context, snapshotID string) (dir string, err error)
	// Usage tells how full the volume is. ErrNotFound when there is none.
	Usage(ctx context.Context, id string) (Usage, error)
	// Delete removes a volume. The space may come back a little later.
	Delete(ctx context.Context, id string) error
	// DeleteSnapshot removes a snapshot.
	DeleteSnapshot(ctx context.Context, snapshotID string) error
	// List returns every volume and snapshot there is, ordered by id.
	List(ctx context.Context) (Inventory, error)
	// Free is the number of bytes the store can still take, never below 0, with
	// something kept back for the machine the store shares its disk with.
	Free(ctx context.Context) (int64, error)
}

// Options says what a new volume is.
type Options struct {
	// FromSnapshot names the snapshot the volume starts as; empty: an empty volume.
	FromSnapshot string
	// LimitBytes is what the volume may hold at most, data and metadata, counting
	// what it shares with snapshots; 0: no limit. A limit below what the snapshot
	// holds makes a volume that can only shrink. A driver that cannot enforce
	// limits ignores it and reports Usage.LimitBytes 0.
	LimitBytes int64
}

// Usage is how full a volume is, in bytes. What is not yet on the disk may be
// missing: file systems count at their next commit, up to half a minute later.
type Usage struct {
	UsedBytes  int64
	LimitBytes int64 // 0: none is enforced
}

// Inventory is what a driver holds.
type Inventory struct {
	Volumes   []string
	Snapshots []string
}

// ErrNotFound says that there is no volume or snapshot of that id.
var ErrNotFound = errors.New("no such volume or snapshot")

// ErrNoCapacity says that the store has no room left.
var ErrNoCapacity = errors.New("the volume store is full")

// ErrReadOnly says that the file system of the store stopped writing after an error
// of the disk below it. What is in it can be read; the server has to be started again.
var ErrReadOnly = errors.New("the volume store has become read-only after a disk error: " +
	"look at the disk and its free space, then end all sessions by `backlot down` and start the server again")

// Tender is a Driver that wants to be looked after: Tend is called every few seconds
// while the store is open, also when nobody calls a verb, and adjusts the store to
// what else happens on its disk. It returns ErrReadOnly as the verbs do.
type Tender interface {
	Tend(ctx context.Context) error
}

// Limiter is a Driver that can give a volume another limit than it was made with.
type Limiter interface {
	// Limit sets what the volume may hold at most; 0: no limit. ErrNotFound when there
	// is no such volume.
	Limit(ctx context.Context, id string, limitBytes int64) error
}

// Permanent marks an error that no repetition will cure.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// IsPermanent reports whether err was marked with Permanent.
func IsPermanent(err error) bool {
	var p permanentError
	return errors.As(err, &p)
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }
