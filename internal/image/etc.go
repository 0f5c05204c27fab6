package image

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

// copyEtc fills the mask's /etc: a copy of what etcNames lists, and fresh files
// in place of what belongs to the machine.
func (m *mask) copyEtc() error {
	for _, pattern := range etcNames() {
		found, err := filepath.Glob(filepath.Join(m.from, "etc", pattern))
		if err != nil {
			return err
		}
		for _, full := range found {
			path, err := filepath.Rel(m.from, full)
			if err != nil {
				return err
			}
			if err := m.copyTree(path); err != nil {
				return err
			}
		}
	}
	return m.writeFresh()
}

// copyTree copies what everybody may read and holds no secret.
func (m *mask) copyTree(path string) error {
	return filepath.WalkDir(filepath.Join(m.from, path), func(full string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, err := filepath.Rel(m.from, full)
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		switch e.Type() {
		case fs.ModeSymlink:
			return m.copyLink(path, full)
		case fs.ModeDir:
			if !forEverybody(fi) {
				return fs.SkipDir
			}
			_, err := m.place(path + "/below")
			return err
		case 0:
			if forEverybody(fi) {
				return m.copyFile(path, full)
			}
		default: // devices and sockets are nobody's configuration
		}
		return nil
	})
}

func (m *mask) copyLink(path, full string) error {
	target, err := os.Readlink(full)
	if err != nil {
		return err
	}
	to, err := m.place(path)
	if err != nil {
		return err
	}
	if err := os.Symlink(target, to); err != nil {
		return err
	}
	return likeOriginal(full, to)
}

func (m *mask) copyFile(path, full string) error {
	data, err := os.ReadFile(full)
	if err != nil {
		return err
	}
	if hasSecret(data) {
		return nil
	}
	to, err := m.place(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return err
	}
	return likeOriginal(full, to)
}

// hasSecret finds what never belongs into a session, wherever it is written: a
// private key, or an address with a password in it.
func hasSecret(data []byte) bool {
	if bytes.Contains(data, []byte("PRIVATE KEY-----")) {
		return true
	}
	return bytes.Contains(data, []byte("://")) && regexp.MustCompile(`://[^\s/@"']*:[^\s/@"']+@`).Match(data)
}

// writeFresh writes the files of /etc that a session must not share with the
// machine, or gets from elsewhere: the session's own host name, resolver and
// machine id are put over these by whoever starts it.
func (m *mask) writeFresh() error {
	accounts, err := m.accounts()
	if err != nil {
		return err
	}
	fresh := append(accounts,
		file{"environment", "", 0o644, 0},
		file{"fstab", "", 0o644, 0},
		file{"hostname", "workstation\n", 0o644, 0},
		file{"hosts", "127.0.0.1 localhost\n::1 localhost\n", 0o644, 0},
		file{"machine-id", "", 0o444, 0},
		file{"resolv.conf", "", 0o644, 0},
		file{"subgid", "", 0o644, 0},
		file{"subuid", "", 0o644, 0},
	)
	if _, err := os.Stat(filepath.Join(m.from, "usr/bin/sudo")); err == nil {
		fresh = append(fresh, file{"sudoers", sudoers, 0o440, 0}, file{"sudoers.d/README", "# Files here are read by sudo.\n", 0o440, 0})
	}
	for _, f := range fresh {
		to, err := m.place(filepath.Join("etc", f.name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, []byte(f.text), 0o600); err != nil {
			return err
		}
		if err := errors.Join(unix.Lchown(to, 0, f.group), unix.Chmod(to, f.mode)); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	return m.link("etc/mtab", "../proc/self/mounts")
}

// file is a file of /etc that is written anew.
type file struct {
	name, text string
	mode       uint32
	group      int
}

const sudoers = `Defaults	env_reset
Defaults	secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root	ALL=(ALL:ALL) ALL
%sudo	ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
`
