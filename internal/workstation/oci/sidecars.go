package oci

import (
	"context"
	"fmt"
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
	soundDir       = "/run/backlot/sound"
	gatewayDir     = "/run/gateway"
	inputDir       = "/run/backlot/input"
	penDriverFile  = "/run/backlot/modules/backlotpen_drv.so" // the X server finds it by this name
	gatewaySocket  = gatewayDir + "/streamer.sock"
	filesDir       = "/run/files"
	filesSocket    = "files.sock"
	initFile       = "/run/backlot/init"
	searchPath     = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// startDisplay starts the X server. It runs as the desktop's user, because a
// program's shared memory is open to that user only, and has the streamer's
// group, because the streamer's is open to that group. Nothing else of the
// desktop is in its reach, nor the other way round.
func (d *Driver) startDisplay(ctx context.Context, s session, spec workstation.Spec, r record, with shared) error {
	user := uint32(spec.User.ID)
	socket, err := s.listen("x11", "X0", r.IDBase+user)
	if err != nil {
		return fmt.Errorf("make the X socket of workstation %s: %w", s.id, err)
	}
	defer socket.Close()
	root := s.part(display, "rootfs")
	if err := makeSidecarRoot(root, r.IDBase); err != nil {
		return err
	}
	cookie, err := s.cookie()
	if err != nil {
		return err
	}
	if err := writeFile(root+xConfigFile, xorgConfig(spec.Screen, d.PenDriver != ""), 0o444, 0); err != nil {
		return err
	}
	if err := writeFile(root+authorityFile, xauthority(cookie), 0o400, r.IDBase+user); err != nil {
		return err
	}
	c := sidecarSpec(s, display, r.IDBase, with.ipc)
	c.Process.User.UID, c.Process.User.GID = user, user
	c.Process.User.AdditionalGids = []uint32{streamerID}
	c.Process.Args = xorgArgs(d.xorg, xConfigFile, authorityFile)
	// As systemd hands a socket over, to process 1 of the container.
	// The server only tells which kinds of OpenGL there are and never draws, so Mesa
	// needs none of the threads it would make, one for each core.
	c.Process.Env = []string{searchPath, "HOME=/tmp", "LISTEN_FDS=1", "LISTEN_PID=1", "LP_NUM_THREADS=0"}
	c.Linux.Resources = d.sidecarResources(displayMemory)
	// Read-only, so that a server that cannot be given its socket fails at once
	// instead of making another one.
	c.Mounts = append(c.Mounts,
		bind(s.path("x11"), xSocketDir, "ro", "nosuid", "nodev", "noexec"),
		bind(s.path("input"), inputDir, "nosuid", "nodev", "noexec"),
	)
	if d.PenDriver != "" {
		c.Mounts = append(c.Mounts, bind(d.PenDriver, penDriverFile, "ro", "nosuid", "nodev"))
	}
	// A server that may not look for devices takes the key codes of another age. The
	// streamer would have to load others, with the server answering nobody.
	const rules = "/usr/share/X11/xkb/rules/"
	if _, err := os.Stat(rules + "evdev"); err == nil {
		c.Mounts = append(c.Mounts, bind(rules+"evdev", rules+"base", "ro", "nosuid", "nodev", "noexec"))
	}
	// The host's own configuration snippets are for its own screen.
	const snippets = "/usr/share/X11/xorg.conf.d"
	if _, err := os.Stat(snippets); err == nil {
		c.Linux.MaskedPaths = append(c.Linux.MaskedPaths, snippets)
	}
	return d.startSidecar(ctx, s, display, spec, c, socket)
}

// startStreamer starts the streamer, under an id that nobody else of the
// workstation has: it holds the session's credential.
func (d *Driver) startStreamer(ctx context.Context, s session, spec workstation.Spec, r record, with shared) error {
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
	c := sidecarSpec(s, streamer, r.IDBase, with.ipc)
	c.Process.User.UID, c.Process.User.GID = streamerID, streamerID
	c.Process.Args = []string{streamerFile}
	c.Process.Env = []string{
		searchPath, "HOME=/tmp",
		"DISPLAY=:0", "XAUTHORITY=" + authorityFile,
		"BACKLOT_STREAMER_SOCKET=" + gatewaySocket,
		"BACKLOT_STREAMER_CREDENTIAL_FILE=" + credentialFile,
		"BACKLOT_STREAMER_SESSION=" + spec.ID,
		"BACKLOT_STREAMER_INPUT=" + inputDir,
		"BACKLOT_STREAMER_SOUND=" + soundDir,
	}
	c.Linux.Resources = d.sidecarResources(streamerMemory)
	c.Mounts = append(c.Mounts,
		bind(s.path("x11"), xSocketDir, "ro", "nosuid", "nodev", "noexec"),
		bind(s.path("input"), inputDir, "ro", "nosuid", "nodev", "noexec"),
		bind(soundOf(spec), soundDir, "ro", "nosuid", "nodev", "noexec"),
		bind(spec.Streamer.SocketDir, gatewayDir, "ro", "nosuid", "nodev", "noexec"),
		bind(d.StreamerPath, streamerFile, "ro", "nosuid", "nodev"),
	)
	if spec.Streamer.Clipboard {
		c.Process.Env = append(c.Process.Env, "BACKLOT_STREAMER_CLIPBOARD=1")
	}
	if spec.Uploads.Root != "" {
		c.Process.Env = append(c.Process.Env, "BACKLOT_STREAMER_FILES="+filesDir+"/"+filesSocket)
		c.Mounts = append(c.Mounts, bind(s.path("files"), filesDir, "ro", "nosuid", "nodev", "noexec"))
	}
	if with.gate == nil {
		return d.startSidecar(ctx, s, streamer, spec, c)
	}
	c.Process.Env = append(c.Process.Env, "BACKLOT_STREAMER_AFTER=3")
	return d.startSidecar(ctx, s, streamer, spec, c, with.gate.opened)
}

func (d *Driver) startSidecar(ctx context.Context, s session, p part, spec workstation.Spec, c *specs.Spec, keep ...*os.File) error {
	if err := writeBundle(s, p, c); err != nil {
		return err
	}
	log, err := openLog(spec.Volume, p)
	if err != nil {
		return err
	}
	defer log.Close()
	pid, err := d.run(ctx, s, p, log, keep...)
	if err != nil {
		return err
	}
	return s.started(p, pid)
}
