package oci

import "golang.org/x/sys/unix"

// OnStep has f called between any two changes to the machine.
func (d *Driver) OnStep(f func(name string)) { d.step = f }

// IDBaseOf tells the first host id of a workstation.
func (d *Driver) IDBaseOf(id string) (uint32, error) {
	r, err := d.session(id).record()
	return r.IDBase, err
}

// PID returns the process 1 of a part, 0 if it does not run.
func (d *Driver) PID(id, name string) int { return d.session(id).alive(part(name)) }

// CgroupDirs lists the cgroup directories of the installation, in all hierarchies.
func (d *Driver) CgroupDirs() []string { return d.cgroups.directories(d.cgroupParent()) }

// MountPrivately makes the calling thread's mounts its own.
func MountPrivately() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}
