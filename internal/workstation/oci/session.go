package oci

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// part is one of the containers of a workstation.
type part string

const (
	display  part = "display"
	streamer part = "streamer"
	desktop  part = "desktop"
)

func parts() []part { return []part{display, streamer, desktop} }

// session is where the traces of one workstation lie:
//
//	record.json        what must survive the server, see record
//	cookie             the X server's cookie
//	x11/               the directory of the X socket
//	input/             that of the sockets of X's input devices
//	files/             the directory of the socket where the desktop takes files
//	runc/              runc's own state, a directory per part
//	<part>/            the part's bundle and root file system
//	<part>/pid         its process 1; there only once that has been started
//
// The directory is made before anything else and removed after everything else,
// so whatever there is of a workstation, List finds it.
type session struct {
	id     string
	dir    string
	cgroup string
	trash  string // what is to be deleted waits there under the session's id
	// lock is that of a verb that changes something, nil in others.
	lock *lock
}

func (d *Driver) session(id string) session {
	return session{id: id, dir: filepath.Join(d.sessionsDir(), id), cgroup: d.cgroupParent() + "/" + id, trash: d.trashDir()}
}

// enter is session for a verb that changes something, which others wait for until
// leave.
func (d *Driver) enter(ctx context.Context, id string) (s session, leave func(), err error) {
	s = d.session(id)
	if !validName(id, longestID) {
		return s, func() {}, nil // such as "..": there is none
	}
	if s.lock, err = d.locks.take(ctx, id); err != nil {
		return s, nil, err
	}
	leave = func() { s.lock.free(!s.exists()) }
	if s.lock.foreign {
		if err := endRunc(ctx, s.path("runc")); err != nil {
			leave()
			return s, nil, fmt.Errorf("end another server's work on workstation %s: %w", id, err)
		}
	}
	return s, leave, nil
}

// at goes between any two changes to the machine: who was passed over in the
// meantime makes none any more.
func (d *Driver) at(s session, step string) error {
	d.step(step)
	return s.lock.held()
}

func (s session) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

func (s session) part(p part, elem ...string) string {
	return s.path(append([]string{string(p)}, elem...)...)
}

func (s session) cgroupOf(p part) string { return s.cgroup + "/" + string(p) }

// exists is also the guard against ids that are no ids, such as "..".
func (s session) exists() bool {
	if !validName(s.id, longestID) {
		return false
	}
	_, err := os.Lstat(s.dir)
	return err == nil
}

// started notes the process 1 of a part: from here on the part counts as running.
// Who was passed over finds another's note and does not replace it.
func (s session) started(p part, pid int) error {
	return writeOnce(s.part(p, "pid"), []byte(strconv.Itoa(pid)))
}

// alive returns the process 1 of a part, or 0 when the part does not run. A
// process id that the kernel has given to somebody else since does not deceive
// it: it must still be in the part's cgroup, which nobody else enters.
func (s session) alive(p part) int {
	text, err := os.ReadFile(s.part(p, "pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || !running(pid) {
		return 0
	}
	member, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(member) {
		if bytes.HasSuffix(bytes.TrimSpace(line), []byte(":"+s.cgroupOf(p))) {
			return pid
		}
	}
	return 0
}

// running reports whether a process exists and is not a zombie.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The name in parentheses may hold anything, so look behind the last one.
	i := bytes.LastIndexByte(stat, ')')
	return i >= 0 && i+2 < len(stat) && stat[i+2] != 'Z' && stat[i+2] != 'X'
}

// record is what the driver must know of a workstation without being told.
type record struct {
	// IDBase is the first of its host ids; 0: it has none, as nothing of it runs.
	IDBase uint32 `json:"idBase,omitempty"`
	Volume string `json:"volume"`
}

// record returns the zero record when there is none.
func (s session) record() (record, error) {
	var r record
	text, err := os.ReadFile(s.path("record.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("read the record of workstation %s: %w", s.id, err)
	}
	return r, nil
}

func (s session) keep(r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeFile(s.path("record.json"), text, 0o600, 0)
}

// writeFile replaces a file in one step, with an exact mode, whatever the umask,
// and an owner.
func writeFile(path string, data []byte, mode os.FileMode, owner uint32) error {
	tmp := path + "." + rand.Text() // of nobody else, also where two come to write at once
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	if err := os.Chmod(tmp, mode); err != nil {
		return err
	}
	if err := os.Chown(tmp, int(owner), int(owner)); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// writeOnce makes a file in one step, unless it is there: fs.ErrExist.
func writeOnce(path string, data []byte) error {
	tmp := path + "." + rand.Text()
	if err := writeFile(tmp, data, 0o600, 0); err != nil {
		return err
	}
	return errors.Join(os.Link(tmp, path), os.Remove(tmp))
}

// discard deletes a file or directory of the session. It is first moved away at one
// blow, so that nothing is deleted that another server makes in its place.
func (s session) discard(path string) error {
	if err := s.lock.held(); err != nil {
		return err
	}
	to := filepath.Join(s.trash, s.id+"."+rand.Text())
	err := os.Rename(path, to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return removeTree(to)
}

// emptyTrash deletes what was discarded and then left by somebody who died.
func (s session) emptyTrash() error {
	left, err := filepath.Glob(filepath.Join(s.trash, s.id+".*"))
	for _, path := range left {
		err = errors.Join(err, removeTree(path))
	}
	return err
}

// openToAll is the mode of /tmp.
const openToAll = 0o777 | os.ModeSticky

// makeDir makes a directory with an exact mode, whatever the umask, and an owner.
func makeDir(path string, mode os.FileMode, owner uint32) error {
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Chown(path, int(owner), int(owner)); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// removeTree deletes a directory. It first detaches what is mounted below: file
// systems of the host are bound into workstations, and to walk into one of them
// here would delete the host.
func removeTree(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	mounts, err := mountPoints()
	if err != nil {
		return err
	}
	slices.Reverse(mounts)
	for _, m := range mounts {
		if m.point == dir || strings.HasPrefix(m.point, dir+"/") {
			if err := unix.Unmount(m.point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
				return fmt.Errorf("unmount %s: %w", m.point, err)
			}
		}
	}
	return os.RemoveAll(dir)
}
