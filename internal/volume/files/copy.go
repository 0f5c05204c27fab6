package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

// rounds is how often a tree that changes is compared with its copy.
const rounds = 3

// copyTree copies a directory tree to target, which does not exist. Whoever works
// in source may change it meanwhile, even to lead us astray: every file is
// reached through its open directory and never through a symbolic link.
func copyTree(ctx context.Context, source, target string, reflink bool) error {
	dir, err := os.OpenFile(source, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return volume.ErrNotFound
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	since, err := now()
	if err != nil {
		return err
	}
	c := newCopier(reflink)
	if err := c.directory(ctx, dir, target); err != nil {
		return err
	}
	return c.catchUp(ctx, dir, target, since)
}

type inode struct{ dev, ino uint64 }

type copier struct {
	reflink bool
	links   map[inode]string // where the first copy of a file with several names is
	dirs    map[string]inode // what each directory of the copy was made of
}

func newCopier(reflink bool) *copier {
	return &copier{reflink: reflink, links: map[inode]string{}, dirs: map[string]inode{}}
}

func (c *copier) directory(ctx context.Context, source *os.File, target string) error {
	st, err := stat(source)
	if err != nil {
		return err
	}
	if err := os.Mkdir(target, 0o700); err != nil {
		return err
	}
	c.dirs[target] = inode{st.Dev, st.Ino}
	names, err := source.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.entry(ctx, source, name, filepath.Join(target, name)); err != nil {
			return err
		}
	}
	return c.itself(source, target)
}

// itself gives target what a directory has besides its files.
func (c *copier) itself(source *os.File, target string) error {
	st, err := stat(source)
	if err != nil {
		return err
	}
	return attributes(source, ".", target, &st)
}

// entry copies a file of any kind, unless it has vanished.
func (c *copier) entry(ctx context.Context, parent *os.File, name, target string) error {
	err := ctx.Err()
	if err == nil {
		err = c.present(ctx, parent, name, target)
	}
	if vanished(err) { // as good as removed before
		return os.RemoveAll(target)
	}
	return err
}

// vanished tells whether a file was removed while it was copied, or exchanged for
// one of another kind.
func vanished(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR)
}

func (c *copier) present(ctx context.Context, parent *os.File, name, target string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(parent.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "stat", Path: filepath.Join(parent.Name(), name), Err: err}
	}
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFDIR {
		dir, err := openAt(parent, name, unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		defer dir.Close()
		return c.directory(ctx, dir, target)
	}
	if st.Nlink > 1 {
		if first, ok := c.links[inode{st.Dev, st.Ino}]; ok {
			return os.Link(first, target)
		}
	}
	var err error
	switch kind {
	case unix.S_IFREG:
		err = c.regular(ctx, parent, name, target, &st)
	case unix.S_IFLNK:
		err = symlink(parent, name, target)
	default: // devices, whiteouts among them, pipes and sockets
		err = wrap("mknod", target, unix.Mknod(target, kind, int(st.Rdev)))
	}
	if err != nil {
		return err
	}
	if st.Nlink > 1 {
		c.links[inode{st.Dev, st.Ino}] = target
	}
	return attributes(parent, name, target, &st)
}

// regular copies a file's content, sharing it, or leaving holes where there are
// holes. st is brought up to date.
func (c *copier) regular(ctx context.Context, parent *os.File, name, target string, st *unix.Stat_t) (err error) {
	source, err := openAt(parent, name, unix.O_NONBLOCK) // in case it is a pipe by now
	if err != nil {
		return err
	}
	defer source.Close()
	if *st, err = stat(source); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return wrap("copy", source.Name(), fs.ErrNotExist)
	}
	file, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if c.reflink {
		err := unix.IoctlFileClone(int(file.Fd()), int(source.Fd()))
		switch {
		case err == nil, errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), errors.Is(err, unix.EIO):
			return wrap("clone", source.Name(), err)
		}
		// There are files that cannot be shared, as one that is swapped to.
	}
	return content(ctx, source, file, st.Size)
}

func content(ctx context.Context, source, target *os.File, size int64) error {
	for end := int64(0); end < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		start, err := source.Seek(end, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // nothing but a hole up to the end
		}
		if err != nil {
			return err
		}
		if end, err = source.Seek(start, unix.SEEK_HOLE); err != nil {
			return err
		}
		end = min(end, size, start+64<<20) // a piece at a time, to look at ctx
		if start >= end {
			break
		}
		if _, err := source.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := target.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(target, source, end-start); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return target.Truncate(size)
}

func symlink(parent *os.File, name, target string) error {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(parent.Fd()), name, buf)
	if err != nil {
		return wrap("readlink", filepath.Join(parent.Name(), name), err)
	}
	return os.Symlink(string(buf[:n]), target)
}

// attributes gives target what name in parent has: owner first, because a change
// of owner takes away capabilities and set-id bits; times last.
func attributes(parent *os.File, name, target string, st *unix.Stat_t) error {
	if err := os.Lchown(target, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if err := xattrs(fmt.Sprintf("/proc/self/fd/%d/%s", parent.Fd(), name), target); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Chmod(target, st.Mode&^unix.S_IFMT); err != nil {
			return wrap("chmod", target, err)
		}
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	return wrap("utimes", target, unix.UtimesNanoAt(unix.AT_FDCWD, target, times, unix.AT_SYMLINK_NOFOLLOW))
}

func xattrs(source, target string) error {
	names, err := read(func(buf []byte) (int, error) { return unix.Llistxattr(source, buf) })
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err != nil {
		return wrap("listxattr", target, err)
	}
	for name := range bytes.SplitSeq(names, []byte{0}) {
		if len(name) == 0 {
			continue
		}
		value, err := read(func(buf []byte) (int, error) { return unix.Lgetxattr(source, string(name), buf) })
		if errors.Is(err, unix.ENODATA) {
			continue // removed meanwhile
		}
		if err != nil {
			return wrap("getxattr", target, err)
		}
		if err := unix.Lsetxattr(target, string(name), value, 0); err != nil {
			return wrap("setxattr "+string(name), target, err)
		}
	}
	return nil
}

// read calls a function that fills a buffer, which is as large as any xattr gets.
func read(fill func([]byte) (int, error)) ([]byte, error) {
	buf := make([]byte, 64<<10)
	n, err := fill(buf)
	return buf[:max(n, 0)], err
}

func stat(f *os.File) (st unix.Stat_t, err error) {
	err = wrap("stat", f.Name(), unix.Fstat(int(f.Fd()), &st))
	return st, err
}

func openAt(parent *os.File, name string, flags int) (*os.File, error) {
	path := filepath.Join(parent.Name(), name)
	fd, err := unix.Openat(int(parent.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, wrap("open", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

func wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}
