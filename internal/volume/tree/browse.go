package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Entry is a file as a person sees it.
type Entry struct {
	Name     string
	Mode     fs.FileMode // its Type tells what it is
	UID, GID uint32
	Modified time.Time
	Size     int64
	Target   string // of a symbolic link
}

// Entries lists a directory of the tree in dir, ordered by name: those after a
// name, at most limit of them. path is relative; "." is the top. Whiteouts are left
// out. Symbolic links in path are followed as far as they stay in the tree. The
// error is fs.ErrNotExist, or ENOTDIR, where there is no such directory.
func Entries(dir, path, after string, limit int) ([]Entry, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	d, err := root.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var entries []Entry
	for _, name := range names {
		if len(entries) >= limit {
			break
		}
		if name <= after {
			continue
		}
		info, err := root.Lstat(filepath.Join(path, name))
		if err != nil {
			return nil, err
		}
		if isWhiteout(info) {
			continue
		}
		e := entryOf(info)
		if e.Mode&fs.ModeSymlink != 0 {
			if e.Target, err = root.Readlink(filepath.Join(path, name)); err != nil {
				return nil, err
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Open opens a regular file of the tree in dir; anything else is ErrNotRegular. path
// is as with Entries.
func Open(dir, path string) (io.ReadSeekCloser, Entry, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, Entry{}, err
	}
	defer root.Close()
	// Looked at before it is opened, as that alone may do something to a device, and
	// without waiting, in case it is a pipe.
	info, err := root.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	if err != nil {
		return nil, Entry{}, err
	}
	f, err := root.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, Entry{}, err
	}
	return f, entryOf(info), nil
}

// ErrNotRegular says that something is no regular file.
var ErrNotRegular = errors.New("not a regular file")

func entryOf(info fs.FileInfo) Entry {
	e := Entry{Name: info.Name(), Mode: info.Mode(), Modified: info.ModTime(), Size: info.Size()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		e.UID, e.GID = st.Uid, st.Gid
	}
	return e
}

// isWhiteout tells whether a file is what an overlay leaves where something was removed.
func isWhiteout(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Mode&syscall.S_IFMT == syscall.S_IFCHR && st.Rdev == 0
}
