package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// TreeBytes adds up the disk space of a directory tree, hard links once, for
// drivers whose file system does not count by itself. Files that vanish while it
// walks are left out. Its time grows with the number of files.
func TreeBytes(ctx context.Context, dir string) (int64, error) {
	const blockSize = 512 // of st_blocks, whatever the file system's own is
	type file struct{ dev, inode uint64 }
	seen := map[file]bool{}
	var sum int64
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		var info fs.FileInfo
		if err == nil {
			info, err = e.Info()
		}
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil
		}
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return &os.PathError{Op: "stat", Path: path, Err: errors.ErrUnsupported}
		}
		if f := (file{st.Dev, st.Ino}); !seen[f] {
			seen[f] = true
			sum += st.Blocks * blockSize
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("add up %s: %w", dir, err)
	}
	return sum, nil
}
