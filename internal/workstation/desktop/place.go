package desktop

import (
	"crypto/rand"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// makePlaces makes the directories that programs expect in the fresh /tmp and
// /run, and the id of the machine.
func (s sandbox) makePlaces(c Config) error {
	for _, d := range []struct {
		path  string
		mode  fs.FileMode
		owner int
	}{
		{"/tmp", fs.ModeSticky | 0o777, 0},
		{"/tmp/.X11-unix", fs.ModeSticky | 0o777, 0},
		{"/tmp/.ICE-unix", fs.ModeSticky | 0o777, 0},
		{"/var/tmp", fs.ModeSticky | 0o777, 0},
		{"/run/lock", fs.ModeSticky | 0o777, 0},
		{"/run/user", 0o755, 0},
		{runtimeDir(c.UID), 0o700, c.UID},
	} {
		if err := s.makeDir(d.path, d.mode, d.owner); err != nil {
			return err
		}
	}
	return s.makeMachineID()
}

// makeDir makes a directory or corrects one; what is mounted read-only stays as
// it is.
func (s sandbox) makeDir(path string, mode fs.FileMode, uid int) error {
	full := s.path(path)
	err := os.MkdirAll(full, 0o755)
	if err == nil {
		err = os.Chown(full, uid, uid)
	}
	if err == nil {
		err = os.Chmod(full, mode)
	}
	// A mount of somebody else's directory is as its owner made it.
	if errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EPERM) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	return nil
}

// makeMachineID gives the workstation an id of its own, once: it is kept in the
// session's volume.
func (s sandbox) makeMachineID() error {
	const file = "/etc/machine-id"
	text, err := os.ReadFile(s.path(file))
	if err == nil && len(strings.TrimSpace(string(text))) == 32 {
		return nil
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	if err := replaceFile(s.path(file), hex.EncodeToString(id[:])+"\n", 0o444); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

//go:embed files
var files embed.FS

// writeConfig writes what the window manager and xterm read unless the artist has
// files of their own. The program is this one, as the menu has to call it.
func (s sandbox) writeConfig(program string) error {
	err := fs.WalkDir(files, "files", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := s.path(filepath.Join(configDir, strings.TrimPrefix(name, "files")))
		if e.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(to, []byte(strings.ReplaceAll(string(text), "@PROGRAM@", program)), 0o644)
	})
	if err != nil {
		return fmt.Errorf("write the desktop's configuration: %w", err)
	}
	return nil
}

// locale returns the image's own choice of languages, as KEY=value.
func (s sandbox) locale() []string {
	var all []string
	for _, file := range []string{"/etc/locale.conf", "/etc/default/locale"} {
		text, err := os.ReadFile(s.path(file))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if ok && (key == "LANG" || key == "LANGUAGE" || strings.HasPrefix(key, "LC_")) {
				all = append(all, key+"="+strings.Trim(value, `"'`))
			}
		}
	}
	return all
}

func owner(fi fs.FileInfo) (uid, gid int) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return 0, 0
}
