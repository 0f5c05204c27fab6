package oci_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
)

func TestCookieIsDemanded(t *testing.T) {
	t.Parallel()
	m := setup(t)
	for _, id := range []string{"a", "b"} {
		check(t, m.driver.Ensure(t.Context(), m.spec(t, id)))
		eventually(t, "the X server of "+id, func() bool { return m.x(id).hello(m.x(id).cookie(t)) == nil })
	}
	a := m.x("a")
	for name, cookie := range map[string][]byte{
		"none": nil, "made up": []byte("0123456789abcdef"), "of another workstation": m.x("b").cookie(t),
	} {
		if err := a.hello(cookie); err == nil {
			t.Errorf("cookie %s: let in", name)
		}
	}
	// The user the server runs as is no exception, nor is the sandbox's root.
	for _, user := range []uint32{0, 1000} {
		if out, err := m.run(t, "a", "desktop", user, "/usr/bin/env", "-u", "XAUTHORITY", "HOME=/", "xdpyinfo"); err == nil {
			t.Errorf("user %d without cookie: let in: %s", user, out)
		}
	}
	// A display that is started again while the desktop runs has the same cookie.
	before := string(a.cookie(t))
	check(t, unix.Kill(m.driver.PID("a", "display"), unix.SIGKILL))
	eventually(t, "the display to end", func() bool { return m.driver.PID("a", "display") == 0 })
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "a")))
	eventually(t, "the X server of a", func() bool { return a.hello([]byte(before)) == nil })
	m.user(t, "a", "xdpyinfo")
}

// TestSocket: the display's socket is there as soon as Ensure returns, and it
// listens at no other, not even one without a file.
func TestSocket(t *testing.T) {
	t.Parallel()
	m := setup(t)
	spec := m.spec(t, "a")
	for range 2 {
		check(t, m.driver.Ensure(t.Context(), spec))
		check(t, m.x("a").hello(m.x("a").cookie(t)))
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/unix", m.driver.PID("a", "display")))
		check(t, err)
		if strings.Contains(string(text), "X11-unix") {
			t.Errorf("sockets of the X server:\n%s", text)
		}
		check(t, m.driver.Stop(t.Context(), "a", time.Second))
	}
	text, err := os.ReadFile(filepath.Join(spec.Volume, "log", "display.old"))
	if err != nil || !strings.Contains(string(text), "X.Org") {
		t.Errorf("the first X server's log: %q, %v", text, err)
	}
}

// TestKeyCodes: the display's keys are numbered as Linux does from the beginning.
func TestKeyCodes(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("xmodmap"); err != nil {
		t.Skip("needs xmodmap")
	}
	m := setup(t)
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "a")))
	if keys := m.user(t, "a", "xmodmap", "-pke"); !strings.Contains(keys, "keycode 113 = Left ") {
		t.Errorf("113 is not the left arrow:\n%s", keys)
	}
}

func TestSharedMemory(t *testing.T) {
	t.Parallel()
	m := setup(t)
	spec := m.spec(t, "a")
	check(t, m.driver.Ensure(t.Context(), spec))
	grabbed := func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/root/tmp/grabbed", m.driver.PID("a", "streamer")))
		return err == nil
	}
	eventually(t, "the streamer to grab the screen", grabbed)
	// A program's memory is its user's alone, as toolkits have it.
	if got := m.user(t, "a", "/run/backlot/init", "shm", "600"); strings.TrimSpace(got) != "[1000,700]" {
		t.Errorf("desktop: %s", got)
	}
	// All of it also holds for parts that were started later.
	for _, part := range []string{"desktop", "display"} {
		check(t, unix.Kill(m.driver.PID("a", part), unix.SIGKILL))
		eventually(t, part+" to end", func() bool { return m.driver.PID("a", part) == 0 })
		check(t, m.driver.Ensure(t.Context(), spec))
		eventually(t, "the streamer to grab the screen", grabbed)
		m.user(t, "a", "/run/backlot/init", "shm", "600")
	}
}

func TestScreenSizes(t *testing.T) {
	t.Parallel()
	m := setup(t)
	for _, s := range []workstation.Screen{{Width: 1, Height: 1}, {Width: 1367, Height: 769}, {Width: 3840, Height: 2160}, {Width: 8192, Height: 8192}} {
		spec := m.spec(t, "a")
		spec.Screen = s
		check(t, m.driver.Ensure(t.Context(), spec))
		if s.Width > 100 { // shared memory of one pixel says little
			want, err := json.Marshal([]int{s.Width, s.Height})
			check(t, err)
			if got := m.user(t, "a", "/run/backlot/init", "shm", "600"); strings.TrimSpace(got) != string(want) {
				t.Errorf("screen %v: %s", s, got)
			}
		}
		check(t, m.driver.Remove(t.Context(), "a"))
	}
	if _, err := exec.LookPath("xrandr"); err != nil {
		t.Skip("needs xrandr")
	}
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "a")))
	eventually(t, "the X server", func() bool { return m.x("a").hello(m.x("a").cookie(t)) == nil })
	for _, s := range []workstation.Screen{{Width: 641, Height: 363}, {Width: 3841, Height: 2161}, {Width: 5120, Height: 2880}, {Width: 8192, Height: 8192}, {Width: 320, Height: 200}} {
		name := fmt.Sprintf("%dx%d-new", s.Width, s.Height)
		mode := fmt.Sprintf("%s %.3f %d %d %d %d %d %d %d %d", name, float64((s.Width+3)*(s.Height+3)*60)/1e6,
			s.Width, s.Width+1, s.Width+2, s.Width+3, s.Height, s.Height+1, s.Height+2, s.Height+3)
		m.user(t, "a", "/bin/sh", "-c", fmt.Sprintf("xrandr --newmode %s && xrandr --addmode DUMMY0 %s && xrandr --output DUMMY0 --mode %s", mode, name, name))
		if got := m.user(t, "a", "/run/backlot/init", "shm", "600"); strings.TrimSpace(got) != fmt.Sprintf("[%d,%d]", s.Width, s.Height) {
			t.Errorf("resized to %v: %s", s, got)
		}
	}
}

// TestNoDevices: the X server has none of the host's devices in reach, and its
// log is where the operator finds it.
func TestNoDevices(t *testing.T) {
	t.Parallel()
	m := setup(t)
	spec := m.spec(t, "a")
	check(t, m.driver.Ensure(t.Context(), spec))
	root := fmt.Sprintf("/proc/%d/root", m.driver.PID("a", "display"))
	entries, err := os.ReadDir(root + "/dev")
	check(t, err)
	for _, e := range entries {
		switch e.Name() {
		case "null", "zero", "full", "random", "urandom", "tty", "fd", "stdin", "stdout", "stderr", "ptmx", "core":
		default:
			t.Errorf("device %s", e.Name())
		}
	}
	for _, dir := range []string{"/sys", "/home", "/root", "/var", "/etc/shadow", "/etc/ssh", "/etc/passwd"} {
		if _, err := os.Stat(root + dir); err == nil {
			t.Errorf("the X server sees %s", dir)
		}
	}
	if entries, err := os.ReadDir(root + "/usr/share/X11/xorg.conf.d"); err == nil && len(entries) > 0 {
		t.Errorf("the X server reads the host's configuration: %v", entries)
	}
	eventually(t, "the X server's log", func() bool {
		text, err := os.ReadFile(filepath.Join(spec.Volume, "log", "display"))
		return err == nil && strings.Contains(string(text), "X.Org")
	})
}

// TestInputDevices: the desktop's programs see a pen and a wheel, and only the
// streamer can speak for them.
func TestInputDevices(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("xinput"); err != nil {
		t.Skip("needs xinput")
	}
	m := setup(t)
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "a")))
	devices := m.user(t, "a", "xinput", "list")
	if axes := m.user(t, "a", "xinput", "list", "Backlot Pen stylus"); strings.Contains(axes, "Abs Tilt X") || !strings.Contains(axes, "Abs Pressure") {
		t.Errorf("a pen without a driver of ours:\n%s", axes)
	}
	for _, name := range []string{"Backlot Pen stylus", "Backlot Pen eraser", "Backlot Wheel"} {
		if !strings.Contains(devices, name) {
			t.Errorf("no device %q in\n%s", name, devices)
		}
	}
	const sockets = "/run/backlot/input"
	for part, want := range map[string]bool{"streamer": true, "display": true, "desktop": false} {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/root%s/pen", m.driver.PID("a", part), sockets))
		if (err == nil) != want {
			t.Errorf("%s: the pen's socket: %v", part, err)
		}
	}
	base, err := m.driver.IDBaseOf("a")
	check(t, err)
	var dir unix.Stat_t
	check(t, unix.Stat(filepath.Join(m.config.RunDir, "sessions", "a", "input"), &dir))
	if dir.Mode&0o777 != 0o750 || dir.Uid != base+1000 || dir.Gid != base+65535 {
		t.Errorf("the sockets' directory: mode %o, owner %d, group %d", dir.Mode, dir.Uid-base, dir.Gid-base)
	}
}

// TestPenDriver: with our own driver pens have tilt, and their axes in the order of tablets.
func TestPenDriver(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"xinput", "cc", "pkg-config"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs " + program)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "pkg-config", "--exists", "xorg-server").CombinedOutput(); err != nil {
		t.Skipf("needs xserver-xorg-dev: %v %s", err, out)
	}
	m := setup(t)
	m.config.PenDriver = filepath.Join(t.TempDir(), "backlotpen_drv.so")
	if out, err := exec.CommandContext(t.Context(), "../../../scripts/pen-driver", m.config.PenDriver).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m.driver = m.open(t)
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "a")))
	for _, name := range []string{"Backlot Pen stylus", "Backlot Pen eraser"} {
		var labels []string
		for line := range strings.Lines(m.user(t, "a", "xinput", "list", name)) {
			if label, ok := strings.CutPrefix(strings.TrimSpace(line), "Label: "); ok {
				labels = append(labels, label)
			}
		}
		if want := []string{"Abs X", "Abs Y", "Abs Pressure", "Abs Tilt X", "Abs Tilt Y"}; !slices.Equal(labels, want) {
			t.Errorf("%s has the axes %q, want %q", name, labels, want)
		}
	}
}
