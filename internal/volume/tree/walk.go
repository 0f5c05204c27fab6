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
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// deepest is how many directories may lie in each other: each is held open.
const deepest = 1000

// walker reads a tree that rests, every file through its open directory.
type walker struct {
	progress Progress
	// enter is called with a directory before what it holds; its hash is not known yet.
	enter func(*record) error
	// begin is called with a regular file and what of it is no hole, and returns who
	// wants that besides.
	begin func(*record, []segment) (io.Writer, error)
	// leave is called with every file, in the order of a manifest, and its line.
	leave func(r *record, line []byte) error
	// tolerant has what the disk does not give told in the summary.
	tolerant bool

	links   map[inode]*names
	line    []byte
	buf     []byte
	summary Summary
}

type inode struct{ dev, ino uint64 }

// names are those of one file.
type names struct {
	first string
	left  uint64 // how many have not been met
}

func (w *walker) walk(ctx context.Context, dir string) (Summary, error) {
	w.links, w.buf = map[inode]*names{}, make([]byte, 1<<20)
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return Summary{}, err
	}
	defer f.Close()
	top := sha256.New()
	if err := w.directory(ctx, f, ".", 0, top); err != nil {
		return Summary{}, err
	}
	w.summary.Root = Hash(top.Sum(nil))
	return w.summary, nil
}

// directory visits a directory and what it holds; its line goes to sum.
func (w *walker) directory(ctx context.Context, f *os.File, path string, depth int, sum hash.Hash) error {
	if depth > deepest {
		return fmt.Errorf("%s: more than %d directories in each other", path, deepest)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return w.gone(path, wrap("stat", f, err), sum)
	}
	r := newRecord(path, directory, &st)
	var err error
	if r.xattrs, err = readXattrs(f); err != nil {
		return w.gone(path, err, sum)
	}
	if w.enter != nil {
		if err := w.enter(r); err != nil {
			return err
		}
	}
	entries, err := f.Readdirnames(-1)
	if err != nil && !w.forgives(err) {
		return err
	}
	r.unreadable = err != nil
	slices.Sort(entries)
	below := sha256.New()
	for _, name := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		sub := name
		if path != "." {
			sub = path + "/" + name
		}
		if err := w.entry(ctx, f, name, sub, depth, below); err != nil {
			return err
		}
	}
	r.hash = Hash(below.Sum(nil))
	return w.done(r, sum)
}

func (w *walker) entry(ctx context.Context, parent *os.File, name, path string, depth int, sum hash.Hash) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(parent.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return w.gone(path, &os.PathError{Op: "stat", Path: path, Err: err}, sum)
	}
	k, ok := kindOf(st.Mode)
	if !ok { // a socket
		return nil
	}
	if k == directory {
		f, err := openAt(parent, name, unix.O_DIRECTORY)
		if err != nil {
			return w.gone(path, err, sum)
		}
		defer f.Close()
		return w.directory(ctx, f, path, depth+1, sum)
	}
	if first := w.link(path, &st); first != "" {
		return w.done(&record{kind: anotherName, path: path, target: first}, sum)
	}
	r := newRecord(path, k, &st)
	err := w.fill(ctx, parent, name, r)
	if w.forgives(err) {
		r.unreadable, err = true, nil
	}
	if err != nil {
		return err
	}
	return w.done(r, sum)
}

func kindOf(mode uint32) (k kind, ok bool) {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return directory, true
	case unix.S_IFREG:
		return regular, true
	case unix.S_IFLNK:
		return symlink, true
	case unix.S_IFIFO:
		return pipe, true
	case unix.S_IFCHR:
		return charDevice, true
	case unix.S_IFBLK:
		return blockDevice, true
	default:
		return 0, false
	}
}

// fill reads what stat does not tell.
func (w *walker) fill(ctx context.Context, parent *os.File, name string, r *record) (err error) {
	if r.kind == regular {
		f, err := openAt(parent, name, unix.O_NONBLOCK)
		if err != nil {
			return err
		}
		defer f.Close()
		if r.xattrs, err = readXattrs(f); err != nil {
			return err
		}
		r.hash, err = w.content(ctx, f, r)
		return err
	}
	if r.kind == symlink {
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(int(parent.Fd()), name, buf)
		if err != nil {
			return &os.PathError{Op: "readlink", Path: r.path, Err: err}
		}
		r.target = string(buf[:n])
	}
	r.xattrs, err = readXattrsAt(parent, name)
	return err
}

// link returns the first name of a file whose other names were met before.
func (w *walker) link(path string, st *unix.Stat_t) string {
	if st.Nlink < 2 {
		return ""
	}
	id := inode{st.Dev, st.Ino}
	n, ok := w.links[id]
	if !ok {
		w.links[id] = &names{path, st.Nlink - 1}
		return ""
	}
	if n.left--; n.left == 0 {
		delete(w.links, id)
	}
	return n.first
}

// gone records that there is a file of which the disk tells nothing.
func (w *walker) gone(path string, err error, sum hash.Hash) error {
	if !w.forgives(err) {
		return err
	}
	return w.done(&record{kind: unknown, path: path, unreadable: true}, sum)
}

// forgives tells whether err is the disk's, and to be told instead of returned.
func (w *walker) forgives(err error) bool {
	return w.tolerant && err != nil &&
		(errors.Is(err, unix.EIO) || errors.Is(err, unix.EUCLEAN) || errors.Is(err, unix.EBADMSG))
}

func (w *walker) done(r *record, sum hash.Hash) error {
	w.line = r.appendLine(w.line[:0])
	sum.Write(w.line)
	w.summary.add(r)
	w.tick(0)
	if w.leave == nil {
		return nil
	}
	return w.leave(r, w.line)
}

// tick tells that so much of the file being read is done.
func (w *walker) tick(at int64) {
	if w.progress != nil {
		w.progress(w.summary.Files, w.summary.Bytes+at)
	}
}

func (s *Summary) add(r *record) {
	const mostPaths = 100
	s.Files++
	s.Bytes += r.size
	if r.unreadable {
		s.Unreadable++
		if len(s.UnreadablePaths) < mostPaths {
			s.UnreadablePaths = append(s.UnreadablePaths, r.path)
		}
	}
}

func newRecord(path string, k kind, st *unix.Stat_t) *record {
	r := &record{kind: k, mode: st.Mode &^ unix.S_IFMT, uid: st.Uid, gid: st.Gid, mtime: st.Mtim, path: path}
	if k == regular {
		r.size = st.Size
	}
	if k == charDevice || k == blockDevice {
		r.rdev = st.Rdev
	}
	return r
}

func readXattrs(f *os.File) ([]xattr, error) {
	fd := int(f.Fd())
	return xattrs(f.Name(),
		func(buf []byte) (int, error) { return unix.Flistxattr(fd, buf) },
		func(name string, buf []byte) (int, error) { return unix.Fgetxattr(fd, name, buf) })
}

func readXattrsAt(parent *os.File, name string) ([]xattr, error) {
	path := fmt.Sprintf("/proc/self/fd/%d/%s", parent.Fd(), name)
	return xattrs(filepath.Join(parent.Name(), name),
		func(buf []byte) (int, error) { return unix.Llistxattr(path, buf) },
		func(name string, buf []byte) (int, error) { return unix.Lgetxattr(path, name, buf) })
}

// xattrs returns those that belong to a tree, ordered.
func xattrs(path string, list func([]byte) (int, error), get func(string, []byte) (int, error)) (all []xattr, err error) {
	names, err := read(list)
	if err != nil && !errors.Is(err, unix.ENOTSUP) {
		return nil, &os.PathError{Op: "listxattr", Path: path, Err: err}
	}
	for name := range bytes.SplitSeq(bytes.TrimSuffix(names, []byte{0}), []byte{0}) {
		name := string(name)
		if !belongs(name) {
			continue
		}
		value, err := read(func(buf []byte) (int, error) { return get(name, buf) })
		if err != nil {
			return nil, &os.PathError{Op: "getxattr", Path: path, Err: err}
		}
		all = append(all, xattr{name, string(value)})
	}
	slices.SortFunc(all, func(a, b xattr) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// belongs tells whether an extended attribute is the tree's. An SELinux label is the
// host's, and a file system's own are settings of that.
func belongs(name string) bool {
	space, _, _ := strings.Cut(name, ".")
	switch space {
	case "user", "trusted":
		return true
	case "security":
		return name != "security.selinux"
	default:
		return name == "system.posix_acl_access" || name == "system.posix_acl_default"
	}
}

// read calls a function that fills a buffer, which is as large as any xattr gets.
func read(fill func([]byte) (int, error)) ([]byte, error) {
	n, err := fill(nil)
	if n <= 0 || err != nil {
		return nil, err
	}
	buf := make([]byte, n)
	n, err = fill(buf)
	return buf[:max(n, 0)], err
}

func openAt(parent *os.File, name string, flags int) (*os.File, error) {
	path := filepath.Join(parent.Name(), name)
	fd, err := unix.Openat(int(parent.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

func wrap(op string, f *os.File, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: f.Name(), Err: err}
}
