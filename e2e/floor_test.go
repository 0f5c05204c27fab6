package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/streamer/x11"
)

// floor is the least that a desktop needs, made by hand: runc, an X server and a
// window manager on the machine's own files. It returns how long that took until
// the window manager was there.
func floor(b *testing.B, name string) time.Duration {
	b.Helper()
	dir := b.TempDir()
	sockets := filepath.Join(dir, "x11")
	if err := os.Mkdir(sockets, 0o777); err != nil {
		b.Fatal(err)
	}
	const screen = `
Section "Device"
 Identifier "d"
 Driver "dummy"
 VideoRam 65536
EndSection
Section "Screen"
 Identifier "s"
 Device "d"
 DefaultDepth 24
 SubSection "Display"
  Depth 24
  Virtual 1280 720
 EndSubSection
EndSection
Section "ServerFlags"
 Option "AutoAddDevices" "false"
 Option "AutoAddGPU" "false"
EndSection
`
	conf := filepath.Join(dir, "xorg.conf")
	if err := os.WriteFile(conf, []byte(screen), 0o644); err != nil {
		b.Fatal(err)
	}
	root := filepath.Join(dir, "root")
	for _, empty := range []string{"usr", "etc", "proc", "dev", "tmp", "run", "var"} {
		if err := os.MkdirAll(filepath.Join(root, empty), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+link, filepath.Join(root, link)); err != nil {
			b.Fatal(err)
		}
	}
	bind := func(from, to string) map[string]any {
		return map[string]any{"type": "bind", "source": from, "destination": to, "options": []string{"bind"}}
	}
	tmpfs := func(to string) map[string]any {
		return map[string]any{"type": "tmpfs", "source": "tmpfs", "destination": to}
	}
	spec := map[string]any{
		"ociVersion": "1.0.2",
		"root":       map[string]any{"path": root},
		"process": map[string]any{
			"cwd": "/", "env": []string{"PATH=/usr/bin:/bin", "DISPLAY=:0", "HOME=/tmp"},
			"args": []string{"sh", "-c", "/usr/lib/xorg/Xorg :0 -config /tmp/xorg.conf -ac -noreset -nolisten tcp -novtswitch -sharevts -logfile /tmp/x.log & " +
				"until [ -S /tmp/.X11-unix/X0 ]; do sleep 0.005; done; exec openbox"},
		},
		"mounts": []any{
			map[string]any{"type": "proc", "source": "proc", "destination": "/proc"},
			tmpfs("/dev"), tmpfs("/tmp"), tmpfs("/run"),
			bind("/usr", "/usr"), bind("/etc", "/etc"), bind("/var", "/var"),
			bind(sockets, "/tmp/.X11-unix"), bind(conf, "/tmp/xorg.conf"),
		},
		"linux": map[string]any{
			"cgroupsPath": "/" + name,
			"namespaces":  []any{map[string]any{"type": "pid"}, map[string]any{"type": "mount"}, map[string]any{"type": "ipc"}, map[string]any{"type": "network"}},
		},
	}
	text, err := json.Marshal(spec)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644); err != nil {
		b.Fatal(err)
	}
	runc := func(args ...string) error {
		out, err := exec.CommandContext(b.Context(), "runc", append([]string{"--root", filepath.Join(dir, "runc")}, args...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("runc %v: %w: %s", args, err, out)
		}
		return nil
	}
	began := time.Now()
	if err := runcDetached(b, dir, name); err != nil {
		b.Fatal(err)
	}
	socket := filepath.Join(sockets, "X0")
	for {
		if err := windowManager(socket); err == nil {
			break
		} else if time.Since(began) > 20*time.Second {
			b.Fatalf("no desktop by hand: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	took := time.Since(began)
	if err := runc("delete", "--force", name); err != nil {
		b.Fatal(err)
	}
	return took
}

func runcDetached(b *testing.B, dir, name string) error {
	b.Helper()
	said, err := os.OpenFile(filepath.Join(dir, "log"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = said.Close() }()
	run := exec.CommandContext(b.Context(), "runc", "--root", filepath.Join(dir, "runc"), "run", "--detach", "--bundle", dir, name)
	run.Stdout, run.Stderr = said, said
	if err := run.Run(); err != nil {
		text, _ := os.ReadFile(said.Name())
		return fmt.Errorf("runc run: %w: %s", err, text)
	}
	return nil
}

// windowManager complains unless a window manager runs on the display.
func windowManager(socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	x, hangUp, err := x11.Open(conn)
	if err != nil {
		return err
	}
	defer hangUp()
	atom, err := xproto.InternAtom(x, false, uint16(len("_NET_SUPPORTING_WM_CHECK")), "_NET_SUPPORTING_WM_CHECK").Reply()
	if err != nil {
		return err
	}
	root := xproto.Setup(x).DefaultScreen(x).Root
	check, err := xproto.GetProperty(x, false, root, atom.Atom, xproto.AtomWindow, 0, 1).Reply()
	if err != nil {
		return err
	}
	if len(check.Value) == 0 {
		return errors.New("no window manager yet")
	}
	return nil
}

// snapshotFloor is what `btrfs subvolume snapshot` takes of the session's volume.
func (s *server) snapshotFloor(b *testing.B) time.Duration {
	b.Helper()
	volumes := fmt.Sprintf("/run/backlot-%s/volumes/volumes", s.installationID())
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/root%s", s.cmd.Process.Pid, volumes))
	if err != nil || len(entries) != 1 {
		b.Fatalf("volumes: %v %v", entries, err)
	}
	enter := []string{"--mount", "--target", fmt.Sprint(s.cmd.Process.Pid), "--", "btrfs", "subvolume"}
	volume := filepath.Join(volumes, entries[0].Name())
	made := filepath.Join(filepath.Dir(volumes), "floor")
	began := time.Now()
	out, err := exec.CommandContext(b.Context(), "nsenter", append(enter, "snapshot", volume, made)...).CombinedOutput()
	took := time.Since(began)
	if err != nil {
		b.Fatalf("snapshot by hand: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(b.Context(), "nsenter", append(enter, "delete", made)...).CombinedOutput(); err != nil {
		b.Fatalf("delete by hand: %v\n%s", err, out)
	}
	return took
}

// usage is CPU seconds and resident bytes of a process.
func usage(b testing.TB, pid int) (cpu float64, resident float64) {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	var user, system float64
	fields := strings.Fields(rest)
	_, _ = fmt.Sscan(fields[11], &user)
	_, _ = fmt.Sscan(fields[12], &system)
	for _, line := range lines(b, fmt.Sprintf("/proc/%d/status", pid)) {
		if kib, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, _ = fmt.Sscan(kib, &resident)
		}
	}
	return (user + system) / 100, resident * 1024
}
