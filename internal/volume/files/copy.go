package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

// rounds is how often a tree that changes is compared with its copy.
const rounds = 3

// copyTree copies a directory tree to target, which does not exist. Whoever works
// in source may change it meanwhile, even to lead us astray: every file is opened
// once, by its name in its open directory, and never reached by its name again.
func copyTree(ctx context.Context, source, target string, reflink bool) error {
	dir, err := os.OpenFile(source, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return volume.ErrNotFound
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	c := newCopier(reflink)
	since, err := c.top(ctx, dir, target)
	if err != nil {
		return err
	}
	if err := c.catchUp(ctx, dir, target, since); err != nil {
		return err
	}
	return stillThere(dir, source)
}

// stillThere says no when the tree was deleted meanwhile: what was copied is what the
// deletion had left.
func stillThere(dir *os.File, path string) error {
	was, err := stat(dir)
	if err != nil {
		return err
	}
	var is unix.Stat_t
	if err := unix.Lstat(path, &is); errors.Is(err, fs.ErrNotExist) || err == nil && inodeOf(&is) != inodeOf(&was) {
		return volume.ErrNotFound
	} else if err != nil {
		return wrap("stat", path, err)
	}
	return nil
}

type inode struct{ dev, ino uint64 }

func inodeOf(st *unix.Stat_t) inode { return inode{st.Dev, st.Ino} }

type copier struct {
	reflink bool
	made    map[uint64]inode  // what each inode of the copy was made of
	links   map[moment]string // where the first copy of a file with several names is
	value   []byte            // of an extended attribute, as large as any gets
}

// moment is a file as it is until it changes.
type moment struct {
	inode
	ctime unix.Timespec
}

func momentOf(st *unix.Stat_t) moment { return moment{inodeOf(st), st.Ctim} }

func newCopier(reflink bool) *copier {
	return &copier{reflink: reflink, made: map[uint64]inode{}, links: map[moment]string{}, value: make([]byte, 64<<10)}
}

// top copies the tree once, and tells since when changes may have been missed.
func (c *copier) top(ctx context.Context, source *os.File, target string) (since int64, err error) {
	if err := os.Mkdir(target, 0o700); err != nil {
		return 0, err
	}
	since, err = now(target)
	if err != nil {
		return 0, err
	}
	return since, c.directory(ctx, source, target)
}

// directory fills target, which is there and empty.
func (c *copier) directory(ctx context.Context, source *os.File, target string) error {
	names, err := list(source)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range names {
		if err := c.entry(ctx, source, name, filepath.Join(target, name)); err != nil {
			return err
		}
	}
	return c.attributes(source, target)
}

// entry copies a file of any kind, unless it has vanished.
func (c *copier) entry(ctx context.Context, parent *os.File, name, target string) error {
	source, st, err := open(parent, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer source.Close()
	return c.file(ctx, source, st, target)
}

// file copies what was opened without looking into it.
func (c *copier) file(ctx context.Context, source *os.File, st *unix.Stat_t, target string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	kind := st.Mode & unix.S_IFMT
	several := st.Nlink > 1 && kind != unix.S_IFDIR
	if first, ok := c.links[momentOf(st)]; several && ok {
		if err := os.Link(first, target); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	var err error
	switch kind {
	case unix.S_IFDIR:
		err = c.subdirectory(ctx, source, target)
	case unix.S_IFREG:
		err = c.regular(ctx, source, target)
	case unix.S_IFLNK:
		err = c.symlink(source, target)
	default: // devices, whiteouts among them, pipes and sockets
		if err = wrap("mknod", target, unix.Mknod(target, kind, int(st.Rdev))); err == nil {
			err = c.attributes(source, target)
		}
	}
	if err != nil {
		return err
	}
	if several {
		c.links[momentOf(st)] = target
	}
	return nil
}

func (c *copier) subdirectory(ctx context.Context, source *os.File, target string) error {
	dir, err := reopen(source, unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := os.Mkdir(target, 0o700); err != nil {
		return err
	}
	return c.directory(ctx, dir, target)
}

// regular copies a file's content, sharing it, or leaving holes where there are holes.
func (c *copier) regular(ctx context.Context, source *os.File, target string) (err error) {
	// One that somebody has a lease on is not waited for: the lease is broken meanwhile, and the
	// next call finds none.
	from, err := reopen(source, unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(c.share(ctx, from, to), to.Close()); err != nil {
		return err
	}
	return c.attributes(from, target)
}

func (c *copier) share(ctx context.Context, from, to *os.File) error {
	if c.reflink {
		err := unix.IoctlFileClone(int(to.Fd()), int(from.Fd()))
		switch {
		case err == nil, errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), errors.Is(err, unix.EIO):
			return wrap("clone", from.Name(), err)
		}
		// The file system may be unable to share this one.
	}
	// A write that runs has marked the file before it does anything. To look for data waits
	// for it with some file systems, to read with others.
	if _, err := from.Seek(0, unix.SEEK_DATA); err != nil && !errors.Is(err, unix.ENXIO) {
		return err
	}
	if _, err := from.ReadAt(make([]byte, 1), 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	// Pages that are written out are marked again when they are stored to by way of
	// a mapping, and the file with them.
	flags := unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	if err := unix.SyncFileRange(int(from.Fd()), 0, 0, flags); err != nil {
		return wrap("write out", from.Name(), err)
	}
	st, err := stat(from)
	if err != nil {
		return err
	}
	return content(ctx, from, to, st.Size)
}

func content(ctx context.Context, source, target *os.File, size int64) error {
	for end := int64(0); end < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		start, err := source.Seek(end, unix.SEEK_DATA)
		if err == nil {
			end, err = source.Seek(start, unix.SEEK_HOLE)
		}
		if errors.Is(err, unix.ENXIO) {
			break // nothing but a hole up to the end, or shorter by now
		}
		if err != nil {
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

func (c *copier) symlink(source *os.File, target string) error {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(source.Fd()), "", buf)
	if err != nil {
		return wrap("readlink", source.Name(), err)
	}
	if err := os.Symlink(string(buf[:n]), target); err != nil {
		return err
	}
	return c.attributes(source, target)
}

// attributes gives target what a file has besides its content: owner first, because
// a change of owner takes away capabilities and set-id bits; times last.
func (c *copier) attributes(source *os.File, target string) error {
	st, err := stat(source)
	if err != nil {
		return err
	}
	if err := os.Lchown(target, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if err := c.xattrs(source, target); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Chmod(target, st.Mode&^unix.S_IFMT); err != nil {
			return wrap("chmod", target, err)
		}
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, target, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return wrap("utimes", target, err)
	}
	var have unix.Stat_t
	if err := unix.Lstat(target, &have); err != nil {
		return wrap("stat", target, err)
	}
	c.made[have.Ino] = inodeOf(&st)
	return nil
}

// xattrs gives target the extended attributes of a file, and takes away what it has
// besides: from an earlier copy, or inherited from its directory.
func (c *copier) xattrs(source *os.File, target string) error {
	path := fmt.Sprintf("/proc/self/fd/%d", source.Fd()) // also of what is only opened as a path
	names, err := c.xattrNames(func(buf []byte) (int, error) { return unix.Listxattr(path, buf) })
	if err != nil {
		return wrap("listxattr", source.Name(), err)
	}
	has, err := c.xattrNames(func(buf []byte) (int, error) { return unix.Llistxattr(target, buf) })
	if err != nil {
		return wrap("listxattr", target, err)
	}
	for _, name := range has {
		if slices.Contains(names, name) || name == "security.selinux" { // which every file has
			continue
		}
		if err := unix.Lremovexattr(target, name); err != nil && !errors.Is(err, unix.ENODATA) {
			return wrap("removexattr "+name, target, err)
		}
	}
	for _, name := range names {
		n, err := unix.Getxattr(path, name, c.value)
		if errors.Is(err, unix.ENODATA) {
			continue // removed meanwhile
		}
		if err != nil {
			return wrap("getxattr "+name, source.Name(), err)
		}
		if err := unix.Lsetxattr(target, name, c.value[:n], 0); err != nil {
			return wrap("setxattr "+name, target, err)
		}
	}
	return nil
}

func (c *copier) xattrNames(list func([]byte) (int, error)) ([]string, error) {
	n, err := list(c.value)
	if n == 0 || errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(c.value[:n]), "\x00"), "\x00"), nil
}

// list names the files in a directory. One that is removed and made again while the
// directory is read may have been met twice.
func list(dir *os.File) ([]string, error) {
	if _, err := dir.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(-1)
	slices.Sort(names)
	return slices.Compact(names), err
}

// open finds a file of any kind, without opening what it may be a door to.
func open(parent *os.File, name string) (*os.File, *unix.Stat_t, error) {
	path := filepath.Join(parent.Name(), name)
	fd, err := unix.Openat(int(parent.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, wrap("open", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	st, err := stat(f)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, &st, nil
}

// reopen opens what open has found, to read.
func reopen(f *os.File, flags int) (*os.File, error) {
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, wrap("open", f.Name(), err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func stat(f *os.File) (st unix.Stat_t, err error) {
	err = wrap("stat", f.Name(), unix.Fstat(int(f.Fd()), &st))
	return st, err
}

func wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}
