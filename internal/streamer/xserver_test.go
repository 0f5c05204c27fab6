package streamer_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/xgb"
	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/streamer/x11"
)

const xorg = "/usr/lib/xorg/Xorg"

// User ids of X and streamer where the tests run as root: two that nobody has,
// as in a session. X has the streamer's group.
const (
	displayID  = 54321
	streamerID = 54322
)

// The dummy driver makes a screen of any size out of memory; the first size is
// that of the monitor named as its first output. Without
// AutoAddDevices and AutoAddGPU the server would grab the machine's own keyboard
// and graphics card.
const xorgConfig = `
Section "ServerFlags"
	Option "AutoAddDevices" "false"
	Option "AutoEnableDevices" "false"
	Option "AutoAddGPU" "false"
	Option "DontVTSwitch" "true"
	Option "BlankTime" "0"
	Option "StandbyTime" "0"
	Option "SuspendTime" "0"
	Option "OffTime" "0"
EndSection
Section "Device"
	Identifier "dummy"
	Driver "dummy"
	VideoRam 256000
EndSection
Section "Monitor"
	Identifier "DUMMY0"
	Modeline "1280x720" 60.38 1280 1288 1320 1360 720 723 728 740
	Option "PreferredMode" "1280x720"
EndSection
Section "Screen"
	Identifier "screen"
	Device "dummy"
	DefaultDepth 24
EndSection
`

// xserver is a real X server, and a connection to it that uses the core
// protocol only: xgb's extensions write to package variables, and one process
// must not connect with them twice.
type xserver struct {
	display string
	x       *xgb.Conn
	hangUp  func()
	root    xproto.Window
	command *exec.Cmd
	input   string // the directory of its devices' sockets
}

func startX(t testing.TB) *xserver {
	t.Helper()
	return startXWith(t, xorgConfig)
}

func startXWith(t testing.TB, configuration string) *xserver {
	t.Helper()
	need(t, xorg, "openbox", "xkbcomp")
	config := filepath.Join(openDir(t), "xorg.conf")
	if err := os.WriteFile(config, []byte(configuration), 0o644); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := &xserver{command: exec.CommandContext(t.Context(), xorg, "-displayfd", "3", "-config", config,
		"-logfile", "/dev/null", "-auth", os.Getenv("XAUTHORITY"),
		"-noreset", "-novtswitch", "-sharevts", "-nolisten", "tcp")}
	s.command.ExtraFiles = []*os.File{w}
	if os.Getuid() == 0 {
		s.command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: displayID, Gid: displayID, Groups: []uint32{streamerID}}}
	}
	var said bytes.Buffer
	s.command.Stdout, s.command.Stderr = &said, &said
	start(t, s.command)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		_ = s.command.Wait()
		t.Fatalf("Xorg does not start: %v\n%s", err, &said)
	}
	s.display = ":" + strings.TrimSpace(number)
	if s.x, s.hangUp, err = x11.Dial(t.Context(), s.display); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.hangUp)
	s.root = xproto.Setup(s.x).DefaultScreen(s.x).Root
	return s
}

// openDir is a temporary folder that other users can look into.
func openDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run starts a program on the display.
func (s *xserver) run(t testing.TB, name string, args ...string) {
	t.Helper()
	need(t, name)
	c := exec.CommandContext(t.Context(), name, args...)
	c.Env = append(os.Environ(), "DISPLAY="+s.display, "LC_ALL=C.UTF-8")
	output := &log{t: t, name: name}
	c.Stdout, c.Stderr = output, output
	start(t, c)
}

// manage starts a window manager. It says that it is there before it listens: what happens
// in between it may not see to until something else does.
func (s *xserver) manage(t testing.TB) {
	t.Helper()
	listens := filepath.Join(t.TempDir(), "listens")
	s.run(t, "openbox", "--startup", "touch "+listens)
	eventually(t, "the window manager listens", func() bool {
		_, err := os.Stat(listens)
		return err == nil
	})
}

func (s *xserver) size(t testing.TB) (width, height int) {
	t.Helper()
	g, err := xproto.GetGeometry(s.x, xproto.Drawable(s.root)).Reply()
	if err != nil {
		t.Fatal(err)
	}
	return int(g.Width), int(g.Height)
}

// luma grabs the screen as an eye that is blind to colours sees it, by BT.601.
func (s *xserver) luma(t testing.TB) []byte {
	t.Helper()
	w, h := s.size(t)
	image, err := xproto.GetImage(s.x, xproto.ImageFormatZPixmap, xproto.Drawable(s.root), 0, 0, uint16(w), uint16(h), ^uint32(0)).Reply()
	if err != nil {
		t.Fatal(err)
	}
	y := make([]byte, w*h)
	for i := range y {
		b, g, r := int(image.Data[4*i]), int(image.Data[4*i+1]), int(image.Data[4*i+2])
		y[i] = byte((66*r + 129*g + 25*b + 0x1080) >> 8)
	}
	return y
}

// paint fills a rectangle of the screen with a pattern that a codec finds as hard
// as text, and waits until it is there.
func (s *xserver) paint(t testing.TB, x, y, w, h int, seed uint32) {
	t.Helper()
	show := s.prepare(t, x, y, w, h, seed)
	show()
	s.x.Sync()
}

// prepare draws such a pattern out of sight. What it returns shows it at once.
func (s *xserver) prepare(t testing.TB, x, y, w, h int, seed uint32) (show func()) {
	t.Helper()
	pixmap, err := xproto.NewPixmapId(s.x)
	if err != nil {
		t.Fatal(err)
	}
	gc, err := xproto.NewGcontextId(s.x)
	if err != nil {
		t.Fatal(err)
	}
	xproto.CreatePixmap(s.x, 24, pixmap, xproto.Drawable(s.root), uint16(w), uint16(h))
	xproto.CreateGC(s.x, gc, xproto.Drawable(s.root), xproto.GcSubwindowMode|xproto.GcGraphicsExposures, []uint32{xproto.SubwindowModeIncludeInferiors, 0})
	var cells [2][]xproto.Rectangle
	for cy := 0; cy < h; cy += 4 {
		for cx := 0; cx < w; cx += 3 {
			seed = seed*1664525 + 1013904223
			cells[seed>>31] = append(cells[seed>>31], xproto.Rectangle{X: int16(cx), Y: int16(cy), Width: 3, Height: 4})
		}
	}
	for i, colour := range []uint32{0xf0f0e8, 0x203040} {
		xproto.ChangeGC(s.x, gc, xproto.GcForeground, []uint32{colour})
		for cells := range slices.Chunk(cells[i], 8000) {
			xproto.PolyFillRectangle(s.x, xproto.Drawable(pixmap), gc, cells)
		}
	}
	s.x.Sync()
	return func() {
		xproto.CopyArea(s.x, xproto.Drawable(pixmap), xproto.Drawable(s.root), gc, 0, 0, int16(x), int16(y), uint16(w), uint16(h))
		xproto.FreePixmap(s.x, pixmap)
		xproto.FreeGC(s.x, gc)
	}
}

// start starts a process that ends with the test, even if that is killed.
func start(t testing.TB, c *exec.Cmd) {
	t.Helper()
	if c.SysProcAttr == nil {
		c.SysProcAttr = new(syscall.SysProcAttr)
	}
	c.SysProcAttr.Pdeathsig = syscall.SIGTERM
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 5 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Cancel()
		_ = c.Wait()
	})
}

// log writes what a process says to the test's log.
type log struct {
	t    testing.TB
	name string
}

func (l *log) Write(b []byte) (int, error) {
	fmt.Fprintf(l.t.Output(), "%s: %s", l.name, b)
	return len(b), nil
}

func need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs %s: %v", p, err)
		}
	}
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never happens: %s", what)
		}
	}
}
