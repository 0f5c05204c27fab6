package oci

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/backlot/backlot/internal/workstation"
	"github.com/backlot/backlot/internal/workstation/oci/network"
)

// Config is what a Driver needs to know.
type Config struct {
	// RunDir holds all run-time state of the installation, such as
	// /run/backlot-<installation>. Mapped user ids must be able to search its
	// parents; it is made with mode 0711.
	RunDir string
	// Installation is the installation's id, 1-16 characters of a-z0-9. It is
	// part of the name of everything made on the host.
	Installation string
	// IDBase is the first host user id of the installation's ranges. Each
	// workstation takes one range of 65536 ids; Ranges is how many there are.
	IDBase uint32
	Ranges int
	// InitPath is the static program that is process 1 of a desktop, called as
	// "init session-init". StreamerPath is the streamer's program.
	InitPath, StreamerPath string
	// PenDriver is the X server's driver for pens. Without it they have no tilt.
	PenDriver string
	// Network connects sandboxes; nil leaves them with the loopback only.
	Network Network
	Log     *slog.Logger
}

// Network connects the network namespace of a process, under the id of its
// workstation. Every verb may be called again, or on what is gone.
type Network interface {
	Attach(ctx context.Context, id string, pid int) (network.Address, error)
	Detach(ctx context.Context, id string) error
	// Down takes everything of the installation off the machine.
	Down(ctx context.Context) error
}

// Driver is a workstation.Driver. Several, in as many processes, may work on one
// run directory: what one of them knows is in files.
type Driver struct {
	Config
	host    HostReport
	runc    string
	xorg    string
	cgroups cgroups
	locks   locks
	users   userNamespaces
	// step is called between any two changes to the machine, so that a test can
	// end the process there.
	step func(name string)
}

var _ workstation.Driver = (*Driver)(nil)

// Open prepares the run directory and looks at what the host offers. The error
// is Permanent when a program or a kernel feature is missing.
func Open(c Config) (*Driver, error) {
	if !validName(c.Installation, 16) {
		return nil, workstation.Permanent(fmt.Errorf("installation id %q: want 1-16 characters of a-z0-9", c.Installation))
	}
	if c.Ranges < 1 || c.IDBase < idsPerRange || uint64(c.IDBase)+uint64(c.Ranges)*idsPerRange > 1<<32-idsPerRange {
		return nil, workstation.Permanent(fmt.Errorf("%d user id ranges from %d: out of bounds", c.Ranges, c.IDBase))
	}
	d := &Driver{Config: c, step: func(string) {}, locks: newLocks(filepath.Join(c.RunDir, "locks"))}
	var err error
	if d.runc, err = exec.LookPath("runc"); err != nil {
		return nil, workstation.Permanent(fmt.Errorf("find runc: %w", err))
	}
	if d.xorg, err = findXorg(); err != nil {
		return nil, workstation.Permanent(err)
	}
	for _, p := range []string{c.InitPath, c.StreamerPath} {
		if err := executableByAll(p); err != nil {
			return nil, workstation.Permanent(err)
		}
	}
	if executableByAll(c.PenDriver) != nil || !slices.ContainsFunc(modulePath, isDir) {
		d.PenDriver = ""
	}
	if d.cgroups, err = findCgroups(); err != nil {
		return nil, workstation.Permanent(err)
	}
	if err := os.MkdirAll(filepath.Dir(c.RunDir), 0o755); err != nil {
		return nil, err
	}
	for _, dir := range []string{c.RunDir, d.sessionsDir(), d.rangesDir(), d.trashDir(), d.locks.dir} {
		if err := makeDir(dir, 0o711, 0); err != nil {
			return nil, fmt.Errorf("make the run directory: %w", err)
		}
	}
	d.host = d.inspect()
	return d, nil
}

// Down removes every workstation and then all else that carries the
// installation's id. The driver is of no use afterwards.
func (d *Driver) Down(ctx context.Context) error {
	all, err := d.List(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range all {
		errs = append(errs, d.Remove(ctx, s.ID))
	}
	errs = append(errs, d.cgroups.remove(ctx, d.cgroupParent(), ctx.Err))
	if d.Network != nil {
		errs = append(errs, d.Network.Down(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("take installation %s off the machine: %w", d.Installation, err)
	}
	return removeTree(d.RunDir)
}

func (d *Driver) sessionsDir() string  { return filepath.Join(d.RunDir, "sessions") }
func (d *Driver) trashDir() string     { return filepath.Join(d.RunDir, "trash") }
func (d *Driver) rangesDir() string    { return filepath.Join(d.RunDir, "ranges") }
func (d *Driver) cgroupParent() string { return "/backlot-" + d.Installation }

// executableByAll makes sure that a program can be run by mapped user ids. Its
// directory need not be searchable: the file itself is bound into containers.
func executableByAll(path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("find a program to run in workstations: %w", err)
	}
	if !filepath.IsAbs(path) || !fi.Mode().IsRegular() || fi.Mode().Perm()&0o005 != 0o005 {
		return fmt.Errorf("program %s: want an absolute path of a file everybody may read and execute", path)
	}
	return nil
}
