package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// catchUp brings a copy up to what has changed in its source since a time, and
// what changes while it does that, until nothing does or all rounds are over.
func (c *copier) catchUp(ctx context.Context, source *os.File, target string, since int64) error {
	for range rounds {
		next, err := now()
		if err != nil {
			return err
		}
		clear(c.links)
		f := follower{copier: c, since: since}
		if err := f.directory(ctx, source, target); err != nil {
			return err
		}
		if !f.changed {
			return nil
		}
		since = next
	}
	return nil
}

// now is what the kernel would write into a file that changes at this moment, in
// nanoseconds: its clock for that goes in steps.
func now() (int64, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &t); err != nil {
		return 0, fmt.Errorf("read the clock: %w", err)
	}
	return t.Nano(), nil
}

// follower copies again what has changed since. Whatever is done to a file changes
// its ctime, which nobody can set, but a file knows nothing of its directory being
// moved: whether that is the one that was copied, its inode tells.
type follower struct {
	*copier
	since   int64
	changed bool
}

// directory compares a directory with its copy, which is there.
func (f *follower) directory(ctx context.Context, source *os.File, target string) error {
	if _, err := source.Seek(0, 0); err != nil {
		return err
	}
	names, err := source.Readdirnames(-1)
	if err != nil {
		return err
	}
	copied, err := os.ReadDir(target)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, e := range copied {
		if _, there := slices.BinarySearch(names, e.Name()); !there {
			f.changed = true
			if err := os.RemoveAll(filepath.Join(target, e.Name())); err != nil {
				return err
			}
		}
	}
	for _, name := range names {
		err := ctx.Err()
		if err == nil {
			err = f.follow(ctx, source, name, filepath.Join(target, name))
		}
		if err != nil && !vanished(err) { // the next round finds what is there now
			return err
		}
	}
	return f.itself(source, target)
}

func (f *follower) follow(ctx context.Context, parent *os.File, name, target string) error {
	var st, have unix.Stat_t
	if err := unix.Fstatat(int(parent.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		f.changed = true
		return wrap("stat", filepath.Join(parent.Name(), name), err)
	}
	copied := unix.Lstat(target, &have) == nil
	if copied && st.Mode&unix.S_IFMT == unix.S_IFDIR && have.Mode&unix.S_IFMT == unix.S_IFDIR {
		if same, err := f.subdirectory(ctx, parent, name, target); same || err != nil {
			return err
		}
	} else if copied && st.Ctim.Nano() < f.since && alike(&st, &have) && f.linked(&st, &have, target) {
		return nil
	}
	f.changed = true
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	return f.entry(ctx, parent, name, target)
}

// subdirectory follows a directory, if it is the one that target was made of.
func (f *follower) subdirectory(ctx context.Context, parent *os.File, name, target string) (same bool, err error) {
	dir, err := openAt(parent, name, unix.O_DIRECTORY)
	if err != nil {
		f.changed = true
		return false, err
	}
	defer dir.Close()
	st, err := stat(dir)
	if err != nil || f.dirs[target] != (inode{st.Dev, st.Ino}) {
		return false, err
	}
	f.changed = f.changed || st.Ctim.Nano() >= f.since
	return true, f.directory(ctx, dir, target)
}

// alike tells whether a file may be the one a copy was made of, for file systems
// that do not mark a file that is renamed.
func alike(a, b *unix.Stat_t) bool {
	return a.Mode == b.Mode && a.Uid == b.Uid && a.Gid == b.Gid && a.Size == b.Size && a.Mtim == b.Mtim
}

// linked tells whether a file's copy is the same file as those of its names that
// were met before. Another name may have come by a directory that was moved.
func (f *follower) linked(st, have *unix.Stat_t, target string) bool {
	if st.Nlink == 1 {
		return true
	}
	file := inode{st.Dev, st.Ino}
	first, met := f.links[file]
	if !met {
		f.links[file] = target
		return true
	}
	var other unix.Stat_t
	return unix.Lstat(first, &other) == nil && other.Ino == have.Ino
}
