package oci

import (
	"slices"

	"golang.org/x/sys/unix"
)

// HostReport is what this machine can enforce, for the operator to read.
type HostReport struct {
	CgroupVersion int
	// Controllers that can be used, sorted.
	Controllers []string
	// IDMappedMounts are needed; without them no workstation starts.
	IDMappedMounts bool
	// Notes say in a sentence each what does not hold.
	Notes []string
}

// Host reports what this machine can enforce.
func (d *Driver) Host() HostReport { return d.host }

func (d *Driver) inspect() HostReport {
	r := HostReport{
		CgroupVersion:  d.cgroups.version,
		Controllers:    d.cgroups.controllers,
		IDMappedMounts: d.canMapIDs(),
	}
	if !r.IDMappedMounts {
		r.Notes = append(r.Notes, "The kernel or the root file system has no id-mapped mounts (Linux 5.19 has): workstations cannot start.")
	}
	block := "io"
	if r.CgroupVersion == 1 {
		block = "blkio"
	}
	for controller, loss := range map[string]string{
		"cpu":    "The share of the processors is not limited.",
		"cpuset": "Programs count all cores of the machine, not those they may use.",
		"memory": "Memory is not limited: one desktop can starve the others.",
		"pids":   "The number of processes is not limited.",
		block:    "Disk operations and throughput are not limited.",
	} {
		if !d.cgroups.has(controller) {
			r.Notes = append(r.Notes, loss)
		}
	}
	if d.PenDriver == "" {
		r.Notes = append(r.Notes, "There is no backlotpen_drv.so beside the server that everybody may read and execute (make build makes it), or no known place of X modules: pens have no tilt.")
	}
	slices.Sort(r.Notes)
	if r.CgroupVersion == 1 && d.cgroups.has(block) {
		r.Notes = append(r.Notes, "cgroup version 1: disk limits hold for reads and for direct and synced writes; what the kernel writes back later escapes them.")
	}
	if d.cgroups.has("memory") && !d.cgroups.swap {
		r.Notes = append(r.Notes, "Swap is not counted: a desktop at its memory limit may swap.")
	}
	return r
}

// canMapIDs tries an id-mapped mount of the root file system, attached nowhere.
func (d *Driver) canMapIDs() bool {
	users, err := d.users.of(d.IDBase)
	if err != nil {
		return false
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return false
	}
	defer unix.Close(tree)
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(users.Fd())}
	return unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr) == nil
}
