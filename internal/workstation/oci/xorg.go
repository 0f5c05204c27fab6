package oci

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
)

// findXorg finds the server itself, never the set-user-id wrapper some
// distributions call Xorg.
func findXorg() (string, error) {
	places := []string{"/usr/lib/xorg/Xorg", "/usr/libexec/Xorg", "/usr/lib/Xorg"}
	for _, path := range places {
		if executableByAll(path) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no X server at any of %v: install xserver-xorg-core and xserver-xorg-video-dummy", places)
}

// xorgArgs is the X server's command line. Two things make it run as an ordinary
// user without a terminal, an /etc/passwd or /sys: only the dummy driver is
// loaded, which tells the server that no console is needed, so it never looks
// for one; and -sharevts -novtswitch keep it from asking all the same.
func xorgArgs(server, config, authority string) []string {
	return []string{
		server, ":0",
		"-config", config,
		"-auth", authority,
		"-logfile", "/tmp/Xorg.log", // in its own small tmpfs
		"-nolisten", "tcp", "-nolisten", "local", // nowhere but at the socket it is given
		"-novtswitch", "-sharevts",
		"-noreset",         // the last client's end is not the display's
		"-s", "0", "-dpms", // a blank screen would be streamed as such
		"-maxclients", "512", // a full desktop passes the default of 256
		"-dpi", "96",
	}
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// modulePath is where distributions keep the X server's modules: to name another place
// is to name them all.
var modulePath = []string{"/usr/lib/xorg/modules", "/usr/lib64/xorg/modules"}

// pens are the X server's devices for a pen and its eraser, by our own driver or by the
// server's, which knows no tilt. Programs know what they are by these words in their names.
func pens(driver bool) string {
	const device = `Section "InputDevice"
	Identifier "Backlot Pen %s"
	Driver "%s"
	Option "SocketPath" "%s/%s"
	%s
EndSection
`
	if !driver {
		const options = `Option "DeviceType" "PointerAbsoluteProximity"
	Option "PointerHasPressure" "true"`
		return fmt.Sprintf(device, "stylus", "inputtest", inputDir, "pen", options) +
			fmt.Sprintf(device, "eraser", "inputtest", inputDir, "eraser", options)
	}
	modules := strings.Join(append([]string{path.Dir(penDriverFile)}, modulePath...), ",")
	return fmt.Sprintf("Section \"Files\"\n\tModulePath \"%s\"\nEndSection\n", modules) +
		fmt.Sprintf(device, "stylus", "backlotpen", inputDir, "pen", `Option "Eraser" "false"`) +
		fmt.Sprintf(device, "eraser", "backlotpen", inputDir, "eraser", `Option "Eraser" "true"`)
}

// xorgConfig is the X server's configuration: a screen on the dummy driver, the
// input devices that the streamer speaks for, and no device of the host, ever. An X server
// without the inputtest driver does without its devices.
//
// VideoRam bounds what RANDR may ask for: 8192x8192 and some to spare; the memory
// is taken only where it is drawn on. Without DacSpeed the driver refuses modes
// above 300 MHz, which 4K at 60 Hz is.
func xorgConfig(screen workstation.Screen, penDriver bool) []byte {
	w, h := screen.Width, screen.Height
	mode := fmt.Sprintf("%dx%d", w, h)
	return fmt.Appendf(nil, `Section "ServerFlags"
	Option "AutoAddDevices" "false"
	Option "AutoEnableDevices" "false"
	Option "AutoAddGPU" "false"
	Option "AutoBindGPU" "false"
	Option "DontVTSwitch" "true"
	Option "BlankTime" "0"
EndSection
Section "Monitor"
	Identifier "monitor"
	HorizSync 1-10000
	VertRefresh 1-1000
	Modeline "%s" %.3f %d %d %d %d %d %d %d %d
EndSection
Section "Device"
	Identifier "card"
	Driver "dummy"
	VideoRam 270336
	DacSpeed 10000
EndSection
Section "Screen"
	Identifier "screen"
	Device "card"
	Monitor "monitor"
	DefaultDepth 24
	SubSection "Display"
		Depth 24
		Modes "%[1]s"
	EndSubSection
EndSection
%[12]sSection "InputDevice"
	Identifier "Backlot Wheel"
	Driver "inputtest"
	Option "SocketPath" "%[11]s/wheel"
	Option "DeviceType" "Pointer"
EndSection
Section "ServerLayout"
	Identifier "layout"
	Screen "screen"
	InputDevice "Backlot Pen stylus"
	InputDevice "Backlot Pen eraser"
	InputDevice "Backlot Wheel"
EndSection
`, mode, float64((w+3)*(h+3)*60)/1e6, w, w+1, w+2, w+3, h, h+1, h+2, h+3, inputDir, pens(penDriver))
}

// listen makes a socket before there is who accepts there: the display's, for one.
// Programs that come early wait in its queue, with all done that needs no display.
func (s session) listen(in, name string, owner uint32) (*os.File, error) {
	dir, err := os.Open(s.path(in))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	path := s.path(in, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	socket := os.NewFile(uintptr(fd), path)
	// The kernel takes no long path for a socket.
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name)})
	if err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err == nil {
		err = os.Chown(path, int(owner), int(owner))
	}
	if err == nil {
		err = os.Chmod(path, 0o777)
	}
	if err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return socket, nil
}

const cookieName = "MIT-MAGIC-COOKIE-1"

// cookie returns the X server's cookie, which it makes at first. It must stay
// the same while any part runs.
func (s session) cookie() ([]byte, error) {
	cookie, err := os.ReadFile(s.path("cookie"))
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return cookie, err
	}
	cookie = make([]byte, 16)
	if _, err := rand.Read(cookie); err != nil {
		return nil, err
	}
	err = writeOnce(s.path("cookie"), cookie)
	if errors.Is(err, fs.ErrExist) { // another server was faster
		return os.ReadFile(s.path("cookie"))
	}
	return cookie, err
}

// xauthority is an authority file with one entry that is good for any host name
// and display number. (Xau(3): every field is a 16-bit big-endian length and bytes.)
func xauthority(cookie []byte) []byte {
	const familyWild = 0xffff
	b := binary.BigEndian.AppendUint16(nil, familyWild)
	for _, field := range [][]byte{nil, nil, []byte(cookieName), cookie} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(field)))
		b = append(b, field...)
	}
	return b
}
