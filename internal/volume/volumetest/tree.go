package volumetest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// readTree describes every file below dir, and dir itself, in a line each.
func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	names := map[uint64]string{} // the first name of each inode, to tell hard links
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		line := fmt.Sprintf("mode %o owner %d:%d changed %d.%09d", st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
		content, err := describe(path, st)
		if err != nil {
			return err
		}
		if first, ok := names[st.Ino]; ok {
			content += " same as " + first
		} else {
			names[st.Ino] = name
		}
		tree[name] = line + content
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func describe(path string, st unix.Stat_t) (string, error) {
	attributes, err := xattrs(path)
	if err != nil {
		return "", err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		content, err := os.ReadFile(path)
		return fmt.Sprintf("%s links %d size %d sha256 %.8x", attributes, st.Nlink, len(content), sha256.Sum256(content)), err
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		return fmt.Sprintf("%s links %d -> %s", attributes, st.Nlink, target), err
	case unix.S_IFCHR, unix.S_IFBLK:
		return fmt.Sprintf("%s device %d:%d", attributes, unix.Major(st.Rdev), unix.Minor(st.Rdev)), nil
	default:
		return attributes, nil
	}
}

func xattrs(path string) (string, error) {
	var buf [4096]byte
	n, err := unix.Llistxattr(path, buf[:])
	if err != nil {
		return "", err
	}
	var lines []string
	for name := range bytes.SplitSeq(bytes.TrimSuffix(buf[:n], []byte{0}), []byte{0}) {
		if len(name) == 0 {
			continue
		}
		var value [4096]byte
		n, err := unix.Lgetxattr(path, string(name), value[:])
		if err != nil {
			return "", err
		}
		lines = append(lines, fmt.Sprintf(" %s=%q", name, value[:n]))
	}
	slices.Sort(lines)
	return strings.Join(lines, ""), nil
}
