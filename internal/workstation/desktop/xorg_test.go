package desktop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/xgb"
	"github.com/BurntSushi/xgb/xproto"
	"github.com/BurntSushi/xgb/xtest"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/streamer/x11"
)

// startXorg starts an X server with a screen in memory, its socket in the
// sandbox's directory, and returns the display's number.
func (s *sandbox) startXorg(t *testing.T) (display string) {
	t.Helper()
	xorg, err := exec.LookPath("/usr/lib/xorg/Xorg")
	if err != nil {
		t.Skip("needs xserver-xorg-core and xserver-xorg-video-dummy")
	}
	config := filepath.Join(t.TempDir(), "xorg.conf")
	must(t, os.WriteFile(config, []byte(`
Section "ServerFlags"
	Option "AutoAddDevices" "false"
	Option "AutoAddGPU" "false"
	Option "AutoEnableDevices" "false"
EndSection
Section "Device"
	Identifier "memory"
	Driver "dummy"
	VideoRam 65536
EndSection
Section "Screen"
	Identifier "screen"
	Device "memory"
	DefaultDepth 24
	SubSection "Display"
		Virtual 1280 720
	EndSubSection
EndSection
`), 0o600))
	// The socket's directory is that of the sandbox for this thread and its children.
	must(t, os.MkdirAll("/tmp/.X11-unix", 0o1777))
	must(t, unix.Mount(s.x11, "/tmp/.X11-unix", "", unix.MS_BIND, ""))
	number, w, err := os.Pipe()
	must(t, err)
	defer number.Close()
	cmd := exec.CommandContext(t.Context(), xorg, "-displayfd", "3", "-config", config, "-logfile", config+".log",
		"-noreset", "-nolisten", "tcp", "-novtswitch", "-sharevts", "-ac")
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stderr = s.log
	must(t, cmd.Start())
	must(t, w.Close())
	t.Cleanup(func() { _ = cmd.Process.Signal(unix.SIGTERM); _ = cmd.Wait() })
	must(t, number.SetReadDeadline(time.Now().Add(20*time.Second)))
	if _, err := fmt.Fscan(number, &display); err != nil {
		t.Skipf("needs a working Xorg with the dummy driver: %v\n%s", err, s.log)
	}
	return display
}

// screen is a connection to the display.
type screen struct {
	*xgb.Conn
	root xproto.Window
}

func (s *sandbox) connect(t *testing.T, display string) screen {
	t.Helper()
	conn, err := unixDial(t, filepath.Join(s.x11, "X"+display))
	must(t, err)
	c, hangUp, err := x11.Open(conn)
	must(t, err)
	t.Cleanup(hangUp)
	return screen{c, xproto.Setup(c).DefaultScreen(c).Root}
}

func (x screen) property(t *testing.T, w xproto.Window, name string) []byte {
	t.Helper()
	atom, err := xproto.InternAtom(x.Conn, false, uint16(len(name)), name).Reply()
	must(t, err)
	p, err := xproto.GetProperty(x.Conn, false, w, atom.Atom, xproto.GetPropertyTypeAny, 0, 1024).Reply()
	if err != nil {
		return nil
	}
	return p.Value
}

// awaitEvents waits until the window manager answers: it loses what comes in the
// first milliseconds after it shows itself.
func (x screen) awaitEvents(t *testing.T) {
	t.Helper()
	w, err := xproto.NewWindowId(x.Conn)
	must(t, err)
	must(t, xproto.CreateWindowChecked(x.Conn, 0, w, x.root, 0, 0, 1, 1, 0, xproto.WindowClassInputOutput, 0, 0, nil).Check())
	const name = "_NET_REQUEST_FRAME_EXTENTS"
	question, err := xproto.InternAtom(x.Conn, false, uint16(len(name)), name).Reply()
	must(t, err)
	eventually(t, "window manager answers", func() bool {
		e := xproto.ClientMessageEvent{
			Format: 32, Window: w, Type: question.Atom, Data: xproto.ClientMessageDataUnionData32New(make([]uint32, 5)),
		}
		must(t, xproto.SendEventChecked(x.Conn, false, x.root,
			xproto.EventMaskSubstructureNotify|xproto.EventMaskSubstructureRedirect, string(e.Bytes())).Check())
		return len(x.property(t, w, "_NET_FRAME_EXTENTS")) > 0
	})
	must(t, xproto.DestroyWindowChecked(x.Conn, w).Check())
}

// windowManager returns the window by which a running window manager shows itself, 0 without one.
func (x screen) windowManager(t *testing.T) xproto.Window {
	t.Helper()
	v := x.property(t, x.root, "_NET_SUPPORTING_WM_CHECK")
	if len(v) < 4 {
		return 0
	}
	w := xproto.Window(xgb.Get32(v))
	if again := x.property(t, w, "_NET_SUPPORTING_WM_CHECK"); len(again) < 4 || xproto.Window(xgb.Get32(again)) != w {
		return 0
	}
	return w
}

func (x screen) pixel(t *testing.T, px, py int16) uint32 {
	t.Helper()
	img, err := xproto.GetImage(x.Conn, xproto.ImageFormatZPixmap, xproto.Drawable(x.root), px, py, 1, 1, ^uint32(0)).Reply()
	must(t, err)
	return xgb.Get32(img.Data) & 0xffffff
}

// click presses and releases a mouse button.
func (x screen) click(t *testing.T, button byte, px, py int16) {
	t.Helper()
	must(t, xtest.FakeInputChecked(x.Conn, xproto.MotionNotify, 0, 0, x.root, px, py, 0).Check())
	for _, what := range []byte{xproto.ButtonPress, xproto.ButtonRelease} {
		must(t, xtest.FakeInputChecked(x.Conn, what, button, 0, x.root, 0, 0, 0).Check())
	}
}

// windows counts the programs' windows.
func (x screen) windows(t *testing.T) int {
	t.Helper()
	return len(x.property(t, x.root, "_NET_CLIENT_LIST")) / 4
}

// TestOpenboxOnXorg is the whole way: a real X server, the machine's Openbox.
func TestOpenboxOnXorg(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	for _, p := range []string{"openbox", "xterm"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs %s", p)
		}
	}
	display := s.startXorg(t)
	x := s.connect(t, display)
	began := time.Now()
	s.start(t, "DISPLAY=:"+display)
	eventually(t, "window manager", func() bool { return x.windowManager(t) != 0 })
	t.Logf("from start to window manager: %v", time.Since(began).Round(time.Millisecond))

	size := xproto.Setup(x.Conn).DefaultScreen(x.Conn)
	width, height := int16(size.WidthInPixels), int16(size.HeightInPixels)
	for _, at := range [][2]int16{{0, 0}, {width / 2, height / 2}, {width - 1, height - 1}} {
		if p := x.pixel(t, at[0], at[1]); p != 0x3a4a5e {
			t.Errorf("pixel at %v is #%06x, want the wallpaper", at, p)
		}
	}
	if n := x.windows(t); n != 0 {
		t.Errorf("%d windows at the start, want none", n)
	}
	x.awaitEvents(t)
	if v := x.property(t, x.root, "_NET_NUMBER_OF_DESKTOPS"); len(v) < 4 || xgb.Get32(v) != 1 {
		t.Errorf("desktops: %v, want 1 as our configuration says", v)
	}

	// A right click opens the menu, whose first line is the terminal.
	must(t, xtest.Init(x.Conn))
	x.click(t, 3, 100, 100)
	eventually(t, "menu", func() bool { return x.pixel(t, 110, 110) != 0x3a4a5e })
	x.click(t, 1, 110, 110)
	eventually(t, "terminal from the menu", func() bool { return x.windows(t) == 1 && s.find(t, "bash") != "" })
	s.inside(t, "kill "+filepath.Base(s.find(t, "xterm")))
	eventually(t, "no window", func() bool { return x.windows(t) == 0 })

	// The artist ends Openbox; another one comes.
	first := s.find(t, "openbox")
	s.inside(t, "openbox --exit")
	eventually(t, "another window manager", func() bool {
		again := s.find(t, "openbox")
		return again != "" && again != first && x.windowManager(t) != 0
	})
	x.awaitEvents(t)

	// A terminal with a shell, which heeds only the hang-up.
	s.inside(t, `xterm -T term -e bash -ic 'trap "echo hung up >hup; exit" HUP; touch shell; while :; do sleep 0.05; done' >/dev/null 2>&1 &`)
	eventually(t, "terminal", func() bool {
		_, err := os.Stat(s.root + "/home/anna/shell")
		return err == nil && x.windows(t) == 1
	})
	running, zombies := s.processes(t)
	t.Logf("processes: %s, zombies: %s", running, zombies)
	code, took := s.stop(t)
	t.Logf("stopped in %v", took.Round(time.Millisecond))
	if code != 0 || took > 4*time.Second {
		t.Errorf("exit code %d after %v", code, took)
	}
	if got := s.read("/home/anna/hup"); got != "hung up\n" {
		t.Errorf("the shell at the terminal left %q", got)
	}
	if log := s.log.String(); strings.Contains(log, "backlot:") {
		t.Errorf("session-init said %s", log)
	}
}

// find returns the directory in /proc of a process of the sandbox, "" without one.
func (s *sandbox) find(t *testing.T, command string) string {
	t.Helper()
	all, err := filepath.Glob(fmt.Sprintf("/proc/%d/root/proc/[0-9]*/comm", s.cmd.Process.Pid))
	must(t, err)
	for _, comm := range all {
		if name, _ := os.ReadFile(comm); string(name) == command+"\n" {
			return filepath.Dir(comm)
		}
	}
	return ""
}

// inside runs a shell command in the sandbox as the user, with the environment of
// the window manager.
func (s *sandbox) inside(t *testing.T, command string) {
	t.Helper()
	environment, err := os.ReadFile(s.find(t, "openbox") + "/environ")
	must(t, err)
	cmd := exec.CommandContext(t.Context(), "nsenter", "--target", fmt.Sprint(s.cmd.Process.Pid), "--mount", "--pid", "--root",
		fmt.Sprintf("--setuid=%d", uid), fmt.Sprintf("--setgid=%d", uid), "/bin/sh", "-c", "cd; "+command)
	cmd.Env = strings.Split(strings.TrimRight(string(environment), "\x00"), "\x00")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}
