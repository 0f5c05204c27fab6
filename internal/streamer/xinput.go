//go:build linux

package streamer

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jezek/xgb/xproto"
)

// Requests of the XInput extension, version 2.
const (
	xiQueryVersion   = 47
	xiQueryDevice    = 48
	xiChangeProperty = 57
	xiAllDevices     = 0
)

var errNoDevice = errors.New("the X server has no such device")

// renewDevice turns an input device off and on again, by which it forgets whom it
// listened to and what was pressed.
func (d *display) renewDevice(name string) error {
	const extensionName = "XInputExtension"
	extension, err := xproto.QueryExtension(d.x, uint16(len(extensionName)), extensionName).Reply()
	if err != nil {
		return err
	}
	if !extension.Present {
		return errNoDevice
	}
	xi := extension.MajorOpcode
	if _, err := d.request(xi, xiQueryVersion, []byte{2, 0, 2, 0}); err != nil {
		return fmt.Errorf("use XInput: %w", err)
	}
	all, err := d.request(xi, xiQueryDevice, []byte{xiAllDevices, 0, 0, 0})
	if err != nil {
		return fmt.Errorf("list input devices: %w", err)
	}
	id, ok := findDevice(all, name)
	if !ok {
		return errNoDevice
	}
	enabled, err := d.atom("Device Enabled")
	if err != nil {
		return err
	}
	for _, on := range []byte{0, 1} {
		body := binary.LittleEndian.AppendUint16(nil, id)
		body = append(body, xproto.PropModeReplace, 8)
		body = binary.LittleEndian.AppendUint32(body, uint32(enabled))
		body = binary.LittleEndian.AppendUint32(body, xproto.AtomInteger)
		body = binary.LittleEndian.AppendUint32(body, 1)
		if err := d.command(xi, xiChangeProperty, append(body, on)); err != nil {
			return err
		}
	}
	return nil
}

// findDevice looks for a device in the answer to xiQueryDevice.
func findDevice(reply []byte, name string) (id uint16, ok bool) {
	const head, deviceHead, classHead = 32, 12, 4
	if len(reply) < head {
		return 0, false
	}
	le := binary.LittleEndian
	count, b := le.Uint16(reply[8:]), reply[head:]
	for range count {
		if len(b) < deviceHead {
			break
		}
		id, classes, length := le.Uint16(b), le.Uint16(b[6:]), int(le.Uint16(b[8:]))
		b = b[deviceHead:]
		if len(b) < (length+3)&^3 {
			break
		}
		if string(b[:length]) == name {
			return id, true
		}
		b = b[(length+3)&^3:]
		for range classes {
			if len(b) < classHead {
				return 0, false
			}
			size := 4 * int(le.Uint16(b[2:]))
			if size < classHead || len(b) < size {
				return 0, false
			}
			b = b[size:]
		}
	}
	return 0, false
}
