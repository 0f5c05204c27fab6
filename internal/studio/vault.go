package studio

import (
	"context"
	"errors"
	"io"
	"time"
)

// Vault reaches the files of backups, and what is lost, where the volumes are. Its methods may be
// called at the same time. Paths are relative to what the artist knows as "/", and
// "." is that; none leads out of the backup.
type Vault interface {
	// Entries lists the directory at path, ordered by name: those after a name, at
	// most limit. ErrNoFile: there is no such directory.
	Entries(ctx context.Context, snapshot, path, after string, limit int) ([]BackupFile, error)
	// Open opens the regular file at path. ErrNoFile: there is none.
	Open(ctx context.Context, snapshot, path string) (io.ReadSeekCloser, BackupFile, error)
	// Export writes a snapshot to w as an archive that begins with meta. After an
	// error, what was written is none.
	Export(ctx context.Context, snapshot string, meta map[string]string, w io.Writer) error
	// Import makes a snapshot of what the archive r holds, by way of the volume
	// ImportVolume(snapshot) of at most limitBytes. After an error it leaves neither;
	// without one, it has read r to its end.
	// ErrNoArchive: r holds none, or not all of it; ErrNoRoom: there is no room for it.
	Import(ctx context.Context, snapshot string, limitBytes int64, r io.Reader) (Sum, error)
	// Holdings lists the volumes and snapshots that there are.
	Holdings(ctx context.Context) (Holdings, error)
	// Empty tells that there is no file in a volume, nor the trace of a removed one.
	// ErrNoFile: there is no such volume.
	Empty(ctx context.Context, volume string) (bool, error)
	// Survey tells what a LostVolume or LostSnapshot takes of the disk, and when
	// anything in it was changed last. ErrNoFile: there is none.
	Survey(ctx context.Context, kind, id string) (bytes int64, changed time.Time, err error)
	// Remove deletes a LostVolume or LostSnapshot; one that is gone is no error.
	Remove(ctx context.Context, kind, id string) error
}

// Sum is what a snapshot comes to: the name of its tree, and what that holds.
type Sum struct {
	Root         string
	Files, Bytes int64
}

// What a Vault may answer.
var (
	ErrNoFile    = errors.New("no such file in the backup")
	ErrNoArchive = errors.New("not a whole archive of a backup")
	ErrNoRoom    = errors.New("no room for it on the disk of the volumes")
)

// ImportVolume names the volume that an archive is unpacked into on its way to
// becoming a snapshot.
func ImportVolume(snapshot string) string { return snapshot + "i" }

// vault is the Vault, or the error of a server that has none.
func (s *Service) vault() (Vault, error) {
	if s.cfg.Vault == nil {
		return nil, &Error{
			Kind: Conflict, Code: CodeNoVolumes,
			Message: "This server does not have the volumes, so the files of backups cannot be reached here; ask one that keeps sessions.",
		}
	}
	return s.cfg.Vault, nil
}

// readFunc is a function that reads.
type readFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readFunc) Read(p []byte) (int, error) { return f(p) }

const (
	// importBeat is how often an import says that it goes on, importPatience after
	// how long without a word it is taken for dead, importEnd how long it may take
	// when all of the archive has been read.
	importBeat     = 20 * time.Second
	importPatience = 3 * time.Minute
	importEnd      = 30 * time.Minute
)
