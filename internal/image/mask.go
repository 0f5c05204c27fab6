package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// listing is the sorted names in those directories of which only some show. What
// comes to them later is not hidden by the mask: it has to be built again.
type listing map[string][]string

func names(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	all, err := d.Readdirnames(-1)
	slices.Sort(all)
	return all, err
}

// mask writes into the directory to, as the upper of two overlay layers, what
// makes the tree at from look as a view says. It only ever covers: names it has
// nothing to say about show through.
type mask struct {
	from, to string
	listed   listing
}

// apply makes path, relative to the root, look as v says.
func (m *mask) apply(path string, v view) error {
	switch v.kind {
	case hidden:
		return m.hide(path)
	case empty:
		return m.empty(path, v)
	case link:
		return m.link(path, v.to)
	case public, only, except:
		return m.part(path, v)
	case whole:
	}
	return nil
}

// part shows a part of a directory. What should be a directory and is none, such
// as a link to another place, does not show.
func (m *mask) part(path string, v view) error {
	fi, err := os.Lstat(filepath.Join(m.from, path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m.addTo(path, v, nil)
	case err != nil:
		return err
	case !fi.IsDir():
		return m.hide(path)
	case v.kind == only:
		return m.only(path, v)
	case v.kind == public:
		if err := m.public(path, v.names); err != nil {
			return err
		}
	}
	return m.addTo(path, v, nil)
}

// addTo applies the names of v, except those done already.
func (m *mask) addTo(path string, v view, done []string) error {
	for name, child := range v.names {
		if slices.Contains(done, name) {
			continue
		}
		if err := m.apply(filepath.Join(path, name), child); err != nil {
			return err
		}
	}
	return nil
}

func (m *mask) only(path string, v view) error {
	all, err := names(filepath.Join(m.from, path))
	if err != nil {
		return err
	}
	m.listed[path] = all
	for _, name := range all {
		child, ok := v.names[name]
		if !ok {
			child = view{kind: hidden}
		}
		if err := m.apply(filepath.Join(path, name), child); err != nil {
			return err
		}
	}
	return m.addTo(path, v, all)
}

// public hides what is below path and not for everybody to read. Other file
// systems mounted below do not show anyway.
func (m *mask) public(path string, skip map[string]view) error {
	top := filepath.Join(m.from, path)
	return filepath.WalkDir(top, func(full string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, _ := filepath.Rel(top, full)
		if _, ok := skip[below]; ok {
			return skipped(e)
		}
		if e.Type()&(fs.ModeSymlink|fs.ModeCharDevice) != 0 {
			return nil
		}
		fi, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if forEverybody(fi) {
			return nil
		}
		if err := m.hide(filepath.Join(path, below)); err != nil {
			return err
		}
		return skipped(e)
	})
}

func skipped(e fs.DirEntry) error {
	if e.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// forEverybody reports whether every account of the machine may read the file,
// or read and enter the directory.
func forEverybody(fi fs.FileInfo) bool {
	if fi.IsDir() {
		return fi.Mode().Perm()&0o005 == 0o005
	}
	return fi.Mode().Perm()&0o004 != 0
}

// hide covers path with a whiteout.
func (m *mask) hide(path string) error {
	to, err := m.place(path)
	if err != nil {
		return err
	}
	if err := unix.Mknod(to, unix.S_IFCHR, int(unix.Mkdev(0, 0))); err != nil {
		return fmt.Errorf("hide %s: %w", path, err)
	}
	return nil
}

// empty covers path with a directory through which nothing shows.
func (m *mask) empty(path string, v view) error {
	to, err := m.place(path)
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Mkdir(to, 0o700), unix.Chmod(to, v.mode)); err != nil {
		return fmt.Errorf("cover %s: %w", path, err)
	}
	if err := unix.Setxattr(to, "trusted.overlay.opaque", []byte("y"), 0); err != nil {
		return fmt.Errorf("cover %s: %w", path, err)
	}
	return m.addTo(path, v, nil)
}

func (m *mask) link(path, target string) error {
	to, err := m.place(path)
	if err != nil {
		return err
	}
	return os.Symlink(target, to)
}

// place makes the directories above path in the mask, with the owners and modes
// of those they will be merged with, and returns the path in the mask.
func (m *mask) place(path string) (string, error) {
	done := ""
	for elem := range strings.SplitSeq(filepath.Dir(path), "/") {
		done = filepath.Join(done, elem)
		to := filepath.Join(m.to, done)
		err := os.Mkdir(to, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if err := likeOriginal(filepath.Join(m.from, done), to); err != nil {
			return "", err
		}
	}
	return filepath.Join(m.to, path), nil
}

// likeOriginal gives a file or directory the owner, mode and time of another.
func likeOriginal(from, to string) error {
	var st unix.Stat_t
	err := unix.Lstat(from, &st)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err == nil {
		err = unix.Lchown(to, int(st.Uid), int(st.Gid))
	}
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFLNK {
		err = unix.Chmod(to, st.Mode&0o7777)
	}
	if err == nil {
		err = unix.UtimesNanoAt(unix.AT_FDCWD, to, []unix.Timespec{st.Mtim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil {
		return fmt.Errorf("make %s like the machine's own: %w", to, err)
	}
	return nil
}
