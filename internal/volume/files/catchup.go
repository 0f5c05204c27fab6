package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// catchUp brings a copy up to what has changed in its source since a time, and
// what changes while it does that, until nothing does or all rounds are over.
func (c *copier) catchUp(ctx context.Context, source *os.File, target string, since int64) error {
	for n := range rounds {
		next, changed, err := c.round(ctx, source, target, since, n == rounds-1)
		if err != nil || !changed {
			return err
		}
		since = next
	}
	return nil
}

// round compares the tree with its copy once, and tells since when changes may have
// been missed, if there were any.
func (c *copier) round(ctx context.Context, source *os.File, target string, since int64, last bool) (next int64, changed bool, err error) {
	next, err = now(target)
	if err != nil {
		return 0, false, err
	}
	if next < since { // the clock was set back: what has changed cannot be told
		since = 0
	}
	clear(c.links)
	f := follower{copier: c, since: since, began: next, last: last}
	if err := f.directory(ctx, source, target); err != nil {
		return 0, false, err
	}
	if f.missed {
		next = since
	}
	return next, f.changed, f.remove()
}

// now is what the kernel writes into a file that changes at this moment, in
// nanoseconds: its clock for that goes in steps, whose length is the file system's.
func now(target string) (int64, error) {
	var st unix.Stat_t
	err := unix.Chmod(target, 0o700)
	if err == nil {
		err = unix.Lstat(target, &st)
	}
	return st.Ctim.Nano(), wrap("touch", target, err)
}

// follower copies again what has changed since. Whatever is done to a file changes
// its ctime, which nobody can set. But a file knows nothing of its directory being
// moved, nor does XFS tell it that it was exchanged for another: whether a file is
// the one that was copied, its inode tells.
type follower struct {
	*copier
	since   int64
	began   int64 // this round
	last    bool  // there is none after this one
	changed bool
	missed  bool     // something was away, and may come back as it was
	moving  bool     // a directory has changed since this round began
	gone    []string // what the last round has found in the copy only
}

// remove does it with what is gone, unless that was moved to where this round had been
// before: it would be nowhere.
func (f *follower) remove() error {
	if f.moving || f.missed {
		return nil
	}
	for _, path := range f.gone {
		if err := removeFrom(filepath.Dir(path), path); err != nil {
			return err
		}
	}
	return nil
}

// removeFrom keeps the times of the directory that a file is removed from.
func removeFrom(dir, path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return wrap("stat", dir, err)
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return wrap("utimes", dir, unix.UtimesNanoAt(unix.AT_FDCWD, dir, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW))
}

// directory compares a directory with its copy, which is there.
func (f *follower) directory(ctx context.Context, source *os.File, target string) error {
	names, err := list(source)
	if errors.Is(err, fs.ErrNotExist) {
		f.changed, f.missed = true, true
		return nil
	}
	if err != nil {
		return err
	}
	st, err := stat(source)
	if err != nil {
		return err
	}
	f.moving = f.moving || st.Ctim.Nano() >= f.began
	if err := f.sweep(names, target); err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.follow(ctx, source, name, filepath.Join(target, name)); err != nil {
			return err
		}
	}
	return f.attributes(source, target)
}

// sweep removes from a copy what is not there any more, in the last round at its end.
func (f *follower) sweep(names []string, target string) error {
	copied, err := os.ReadDir(target)
	if err != nil {
		return err
	}
	for _, e := range copied {
		if _, there := slices.BinarySearch(names, e.Name()); there {
			continue
		}
		f.changed = true
		path := filepath.Join(target, e.Name())
		if f.last {
			f.gone = append(f.gone, path)
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) follow(ctx context.Context, parent *os.File, name, target string) error {
	source, st, err := open(parent, name)
	if errors.Is(err, fs.ErrNotExist) {
		f.changed, f.missed = true, true
		return nil
	}
	if err != nil {
		return err
	}
	defer source.Close()
	var have unix.Stat_t
	same := unix.Lstat(target, &have) == nil && f.made[have.Ino] == inodeOf(st) && st.Mode&unix.S_IFMT == have.Mode&unix.S_IFMT
	switch {
	case same && st.Mode&unix.S_IFMT == unix.S_IFDIR:
		dir, err := reopen(source, unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		defer dir.Close()
		f.changed = f.changed || st.Ctim.Nano() >= f.since
		return f.directory(ctx, dir, target)
	case same && st.Ctim.Nano() < f.since && st.Size == have.Size && f.linked(st, &have, target):
		return nil
	}
	f.changed = true
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	return f.file(ctx, source, st, target)
}

// linked tells whether a file's copy is the same file as those of its names that
// were met before. Another name may have come by a directory that was moved.
func (f *follower) linked(st, have *unix.Stat_t, target string) bool {
	if st.Nlink == 1 {
		return true
	}
	first, met := f.links[momentOf(st)]
	if !met {
		f.links[momentOf(st)] = target
		return true
	}
	var other unix.Stat_t
	return unix.Lstat(first, &other) == nil && other.Ino == have.Ino
}
