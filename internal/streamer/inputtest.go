//go:build linux

package streamer

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"path/filepath"
	"time"
)

// The devices that the X server was configured with, by the names under which X
// lists them. Programs go by the words in them: GTK and Qt take a device for a
// tablet's pen or eraser whose name says so.
const (
	penDevice    = "Backlot Pen stylus"
	eraserDevice = "Backlot Pen eraser"
	wheelDevice  = "Backlot Wheel"
)

// deviceSockets are the names of their sockets in Config.Input.
var deviceSockets = map[string]string{penDevice: "pen", eraserDevice: "eraser", wheelDevice: "wheel"}

// Axes of the devices; of axisX and axisY 0 to 65535 are the whole screen. Those of pens that
// a driver has or has not are found by their labels.
const (
	axisX = iota
	axisY
	axisScrollX
	axisScrollY

	labelPressure = "Abs Pressure"
	labelTiltX    = "Abs Tilt X"
	labelTiltY    = "Abs Tilt Y"
)

// Messages of the drivers' protocol, version 1.1 (xf86-input-inputtest-protocol.h).
// It is the native C structures: of this machine's byte order, padded as on 64 bits.
const (
	deviceMajor, deviceMinor = 1, 1

	deviceVersion   = 0
	deviceSync      = 1
	deviceMotion    = 2
	deviceProximity = 3
	deviceButton    = 4

	// valuatorBytes is a flag, a mask of 64 bits, and twice 64 numbers.
	valuatorBytes = 1040
	// ahead is how many events may be on their way to the X server at once. Its queue
	// has 512 places, and what does not fit is lost.
	ahead = 200

	deviceTimeout = 2 * time.Second
)

// device is one input device of X's inputtest driver, or of backlotpen, which listens to the
// same. One goroutine uses it.
type device struct {
	display *display
	name    string
	socket  string
	axes    map[string]valuator // by their labels
	absent  bool                // the X server has no such device
	conn    net.Conn            // nil while there is none
	sent    int                 // events since the X server was last known to have taken all
}

// axis is one axis with its value.
type axis struct {
	number int
	value  float64
}

// open connects to the device. Inputtest takes one connection in its life, and
// never looks whether it has ended: a device that is turned off and on forgets it.
func (d *device) open() (err error) {
	if d.axes, err = d.display.renewDevice(d.name); err != nil {
		return fmt.Errorf("turn device %q off and on: %w", d.name, err)
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: d.socket})
	if err != nil {
		return err
	}
	d.conn, d.sent = conn, 0
	version := message(deviceVersion, 12)
	version = binary.NativeEndian.AppendUint16(version, deviceMajor)
	version = binary.NativeEndian.AppendUint16(version, deviceMinor)
	if err := d.ask(version, 12); err != nil {
		d.drop()
		return fmt.Errorf("greet device %q: %w", d.name, err)
	}
	return nil
}

// close has inputtest forget the connection: to one that merely ends it listens
// for ever, with all the time that the X server has. No message is that long.
func (d *device) close() {
	if d.conn == nil {
		return
	}
	_ = d.conn.SetDeadline(time.Now().Add(deviceTimeout))
	_, _ = d.conn.Write(message(deviceMotion, math.MaxUint32))
	d.drop()
}

func (d *device) drop() {
	_ = d.conn.Close()
	d.conn = nil
}

// at appends an axis that has a value, if the device has such a one.
func (d *device) at(axes []axis, label string, value func(valuator) float64) []axis {
	if v, ok := d.axes[label]; ok {
		axes = append(axes, axis{v.number, value(v)})
	}
	return axes
}

func (d *device) motion(absolute bool, axes ...axis) error {
	return d.send(deviceMotion, []uint32{flag(absolute)}, axes)
}

func (d *device) proximity(in bool, axes ...axis) error {
	return d.send(deviceProximity, []uint32{flag(in)}, axes)
}

func (d *device) button(number uint8, down bool, axes ...axis) error {
	return d.send(deviceButton, []uint32{1, uint32(number), flag(down)}, axes)
}

// send sends an event with these fields before its axes.
func (d *device) send(kind uint32, fields []uint32, axes []axis) error {
	if d.conn == nil {
		return errNoDevice
	}
	// The axes hold doubles, which begin at multiples of 8.
	values := (8 + 4*len(fields) + 7) &^ 7
	size := values + valuatorBytes
	b := message(kind, uint32(size))
	for _, f := range fields {
		b = binary.NativeEndian.AppendUint32(b, f)
	}
	b = append(b, make([]byte, size-len(b))...)
	for _, a := range axes {
		b[values+4+a.number/8] |= 1 << (a.number % 8)
		binary.NativeEndian.PutUint64(b[values+16+8*a.number:], math.Float64bits(a.value))
	}
	if err := d.write(b); err != nil {
		d.drop()
		return err
	}
	if d.sent++; d.sent < ahead {
		return nil
	}
	return d.sync()
}

// sync waits until the X server has taken every event.
func (d *device) sync() error {
	if d.conn == nil || d.sent == 0 {
		return nil
	}
	d.sent = 0
	if err := d.ask(message(deviceSync, 8), 8); err != nil {
		d.drop()
		return err
	}
	return nil
}

// ask sends a message and waits for the answer, of size bytes.
func (d *device) ask(message []byte, size int) error {
	if err := d.write(message); err != nil {
		return err
	}
	_, err := io.ReadFull(d.conn, make([]byte, size))
	return err
}

func (d *device) write(b []byte) error {
	if err := d.conn.SetDeadline(time.Now().Add(deviceTimeout)); err != nil {
		return err
	}
	_, err := d.conn.Write(b)
	return err
}

// message begins one: its length and kind.
func message(kind, size uint32) []byte {
	b := binary.NativeEndian.AppendUint32(make([]byte, 0, min(size, 2048)), size)
	return binary.NativeEndian.AppendUint32(b, kind)
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

func newDevice(d *display, dir, name string) *device {
	return &device{display: d, name: name, socket: filepath.Join(dir, deviceSockets[name]), absent: dir == ""}
}
