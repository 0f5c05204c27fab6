package oci_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// xserver is the X server of a workstation as seen from the host.
type xserver struct{ dir string }

func (m *machine) x(id string) xserver {
	return xserver{filepath.Join(m.config.RunDir, "sessions", id)}
}

func (x xserver) cookie(t testing.TB) []byte {
	t.Helper()
	cookie, err := os.ReadFile(filepath.Join(x.dir, "cookie"))
	check(t, err)
	return cookie
}

// hello sends the first request of the X protocol, and fails unless the server
// lets us in.
func (x xserver) hello(cookie []byte) error {
	c, err := net.Dial("unix", filepath.Join(x.dir, "x11", "X0"))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	name := ""
	if cookie != nil {
		name = "MIT-MAGIC-COOKIE-1"
	}
	b := []byte{'l', 0, 11, 0, 0, 0}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(cookie)))
	b = append(b, 0, 0)
	b = append(b, name...)
	b = append(b, make([]byte, -len(name)&3)...)
	b = append(b, cookie...)
	if _, err := c.Write(b); err != nil {
		return err
	}
	var head [8]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	if head[0] != 1 {
		reason := make([]byte, head[1])
		_, err := io.ReadFull(c, reason)
		return errors.Join(fmt.Errorf("refused: %s", reason), err)
	}
	return nil
}

func median(d []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(d))[len(d)/2]
}
