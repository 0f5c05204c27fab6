package oci

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/backlot/backlot/internal/workstation"
)

// A workstation has one range of host ids. The desktop sees all but the last
// as its own 0..65534; the last is the streamer's, so that not even the
// desktop's root can become the streamer. (65535 is the old 16-bit "no id" and
// used by nobody.)
const (
	idsPerRange = 1 << 16
	streamerID  = idsPerRange - 1
)

// desktopIDs and sidecarIDs are the mappings of the user namespaces.
func desktopIDs(base uint32) []specs.LinuxIDMapping {
	return []specs.LinuxIDMapping{{ContainerID: 0, HostID: base, Size: idsPerRange - 1}}
}

func sidecarIDs(base uint32) []specs.LinuxIDMapping {
	return []specs.LinuxIDMapping{{ContainerID: 0, HostID: base, Size: idsPerRange}}
}

// claim makes the session's directory and record: the first free range of ids,
// unless it still has one. A range is taken by a link to the session that has its
// number; the record only remembers it.
func (d *Driver) claim(s session, volume string) (record, error) {
	if err := makeDir(s.dir, 0o711, 0); err != nil {
		return record{}, err
	}
	r, err := s.record()
	if err != nil {
		return r, err
	}
	if r.IDBase != 0 {
		mine, err := d.takeRange(s, d.rangeOf(r.IDBase))
		if err != nil {
			return r, err
		}
		if !mine {
			r.IDBase = 0
		}
	}
	if r.IDBase == 0 {
		if r.IDBase, err = d.newRange(s); err != nil {
			return r, err
		}
	}
	r.Volume = volume
	return r, s.keep(r)
}

func (d *Driver) newRange(s session) (uint32, error) {
	entries, err := os.ReadDir(d.sessionsDir())
	if err != nil {
		return 0, err
	}
	remembered := map[uint32]bool{}
	for _, e := range entries {
		r, err := d.session(e.Name()).record()
		if err != nil {
			return 0, err
		}
		remembered[r.IDBase] = true
	}
	for i := range d.Ranges {
		base := d.IDBase + uint32(i)*idsPerRange
		if remembered[base] {
			continue
		}
		if mine, err := d.takeRange(s, i); mine || err != nil {
			return base, err
		}
	}
	return 0, fmt.Errorf("all %d ranges of user ids are taken: %w", d.Ranges, workstation.ErrNoCapacity)
}

// takeRange tells whether the range is the session's now. One of a session that
// is no more was taken too late, by who had lost it meanwhile.
func (d *Driver) takeRange(s session, i int) (bool, error) {
	link := filepath.Join(d.rangesDir(), strconv.Itoa(i))
	for range 2 {
		err := os.Symlink(s.id, link)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return false, err
		}
		of, err := os.Readlink(link)
		if err == nil && of == s.id {
			return true, nil
		}
		if err == nil && d.session(of).exists() {
			return false, nil
		}
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return false, nil
}

// freeRange gives the session's range back, once nothing runs under its ids.
func (d *Driver) freeRange(s session, r record) error {
	if r.IDBase == 0 {
		return nil
	}
	link := filepath.Join(d.rangesDir(), strconv.Itoa(d.rangeOf(r.IDBase)))
	if of, err := os.Readlink(link); err != nil || of != s.id {
		return nil //nolint:nilerr // it is not the session's any more
	}
	return os.Remove(link)
}

func (d *Driver) rangeOf(base uint32) int { return int((base - d.IDBase) / idsPerRange) }
