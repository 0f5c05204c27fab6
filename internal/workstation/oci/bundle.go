package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/docker/docker/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
)

// baseSpec is what the parts of a workstation have in common: namespaces of
// their own except for the shared IPC, and nothing of the host in sight.
func baseSpec(s session, p part, ids []specs.LinuxIDMapping, ipc string) *specs.Spec {
	return &specs.Spec{
		Version: "1.0.2", // the newest that Debian's runc knows
		Root:    &specs.Root{Path: "rootfs"},
		Process: &specs.Process{Cwd: "/"},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=64k"}},
		},
		Linux: &specs.Linux{
			UIDMappings: ids,
			GIDMappings: ids,
			CgroupsPath: s.cgroupOf(p),
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.UserNamespace},
				{Type: specs.PIDNamespace},
				{Type: specs.MountNamespace},
				{Type: specs.NetworkNamespace},
				{Type: specs.UTSNamespace},
				{Type: specs.CgroupNamespace},
				{Type: specs.IPCNamespace, Path: ipc},
			},
			// As Docker hides and locks them.
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
				"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
				"/sys/devices/virtual/powercap", "/sys/firmware",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
}

// sidecarSpec is a part that runs beside the sandbox, from the host's /usr, as
// an ordinary user without any capability, in a network of nothing but itself.
func sidecarSpec(s session, p part, base uint32, ipc string) *specs.Spec {
	spec := baseSpec(s, p, sidecarIDs(base), ipc)
	spec.Root.Readonly = true
	spec.Hostname = string(p)
	spec.Process.NoNewPrivileges = true
	spec.Process.Capabilities = &specs.LinuxCapabilities{}
	// A core file would hold the picture and the cookie.
	spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}}
	spec.Mounts = append(spec.Mounts,
		specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "noexec", "size=64m"}},
		bind("/usr", "/usr", "ro", "nosuid", "nodev"),
	)
	for _, path := range []string{"/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/X11"} {
		if _, err := os.Stat(path); err == nil {
			spec.Mounts = append(spec.Mounts, bind(path, path, "ro", "nosuid", "nodev", "noexec"))
		}
	}
	return spec
}

// makeSidecarRoot makes the root directory of a sidecar: mount points, and the
// links by which /bin and its like lead into /usr. The directories belong to the
// range's root, as which runc adds what is missing in them.
func makeSidecarRoot(root string, base uint32) error {
	for _, dir := range []string{"", "dev", "etc", "proc", "run", "run/backlot", "usr"} {
		if err := makeDir(filepath.Join(root, dir), 0o755, base); err != nil {
			return err
		}
	}
	// runc gives a tmpfs the mode of the directory it covers.
	if err := makeDir(filepath.Join(root, "tmp"), openToAll, base); err != nil {
		return err
	}
	for _, name := range []string{"bin", "sbin", "lib", "lib32", "lib64"} {
		to, err := os.Readlink("/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return workstation.Permanent(fmt.Errorf("this host's /%s is not merged into /usr: %w", name, err))
		}
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	return nil
}

func bind(source, destination string, options ...string) specs.Mount {
	return specs.Mount{Destination: destination, Type: "bind", Source: source, Options: append([]string{"bind"}, options...)}
}

// writeBundle completes a part's specification with its seccomp filter and
// writes it where runc looks for it.
//
// Each further architecture costs runc some milliseconds. Sidecars are the host's
// own programs and need one; a desktop also runs 32-bit programs. Nobody runs x32.
func writeBundle(s session, p part, spec *specs.Spec) error {
	var err error
	if spec.Linux.Seccomp, err = seccomp.GetDefaultProfile(spec); err != nil {
		return fmt.Errorf("seccomp profile: %w", err)
	}
	filter := spec.Linux.Seccomp
	if p != desktop {
		filter.Architectures = filter.Architectures[:min(1, len(filter.Architectures))] // the first is the machine's
	}
	if p == streamer {
		allowSockets(filter, specs.LinuxSeccompArg{Value: unix.AF_UNIX, Op: specs.OpEqualTo})
	} else {
		// Not AF_ALG, which has had unprivileged users write to other people's files
		// (CVE-2026-31431), nor AF_VSOCK, which leads to a virtual machine's host. Programs
		// for 386 still can, by socketcall, whose arguments no filter sees.
		allowSockets(filter,
			specs.LinuxSeccompArg{Value: unix.AF_ALG, Op: specs.OpLessThan},
			specs.LinuxSeccompArg{Value: unix.AF_ALG + 1, Op: specs.OpEqualTo},
			specs.LinuxSeccompArg{Value: unix.AF_VSOCK, Op: specs.OpGreaterThan})
	}
	filter.Architectures = slices.DeleteFunc(filter.Architectures, func(a specs.Arch) bool { return a == specs.ArchX32 })
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(s.part(p, "config.json"), text, 0o600)
}

// allowSockets has a filter let sockets of these families be made and no others. What speaks
// to a gateway and a display beside it needs no network, nor the kernel's code for one.
func allowSockets(filter *specs.LinuxSeccomp, families ...specs.LinuxSeccompArg) {
	for i := range filter.Syscalls {
		rule := &filter.Syscalls[i]
		if rule.Action == specs.ActAllow {
			rule.Names = slices.DeleteFunc(rule.Names, func(name string) bool { return name == "socket" })
		}
	}
	filter.Syscalls = slices.DeleteFunc(filter.Syscalls, func(rule specs.LinuxSyscall) bool { return len(rule.Names) == 0 })
	for _, family := range families {
		filter.Syscalls = append(filter.Syscalls, specs.LinuxSyscall{Names: []string{"socket"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{family}})
	}
}

// openLog opens where a part's output goes: into the volume, whose limit then
// bounds what a hostile program can write. What the part said when it last ran is
// kept beside it. Output is lost when all that fails.
func openLog(volume string, p part) (*os.File, error) {
	dir := filepath.Join(volume, "log")
	if err := os.MkdirAll(dir, 0o700); err == nil {
		name := filepath.Join(dir, string(p))
		_ = os.Rename(name, name+".old") // there may be none
		f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
		if err == nil {
			return f, nil
		}
	}
	return os.OpenFile(os.DevNull, os.O_WRONLY, 0)
}
