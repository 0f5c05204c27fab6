//go:build linux

package streamer

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/BurntSushi/xgb/xproto"
)

// Requests of the XInput extension, version 2.
const (
	xiQueryVersion   = 47
	xiQueryDevice    = 48
	xiChangeProperty = 57
	xiAllDevices     = 0
	xiValuatorClass  = 2
)

var errNoDevice = errors.New("the X server has no such device")

// valuator is an axis of an input device.
type valuator struct {
	number   int
	min, max float64
}

// renewDevice turns an input device off and on again, by which it forgets whom it
// listened to and what was pressed. It returns the device's axes by their labels.
func (d *display) renewDevice(name string) (map[string]valuator, error) {
	const extensionName = "XInputExtension"
	extension, err := xproto.QueryExtension(d.x, uint16(len(extensionName)), extensionName).Reply()
	if err != nil {
		return nil, err
	}
	if !extension.Present {
		return nil, errNoDevice
	}
	xi := extension.MajorOpcode
	if _, err := d.request(xi, xiQueryVersion, []byte{2, 0, 2, 0}); err != nil {
		return nil, fmt.Errorf("use XInput: %w", err)
	}
	all, err := d.request(xi, xiQueryDevice, []byte{xiAllDevices, 0, 0, 0})
	if err != nil {
		return nil, fmt.Errorf("list input devices: %w", err)
	}
	id, axes, ok := findDevice(all, name)
	if !ok {
		return nil, errNoDevice
	}
	enabled, err := d.atom("Device Enabled")
	if err != nil {
		return nil, err
	}
	for _, on := range []byte{0, 1} {
		body := binary.LittleEndian.AppendUint16(nil, id)
		body = append(body, xproto.PropModeReplace, 8)
		body = binary.LittleEndian.AppendUint32(body, uint32(enabled))
		body = binary.LittleEndian.AppendUint32(body, xproto.AtomInteger)
		body = binary.LittleEndian.AppendUint32(body, 1)
		if err := d.command(xi, xiChangeProperty, append(body, on)); err != nil {
			return nil, err
		}
	}
	labelled := map[string]valuator{}
	for label, v := range axes {
		if label == xproto.AtomNone {
			continue
		}
		said, err := xproto.GetAtomName(d.x, label).Reply()
		if err != nil {
			return nil, err
		}
		labelled[said.Name] = v
	}
	return labelled, nil
}

// findDevice looks for a device, and its axes by their labels, in the answer to xiQueryDevice.
func findDevice(reply []byte, name string) (id uint16, axes map[xproto.Atom]valuator, ok bool) {
	const head, deviceHead, classHead, valuatorClass = 32, 12, 4, 44
	if len(reply) < head {
		return 0, nil, false
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
		found := string(b[:length]) == name
		b = b[(length+3)&^3:]
		axes := map[xproto.Atom]valuator{}
		for range classes {
			if len(b) < classHead {
				return 0, nil, false
			}
			size := 4 * int(le.Uint16(b[2:]))
			if size < classHead || len(b) < size {
				return 0, nil, false
			}
			if le.Uint16(b) == xiValuatorClass && size >= valuatorClass {
				// Numbers are of 32 bits before the point, and as many after it, which bounds have none of.
				axes[xproto.Atom(le.Uint32(b[8:]))] = valuator{
					number: int(le.Uint16(b[6:])), min: float64(int32(le.Uint32(b[12:]))), max: float64(int32(le.Uint32(b[20:]))),
				}
			}
			b = b[size:]
		}
		if found {
			return id, axes, true
		}
	}
	return 0, nil, false
}
