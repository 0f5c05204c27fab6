package tree

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// builder makes a tree from records in the order of a walk: each directory before
// what it holds, names in order. Whatever a record says, it is made in a directory
// that the builder made itself and holds open, under a name that is not there yet,
// so that none leads anywhere else.
type builder struct {
	top    *os.File
	open   []*openDir // the directory last begun, and those it is in
	begun  bool
	buf    []byte
	walker walker // for its hashing and counting
	root   hash.Hash
}

// openDir is a directory that is not complete.
type openDir struct {
	file   *os.File
	record *record
	sum    hash.Hash // of the lines of what is in it
	last   string    // the name made last in it
}

func newBuilder(dir string, progress Progress) (*builder, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if names, err := f.Readdirnames(1); len(names) > 0 || !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("%s is not an empty directory", dir), f.Close())
	}
	return &builder{top: f, buf: make([]byte, 256<<10), walker: walker{progress: progress}, root: sha256.New()}, nil
}

// close closes what is open.
func (b *builder) close() error {
	err := b.top.Close()
	for _, d := range b.open {
		if d.file != b.top {
			err = errors.Join(err, d.file.Close())
		}
	}
	b.open = nil
	return err
}

// add makes the file of a record, with its content.
func (b *builder) add(ctx context.Context, r *record, content io.Reader) error {
	if r.path == "." {
		if r.kind != directory || b.begun {
			return fmt.Errorf("the top of the tree is no directory: %w", ErrInvalid)
		}
		b.begun = true
		b.open = []*openDir{{file: b.top, record: r, sum: sha256.New()}}
		return nil
	}
	parent, name := path.Split(r.path)
	parent = path.Clean(parent)
	for len(b.open) > 0 && b.open[len(b.open)-1].record.path != parent {
		if err := b.leave(); err != nil {
			return err
		}
	}
	if len(b.open) == 0 {
		return fmt.Errorf("it is in no directory before it: %w", ErrInvalid)
	}
	in := b.open[len(b.open)-1]
	if name <= in.last || len(b.open) > deepest {
		return fmt.Errorf("it is out of order: %w", ErrInvalid)
	}
	in.last = name
	if r.kind == directory {
		return b.enter(in, name, r)
	}
	if err := b.make(ctx, in, name, r, content); err != nil {
		return err
	}
	return b.walker.done(r, in.sum)
}

func (b *builder) enter(in *openDir, name string, r *record) error {
	if err := unix.Mkdirat(int(in.file.Fd()), name, 0o700); err != nil {
		return &os.PathError{Op: "mkdir", Path: r.path, Err: err}
	}
	f, err := openAt(in.file, name, unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	b.open = append(b.open, &openDir{file: f, record: r, sum: sha256.New()})
	return nil
}

// leave completes the directory begun last.
func (b *builder) leave() error {
	d := b.open[len(b.open)-1]
	b.open = b.open[:len(b.open)-1]
	err := b.dress(d.file, d.record)
	if d.file != b.top {
		err = errors.Join(err, d.file.Close())
	}
	if err != nil {
		return err
	}
	d.record.hash = Hash(d.sum.Sum(nil))
	into := b.root
	if len(b.open) > 0 {
		into = b.open[len(b.open)-1].sum
	}
	return b.walker.done(d.record, into)
}

// finish completes the tree, on the disk.
func (b *builder) finish() (Summary, error) {
	for len(b.open) > 0 {
		if err := b.leave(); err != nil {
			return Summary{}, err
		}
	}
	if err := unix.Syncfs(int(b.top.Fd())); err != nil {
		return Summary{}, wrap("syncfs", b.top, err)
	}
	b.walker.summary.Root = Hash(b.root.Sum(nil))
	return b.walker.summary, nil
}

// make makes what is no directory.
func (b *builder) make(ctx context.Context, in *openDir, name string, r *record, content io.Reader) error {
	dir := int(in.file.Fd())
	var err error
	switch r.kind {
	case regular:
		return b.regular(ctx, in, name, r, content)
	case anotherName:
		return b.link(dir, name, r)
	case symlink:
		err = unix.Symlinkat(r.target, dir, name)
	case pipe:
		err = unix.Mknodat(dir, name, unix.S_IFIFO|0o600, 0)
	case charDevice: // a whiteout
		err = unix.Mknodat(dir, name, unix.S_IFCHR|0o600, 0)
	default:
		err = ErrInvalid
	}
	if err != nil {
		return &os.PathError{Op: "make", Path: r.path, Err: err}
	}
	return b.dressAt(in.file, name, r)
}

// link gives a file that came before another name. It is reached through
// directories only, not through symbolic links that came before.
func (b *builder) link(dir int, name string, r *record) error {
	first, err := unix.Openat2(int(b.top.Fd()), r.target, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return &os.PathError{Op: "open", Path: r.target, Err: err}
	}
	defer unix.Close(first)
	from := fmt.Sprintf("/proc/self/fd/%d", first)
	if err := unix.Linkat(unix.AT_FDCWD, from, dir, name, unix.AT_SYMLINK_FOLLOW); err != nil {
		return &os.LinkError{Op: "link", Old: r.target, New: r.path, Err: err}
	}
	return nil
}

// regular makes a regular file, with a hole wherever there is a block of zeros.
func (b *builder) regular(ctx context.Context, in *openDir, name string, r *record, content io.Reader) (err error) {
	fd, err := unix.Openat(int(in.file.Fd()), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &os.PathError{Op: "create", Path: r.path, Err: err}
	}
	f := os.NewFile(uintptr(fd), r.path)
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	for at := int64(0); at < r.size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := b.buf[:min(int64(len(b.buf)), r.size-at)]
		if _, err := io.ReadFull(content, part); err != nil {
			return damaged(err)
		}
		h.Write(part)
		if err := writeSparse(f, part, at); err != nil {
			return err
		}
		at += int64(len(part))
		b.walker.tick(at)
	}
	r.hash = Hash(h.Sum(nil))
	if err := f.Truncate(r.size); err != nil {
		return err
	}
	return b.dress(f, r)
}

// writeSparse writes the blocks of part that are not zeros.
func writeSparse(f *os.File, part []byte, at int64) error {
	const block = 4096
	for len(part) > 0 {
		n, empty := 0, true
		for n < len(part) { // blocks alike
			next := part[n:min(n+block, len(part))]
			none := bytes.Equal(next, zeros[:len(next)])
			if n > 0 && none != empty {
				break
			}
			empty = none
			n += len(next)
		}
		if !empty {
			if _, err := f.WriteAt(part[:n], at); err != nil {
				return err
			}
		}
		part, at = part[n:], at+int64(n)
	}
	return nil
}

// dress gives an open file what its record says: owner first, because a change of
// owner takes away capabilities and set-id bits; the time last.
func (b *builder) dress(f *os.File, r *record) error {
	fd := int(f.Fd())
	if err := unix.Fchown(fd, int(r.uid), int(r.gid)); err != nil {
		return &os.PathError{Op: "chown", Path: r.path, Err: err}
	}
	for _, x := range r.xattrs {
		if err := unix.Fsetxattr(fd, x.name, []byte(x.value), 0); err != nil {
			return &os.PathError{Op: "setxattr " + x.name, Path: r.path, Err: err}
		}
	}
	if err := unix.Fchmod(fd, r.mode); err != nil {
		return &os.PathError{Op: "chmod", Path: r.path, Err: err}
	}
	return b.stamp(fd, "", r, unix.AT_EMPTY_PATH)
}

// dressAt does the same to what cannot be opened.
func (b *builder) dressAt(dir *os.File, name string, r *record) error {
	fd := int(dir.Fd())
	if err := unix.Fchownat(fd, name, int(r.uid), int(r.gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "chown", Path: r.path, Err: err}
	}
	at := fmt.Sprintf("/proc/self/fd/%d/%s", fd, name)
	for _, x := range r.xattrs {
		if err := unix.Lsetxattr(at, x.name, []byte(x.value), 0); err != nil {
			return &os.PathError{Op: "setxattr " + x.name, Path: r.path, Err: err}
		}
	}
	if r.kind != symlink {
		if err := unix.Fchmodat(fd, name, r.mode, 0); err != nil {
			return &os.PathError{Op: "chmod", Path: r.path, Err: err}
		}
	}
	return b.stamp(fd, name, r, unix.AT_SYMLINK_NOFOLLOW)
}

func (b *builder) stamp(dir int, name string, r *record, flags int) error {
	times := []unix.Timespec{r.mtime, r.mtime}
	if err := unix.UtimesNanoAt(dir, name, times, flags); err != nil {
		return &os.PathError{Op: "utimes", Path: r.path, Err: err}
	}
	return nil
}
