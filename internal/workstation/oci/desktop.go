package oci

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/backlot/backlot/internal/workstation"
	inside "github.com/backlot/backlot/internal/workstation/desktop"
)

// startDesktop starts the sandbox and connects it. Its network namespace is empty
// until then, so nothing gets out before the network's filters are in place. To
// create, connect and then start it would take one more run of runc; process 1
// has to wait for the display anyway before it starts programs.
func (d *Driver) startDesktop(ctx context.Context, s session, spec workstation.Spec, r record, with shared) error {
	if err := d.prepareDesktop(s, spec, r, with); err != nil {
		return err
	}
	log, err := openLog(spec.Volume, desktop)
	if err != nil {
		return err
	}
	defer log.Close()
	users, err := d.users.of(r.IDBase)
	if err != nil {
		return err
	}
	var orders *orders
	var keep []*os.File
	if with.gate != nil {
		if orders, err = newOrders(s, spec, with.gate); err != nil {
			return err
		}
		defer orders.close()
		keep = orders.files()
	}
	if spec.Uploads.Root != "" {
		socket, err := s.listen("files", filesSocket, r.IDBase+streamerID)
		if err != nil {
			return fmt.Errorf("make the socket for files of workstation %s: %w", s.id, err)
		}
		defer socket.Close()
		keep = append(keep, socket)
	}
	if err := d.at(s, "desktop start"); err != nil {
		return err
	}
	var pid int
	err = inOwnMounts(func() (err error) {
		if err := mountRootfs(s.part(desktop, "rootfs"), s.part(desktop, "layers"), spec.Lower, spec.Volume, r.IDBase, users); err != nil {
			return err
		}
		pid, err = d.run(ctx, s, desktop, log, keep...)
		return err
	})
	if err != nil {
		return err
	}
	if err := d.at(s, "desktop attach"); err != nil {
		return err
	}
	if d.Network != nil {
		if _, err := d.Network.Attach(ctx, s.id, pid); err != nil {
			return fmt.Errorf("connect workstation %s: %w", s.id, capacity(err))
		}
	}
	if err := d.at(s, "desktop attached"); err != nil {
		return err
	}
	if orders != nil {
		if err := orders.send(ctx, spec.Scripts); err != nil {
			return err
		}
		d.step("desktop ordered")
	}
	return s.started(desktop, pid)
}

// prepareDesktop writes the sandbox's bundle and the files bound into it.
func (d *Driver) prepareDesktop(s session, spec workstation.Spec, r record, with shared) error {
	for _, dir := range []string{"rootfs", "layers"} {
		if err := makeDir(s.part(desktop, dir), 0o755, 0); err != nil {
			return err
		}
	}
	for _, dir := range []string{"upper", "work"} {
		path := filepath.Join(spec.Volume, dir)
		// What is there already is the sandbox's own, its mode too.
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		if err := makeDir(path, 0o755, 0); err != nil {
			return fmt.Errorf("prepare volume: %w", err)
		}
	}
	cookie, err := s.cookie()
	if err != nil {
		return err
	}
	files := []struct {
		name, inside string
		content      []byte
		mode         os.FileMode
		owner        uint32
	}{
		{"hosts", "/etc/hosts", hosts(spec.Hostname), 0o444, 0},
		{"hostname", "/etc/hostname", []byte(spec.Hostname + "\n"), 0o444, 0},
		{"resolv.conf", "/etc/resolv.conf", resolvConf(), 0o444, 0},
		{"Xauthority", authorityFile, xauthority(cookie), 0o400, r.IDBase + uint32(spec.User.ID)},
	}
	c := desktopSpec(s, spec, r, with.ipc)
	if with.gate != nil {
		c.Process.Env = append(c.Process.Env, inside.ScriptsVariable+"=1")
	}
	if up := spec.Uploads; up.Root != "" {
		c.Process.Env = append(c.Process.Env,
			inside.UploadRootVariable+"="+up.Root, inside.UploadBytesVariable+"="+strconv.FormatInt(up.MaxBytes, 10))
	}
	for _, f := range files {
		if err := writeFile(s.part(desktop, f.name), f.content, f.mode, f.owner); err != nil {
			return err
		}
		c.Mounts = append(c.Mounts, bind(s.part(desktop, f.name), f.inside, "ro", "nosuid", "nodev", "noexec"))
	}
	if err := addChromiumFlags(s, spec.Lower, c); err != nil {
		return err
	}
	c.Mounts = append(c.Mounts, bind(d.InitPath, initFile, "ro", "nosuid", "nodev"))
	c.Linux.Resources = d.desktopResources(spec.Limits, spec.Volume, d.rangeOf(r.IDBase))
	return writeBundle(s, desktop, c)
}

func desktopSpec(s session, spec workstation.Spec, r record, ipc string) *specs.Spec {
	c := baseSpec(s, desktop, desktopIDs(r.IDBase), ipc)
	c.Hostname = spec.Hostname
	// What a package manager, sudo and a login need. Docker's set without making
	// devices, which a user namespace forbids anyway, and raw packets.
	caps := []string{
		"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
		"CAP_NET_BIND_SERVICE", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
	}
	c.Process.Capabilities = &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps}
	c.Process.Args = []string{initFile, "session-init"}
	// The last of a key wins.
	c.Process.Env = append(slices.Clone(spec.Environment),
		"DISPLAY=:0", "XAUTHORITY="+authorityFile,
		"BACKLOT_USER="+spec.User.Name,
		"BACKLOT_UID="+strconv.Itoa(spec.User.ID),
	)
	shm := specs.Mount{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "nodev", "noexec", "mode=1777", halfOfMemory(spec.Limits)}}
	c.Mounts = append(c.Mounts,
		specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		shm,
		specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		// Never kept: a lock file left in /tmp or a socket in /run stops the next start.
		specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", halfOfMemory(spec.Limits)}},
		specs.Mount{Destination: "/run", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=755", "size=256m"}},
		bind(s.path("x11"), xSocketDir, "ro", "nosuid", "nodev", "noexec"),
		bind(soundOf(spec), soundDir, "nosuid", "nodev", "noexec"),
	)
	return c
}

func hosts(name string) []byte {
	return fmt.Appendf(nil, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t%s\n", name)
}

// resolvConf is the host's. Where that names a resolver on the host's loopback,
// which no sandbox reaches, it is the file systemd-resolved keeps beside it with
// the servers it asks itself.
func resolvConf() []byte {
	own, _ := os.ReadFile("/etc/resolv.conf")
	if !onLoopback(own) {
		return own
	}
	if upstream, err := os.ReadFile("/run/systemd/resolve/resolv.conf"); err == nil {
		return upstream
	}
	return own
}

func onLoopback(resolvConf []byte) bool {
	for line := range bytes.Lines(resolvConf) {
		words := strings.Fields(string(line))
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(words[1]); err == nil && a.IsLoopback() {
			return true
		}
	}
	return false
}
