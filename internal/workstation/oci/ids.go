package oci

import (
	"fmt"
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

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
// unless it still has one. What is free follows from the other records.
func (d *Driver) claim(s session, volume string) (record, error) {
	lock, err := os.OpenFile(filepath.Join(d.RunDir, "ids.lock"), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return record{}, err
	}
	defer lock.Close() // and unlock
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return record{}, fmt.Errorf("lock user ids: %w", err)
	}
	if err := makeDir(s.dir, 0o711, 0); err != nil {
		return record{}, err
	}
	r, err := s.record()
	if err != nil {
		return r, err
	}
	if r.IDBase == 0 {
		if r.IDBase, err = d.freeRange(); err != nil {
			return r, err
		}
	}
	r.Volume = volume
	return r, s.keep(r)
}

func (d *Driver) freeRange() (uint32, error) {
	entries, err := os.ReadDir(d.sessionsDir())
	if err != nil {
		return 0, err
	}
	taken := map[uint32]bool{}
	for _, e := range entries {
		r, err := d.session(e.Name()).record()
		if err != nil {
			return 0, err
		}
		taken[r.IDBase] = true
	}
	for i := range d.Ranges {
		if base := d.IDBase + uint32(i)*idsPerRange; !taken[base] {
			return base, nil
		}
	}
	return 0, fmt.Errorf("all %d ranges of user ids are taken: %w", d.Ranges, workstation.ErrNoCapacity)
}
