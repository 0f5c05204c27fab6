package oci

import (
	"context"
	"errors"
	"io/fs"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/backlot/backlot/internal/workstation"
)

// Where things are inside the containers.
const (
	xSocketDir     = "/tmp/.X11-unix"
	xConfigFile    = "/run/xorg.conf"
	authorityFile  = "/run/backlot/Xauthority"
	credentialFile = "/run/backlot/credential" //nolint:gosec // a path
	streamerFile   = "/run/backlot/streamer"
	gatewayDir     = "/run/gateway"
	gatewaySocket  = gatewayDir + "/streamer.sock"
	initFile       = "/run/backlot/init"
	searchPath     = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// startDisplay starts the X server. It runs as the desktop's user, because a
// program's shared memory is open to that user only, and has the streamer's
// group, because the streamer's is open to that group. Nothing else of the
// desktop is in its reach, nor the other way round.
func (d *Driver) startDisplay(ctx context.Context, s session, spec workstation.Spec, r record, ipc string) error {
	if err := os.Remove(s.path("x11", "X0")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	root := s.part(display, "rootfs")
	if err := makeSidecarRoot(root, r.IDBase); err != nil {
		return err
	}
	cookie, err := s.cookie()
	if err != nil {
		return err
	}
	user := uint32(spec.User.ID)
	if err := writeFile(root+xConfigFile, xorgConfig(spec.Screen), 0o444, 0); err != nil {
		return err
	}
	if err := writeFile(root+authorityFile, xauthority(cookie), 0o400, r.IDBase+user); err != nil {
		return err
	}
	c := sidecarSpec(s, display, r.IDBase, ipc)
	c.Process.User.UID, c.Process.User.GID = user, user
	c.Process.User.AdditionalGids = []uint32{streamerID}
	c.Process.Args = xorgArgs(d.xorg, xConfigFile, authorityFile)
	c.Process.Env = []string{searchPath, "HOME=/tmp"}
	c.Linux.Resources = d.sidecarResources(displayMemory)
	c.Mounts = append(c.Mounts, bind(s.path("x11"), xSocketDir, "nosuid", "nodev", "noexec"))
	// The host's own configuration snippets are for its own screen.
	const snippets = "/usr/share/X11/xorg.conf.d"
	if _, err := os.Stat(snippets); err == nil {
		c.Linux.MaskedPaths = append(c.Linux.MaskedPaths, snippets)
	}
	return d.startSidecar(ctx, s, display, spec, c)
}

// startStreamer starts the streamer, under an id that nobody else of the
// workstation has: it holds the session's credential.
func (d *Driver) startStreamer(ctx context.Context, s session, spec workstation.Spec, r record, ipc string) error {
	root := s.part(streamer, "rootfs")
	if err := makeSidecarRoot(root, r.IDBase); err != nil {
		return err
	}
	cookie, err := s.cookie()
	if err != nil {
		return err
	}
	if err := writeFile(root+authorityFile, xauthority(cookie), 0o400, r.IDBase+streamerID); err != nil {
		return err
	}
	if err := writeFile(root+credentialFile, []byte(spec.Streamer.Credential), 0o400, r.IDBase+streamerID); err != nil {
		return err
	}
	c := sidecarSpec(s, streamer, r.IDBase, ipc)
	c.Process.User.UID, c.Process.User.GID = streamerID, streamerID
	c.Process.Args = []string{streamerFile}
	c.Process.Env = []string{
		searchPath, "HOME=/tmp",
		"DISPLAY=:0", "XAUTHORITY=" + authorityFile,
		"BACKLOT_STREAMER_SOCKET=" + gatewaySocket,
		"BACKLOT_STREAMER_CREDENTIAL_FILE=" + credentialFile,
		"BACKLOT_STREAMER_SESSION=" + spec.ID,
	}
	c.Linux.Resources = d.sidecarResources(streamerMemory)
	c.Mounts = append(c.Mounts,
		bind(s.path("x11"), xSocketDir, "ro", "nosuid", "nodev", "noexec"),
		bind(spec.Streamer.SocketDir, gatewayDir, "ro", "nosuid", "nodev", "noexec"),
		bind(d.StreamerPath, streamerFile, "ro", "nosuid", "nodev"),
	)
	return d.startSidecar(ctx, s, streamer, spec, c)
}

func (d *Driver) startSidecar(ctx context.Context, s session, p part, spec workstation.Spec, c *specs.Spec) error {
	if err := writeBundle(s, p, c); err != nil {
		return err
	}
	log, err := openLog(spec.Volume, p)
	if err != nil {
		return err
	}
	defer log.Close()
	// runc writes the pid file last, in one step: it is the proof of the start.
	return d.run(ctx, s, p, log, "run", "--detach", "--bundle", s.part(p), "--pid-file", s.part(p, "pid"))
}
