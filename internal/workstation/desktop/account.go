package desktop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sandbox is the root file system that session-init prepares.
type sandbox struct{ root string }

func (s sandbox) path(p string) string { return filepath.Join(s.root, p) }

// makeAccount makes the desktop's account, its group and its home, as far as
// they are missing. Other accounts stay as they are.
func (s sandbox) makeAccount(c Config) error {
	id := strconv.Itoa(c.UID)
	err := errors.Join(
		s.setLine("/etc/passwd", []string{c.User, "x", id, id, "", home(c.User), shell}, 2),
		s.setLine("/etc/group", []string{c.User, "x", id, ""}, 2),
		s.setLine("/etc/shadow", []string{c.User, "*", "", "0", "99999", "7", "", "", ""}, -1),
		s.makeHome(c),
		s.allowSudo(c.User),
	)
	if err != nil {
		return fmt.Errorf("make the account %s: %w", c.User, err)
	}
	return nil
}

// setLine sees to it that a file of accounts has a line for its first field's
// name. A line that is there keeps all but its numbers (field number and, in
// passwd, the one after it); number -1 keeps the line as it is.
//
// A new line goes to the end, or before the line of somebody else with the same
// number: who asks for the name of a number gets the first.
func (s sandbox) setLine(file string, fields []string, number int) error {
	path := s.path(file)
	text, err := os.ReadFile(path)
	mode := fs.FileMode(0o644)
	if errors.Is(err, fs.ErrNotExist) {
		if strings.HasSuffix(file, "shadow") {
			mode = 0o600
		}
	} else if err != nil {
		return err
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.TrimRight(line, "\n"))
	}
	at := len(lines)
	for i, line := range lines {
		old := strings.Split(line, ":")
		if old[0] == fields[0] && len(old) == len(fields) {
			if number < 0 {
				return nil
			}
			keep := slices.Clone(old)
			keep[number] = fields[number]
			if len(fields) == 7 {
				keep[number+1] = fields[number+1]
			}
			fields = keep
			lines = slices.Delete(lines, i, i+1)
			at = min(at, i)
			break
		}
	}
	if number >= 0 {
		clash := slices.IndexFunc(lines, func(l string) bool {
			f := strings.Split(l, ":")
			return len(f) > number && f[number] == fields[number]
		})
		if clash >= 0 {
			at = min(at, clash)
		}
	}
	lines = slices.Insert(lines, min(at, len(lines)), strings.Join(fields, ":"))
	now := strings.Join(lines, "\n") + "\n"
	if now == string(text) {
		return nil
	}
	return replaceFile(path, now, mode)
}

// replaceFile writes a file in one step, keeping mode and owner of the old one.
func replaceFile(path, text string, mode fs.FileMode) error {
	uid, gid := 0, 0
	if fi, err := os.Stat(path); err == nil {
		mode = fi.Mode()
		uid, gid = owner(fi)
	}
	tmp := path + ".backlot"
	err := os.WriteFile(tmp, []byte(text), 0o600)
	if err == nil {
		err = os.Chown(tmp, uid, gid)
	}
	if err == nil {
		err = os.Chmod(tmp, mode)
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return nil
}

// makeHome makes the home directory from /etc/skel, when there is none.
func (s sandbox) makeHome(c Config) error {
	to := s.path(home(c.User))
	if _, err := os.Lstat(to); err == nil {
		return nil
	}
	// Built aside, so that a home that is there is complete.
	part := to + ".backlot"
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(filepath.Dir(part), 0o755)); err != nil {
		return err
	}
	skel := s.path("/etc/skel")
	err := filepath.WalkDir(skel, func(from string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(skel, from)
		if err != nil {
			return err
		}
		return copyEntry(from, filepath.Join(part, below), e, c.UID)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(part, 0o700); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(part, 0o700), os.Chown(part, c.UID, c.UID)); err != nil {
		return err
	}
	return os.Rename(part, to)
}

func copyEntry(from, to string, e fs.DirEntry, uid int) error {
	fi, err := e.Info()
	if err != nil {
		return err
	}
	switch e.Type() {
	case fs.ModeDir:
		err = os.Mkdir(to, fi.Mode().Perm())
	case fs.ModeSymlink:
		var target string
		if target, err = os.Readlink(from); err == nil {
			err = os.Symlink(target, to)
		}
	case 0:
		var data []byte
		if data, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, data, fi.Mode().Perm())
		}
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return os.Lchown(to, uid, uid)
}

// allowSudo lets the artist install programs in the artist's own sandbox.
func (s sandbox) allowSudo(user string) error {
	dir := s.path("/etc/sudoers.d")
	if !executable(s.path("/usr/bin/sudo")) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, "backlot"), user+" ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440)
}

// groupsOf lists the numbers of the groups that have the user as a member.
func (s sandbox) groupsOf(user string) []string {
	text, err := os.ReadFile(s.path("/etc/group"))
	if err != nil {
		return nil
	}
	var ids []string
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) == 4 && slices.Contains(strings.Split(f[3], ","), user) {
			ids = append(ids, f[2])
		}
	}
	return ids
}
