package desktop

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

// wallpaper is the colour of the empty desktop, as 0xrrggbb. It is set on the root
// window itself, so it fits whatever size the screen gets, and no program has to
// run for it.
const wallpaper = 0x3a4a5e

// accepted waits until somebody listens at a Unix socket, and connects.
func accepted(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := d.DialContext(ctx, "unix", path)
		if err == nil {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w", path, err)
		case <-tick.C:
		}
	}
}

// paint gives the root window of the X server a colour. These few requests of the
// X protocol are written by hand: they come before the first frame of every session.
func paint(ctx context.Context, conn net.Conn, c Config) error {
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	x := xconn{conn}
	root, colormap, err := x.setUp(cookie(c.Xauthority, c.Display))
	if err != nil {
		return fmt.Errorf("connect to display :%d: %w", c.Display, err)
	}
	if err := x.setBackground(root, colormap, wallpaper); err != nil {
		return fmt.Errorf("paint display :%d: %w", c.Display, err)
	}
	return nil
}

// xconn speaks the X11 protocol, little-endian, version 11.0.
type xconn struct{ io.ReadWriter }

var le = binary.LittleEndian

// setUp opens the connection and returns the first screen's root window and colour map.
func (x xconn) setUp(cookie []byte) (root, colormap uint32, err error) {
	name := ""
	if len(cookie) > 0 {
		name = cookieName
	}
	b := []byte{'l', 0, 11, 0, 0, 0}
	b = le.AppendUint16(b, uint16(len(name)))
	b = le.AppendUint16(b, uint16(len(cookie)))
	b = append(b, 0, 0)
	b = padded(append(b, name...))
	b = padded(append(b, cookie...))
	if _, err := x.Write(b); err != nil {
		return 0, 0, err
	}
	var head [8]byte
	if _, err := io.ReadFull(x, head[:]); err != nil {
		return 0, 0, err
	}
	rest := make([]byte, 4*int(le.Uint16(head[6:])))
	if _, err := io.ReadFull(x, rest); err != nil {
		return 0, 0, err
	}
	if head[0] != 1 {
		return 0, 0, fmt.Errorf("refused: %q", rest[:min(int(head[1]), len(rest))])
	}
	if len(rest) < 32 {
		return 0, 0, errors.New("short answer")
	}
	vendor, formats := int(le.Uint16(rest[16:])), int(rest[21])
	screen := 32 + (vendor+3)/4*4 + 8*formats
	if len(rest) < screen+8 {
		return 0, 0, errors.New("no screen")
	}
	return le.Uint32(rest[screen:]), le.Uint32(rest[screen+4:]), nil
}

// setBackground asks for the colour's pixel value, sets it as background, clears
// the window with it, and asks one more question to know that all is done.
func (x xconn) setBackground(window, colormap uint32, rgb uint32) error {
	const (
		changeWindowAttributes, getInputFocus, clearArea, allocColor = 2, 43, 61, 84
		backPixel                                                    = 1 << 1
	)
	b := le.AppendUint32([]byte{allocColor, 0, 4, 0}, colormap)
	for _, shift := range []int{16, 8, 0} {
		b = le.AppendUint16(b, uint16(rgb>>shift&0xff)*0x101)
	}
	reply, err := x.ask(append(b, 0, 0))
	if err != nil {
		return err
	}
	pixel := le.Uint32(reply[16:])

	b = le.AppendUint32([]byte{changeWindowAttributes, 0, 4, 0}, window)
	b = le.AppendUint32(b, backPixel)
	b = le.AppendUint32(b, pixel)
	b = le.AppendUint32(append(b, clearArea, 0, 4, 0), window)
	b = append(b, make([]byte, 8)...) // from the corner, all of it
	_, err = x.ask(append(b, getInputFocus, 0, 1, 0))
	return err
}

func (x xconn) ask(request []byte) (reply [32]byte, err error) {
	if _, err := x.Write(request); err != nil {
		return reply, err
	}
	if _, err := io.ReadFull(x, reply[:]); err != nil {
		return reply, err
	}
	if reply[0] != 1 {
		return reply, fmt.Errorf("the X server answers error %d", reply[1])
	}
	return reply, nil
}

func padded(b []byte) []byte { return append(b, make([]byte, -len(b)&3)...) }

const cookieName = "MIT-MAGIC-COOKIE-1"

// cookie reads the display's cookie from an Xauthority file; none is fine, the
// server decides.
func cookie(file string, display int) []byte {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	for len(data) > 2 {
		data = data[2:] // the family: any address of this machine will do
		var fields [4][]byte
		for i := range fields {
			if len(data) < 2 {
				return nil
			}
			n := int(binary.BigEndian.Uint16(data))
			if len(data) < 2+n {
				return nil
			}
			fields[i], data = data[2:2+n], data[2+n:]
		}
		number, name := string(fields[1]), string(fields[2])
		if name == cookieName && (number == "" || number == strconv.Itoa(display)) {
			return fields[3]
		}
	}
	return nil
}
