package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/tree"
)

// vault reaches the files of backups for the domain, in its words.
type vault struct {
	volumes volume.Driver
	// reserve is how many bytes the store must keep free for an archive to be taken.
	reserve int64
}

// top is the directory of a session's volume in which the changes are that were
// made to the machine image, as the workstation lays it out.
const top = "upper"

// Entries implements studio.Vault.
func (v vault) Entries(ctx context.Context, snapshot, path, after string, limit int) ([]studio.BackupFile, error) {
	dir, err := v.dir(ctx, snapshot)
	if err != nil {
		return nil, err
	}
	entries, err := tree.Entries(filepath.Join(dir, top), path, after, limit)
	if err != nil {
		return nil, noFile(fmt.Errorf("list a directory of snapshot %s: %w", snapshot, err))
	}
	files := make([]studio.BackupFile, 0, len(entries))
	for _, e := range entries {
		files = append(files, backupFile(e))
	}
	return files, nil
}

// Open implements studio.Vault.
func (v vault) Open(ctx context.Context, snapshot, path string) (io.ReadSeekCloser, studio.BackupFile, error) {
	dir, err := v.dir(ctx, snapshot)
	if err != nil {
		return nil, studio.BackupFile{}, err
	}
	content, e, err := tree.Open(filepath.Join(dir, top), path)
	if err != nil {
		return nil, studio.BackupFile{}, noFile(fmt.Errorf("open a file of snapshot %s: %w", snapshot, err))
	}
	return content, backupFile(e), nil
}

func (v vault) dir(ctx context.Context, snapshot string) (string, error) {
	dir, err := v.volumes.MountSnapshot(ctx, snapshot)
	if errors.Is(err, volume.ErrNotFound) {
		return "", fmt.Errorf("%w: %w", studio.ErrNoFile, err) // deleted at this moment
	}
	return dir, err
}

// noFile tells apart that there is no such file and that it cannot be read.
func noFile(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		switch errno {
		case syscall.ENOENT, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.ENXIO:
		default:
			return err
		}
	}
	// All else is a refusal to leave the tree, or to open what is no regular file.
	return fmt.Errorf("%w: %w", studio.ErrNoFile, err)
}

func backupFile(e tree.Entry) studio.BackupFile {
	f := studio.BackupFile{
		Name: e.Name, Mode: fmt.Sprintf("%04o", unixMode(e.Mode)), UserID: int(e.UID), GroupID: int(e.GID),
		Size: int(e.Size), ModifiedAt: e.Modified, Target: e.Target, Type: studio.FileOther,
	}
	switch {
	case e.Mode.IsRegular():
		f.Type = studio.FileRegular
	case e.Mode.IsDir():
		f.Type = studio.FileDirectory
	case e.Mode&fs.ModeSymlink != 0:
		f.Type = studio.FileSymlink
	}
	return f
}

// unixMode is a mode as chmod has it.
func unixMode(m fs.FileMode) uint32 {
	mode := uint32(m.Perm())
	for bit, as := range map[fs.FileMode]uint32{fs.ModeSetuid: syscall.S_ISUID, fs.ModeSetgid: syscall.S_ISGID, fs.ModeSticky: syscall.S_ISVTX} {
		if m&bit != 0 {
			mode |= as
		}
	}
	return mode
}

// Export implements studio.Vault.
func (v vault) Export(ctx context.Context, snapshot string, meta map[string]string, w io.Writer) error {
	dir, err := v.dir(ctx, snapshot)
	if err != nil {
		return err
	}
	if _, err := tree.Export(ctx, dir, meta, w, nil); err != nil {
		return fmt.Errorf("export snapshot %s: %w", snapshot, err)
	}
	return nil
}

// errTooLarge ends the import of a tree that its volume should not hold.
var errTooLarge = fmt.Errorf("%w: the tree is larger than its volume may be", studio.ErrNoRoom)

// Import implements studio.Vault.
func (v vault) Import(ctx context.Context, snapshot string, limitBytes int64, r io.Reader) (sum studio.Sum, err error) {
	id := studio.ImportVolume(snapshot)
	defer func() {
		// Whatever happened, and whoever has gone: nothing but a whole snapshot stays.
		after := context.WithoutCancel(ctx)
		err = importFailure(errors.Join(err, v.volumes.Delete(after, id)))
		if err != nil {
			err = errors.Join(err, v.volumes.DeleteSnapshot(after, snapshot))
		}
	}()
	free, err := v.volumes.Free(ctx)
	if err != nil {
		return sum, fmt.Errorf("look for room for an archive: %w", err)
	}
	if free < v.reserve {
		return sum, fmt.Errorf("take an archive with %d of %d bytes to be kept free: %w", free, v.reserve, volume.ErrNoCapacity)
	}
	// What an import that died with its server may have left.
	if err := v.volumes.Delete(ctx, id); err != nil {
		return sum, err
	}
	if err := v.volumes.Create(ctx, id, volume.Options{LimitBytes: limitBytes}); err != nil {
		return sum, fmt.Errorf("create volume %s: %w", id, err)
	}
	dir, err := v.volumes.Mount(ctx, id)
	if err != nil {
		return sum, fmt.Errorf("mount volume %s: %w", id, err)
	}
	use, err := v.volumes.Usage(ctx, id)
	if err != nil {
		return sum, fmt.Errorf("look at volume %s: %w", id, err)
	}
	filling, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s, err := tree.Import(filling, r, func(tree.Meta) (string, error) { return dir, nil }, func(_, bytes int64) {
		if use.LimitBytes == 0 && bytes > limitBytes { // the driver cannot hold it to that
			stop(errTooLarge)
		}
	})
	if err != nil {
		return sum, errors.Join(err, context.Cause(filling))
	}
	// The end of the body is where its hash is compared with the signed one.
	if n, err := io.Copy(io.Discard, r); err != nil || n > 0 {
		return sum, errors.Join(err, fmt.Errorf("%d bytes behind the archive: %w", n, studio.ErrNoArchive))
	}
	if err := v.volumes.Snapshot(ctx, id, snapshot); err != nil {
		return sum, fmt.Errorf("snapshot volume %s as %s: %w", id, snapshot, err)
	}
	return studio.Sum{Root: s.Root.String(), Files: s.Files, Bytes: s.Bytes}, nil
}

// importFailure puts into the domain's words why an archive was not taken.
func importFailure(err error) error {
	switch {
	case errors.Is(err, volume.ErrNoCapacity), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", studio.ErrNoRoom, err)
	case errors.Is(err, tree.ErrDamaged), errors.Is(err, tree.ErrInvalid):
		return fmt.Errorf("%w: %w", studio.ErrNoArchive, err)
	default:
		return err
	}
}
