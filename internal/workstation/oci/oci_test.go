package oci_test

import (
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
	"github.com/backlot/backlot/internal/workstation/workstationtest"
)

func TestDriver(t *testing.T) {
	t.Parallel()
	workstationtest.Run(t, func(t *testing.T) workstationtest.Harness {
		t.Helper()
		m := setup(t)
		return workstationtest.Harness{
			Driver: m.driver,
			Reopen: func(t *testing.T) workstation.Driver { t.Helper(); return m.open(t) },
			Spec:   func(t *testing.T, id string) workstation.Spec { t.Helper(); return m.spec(t, id) },
			Write: func(t *testing.T, id, name, content string) {
				t.Helper()
				m.user(t, id, "/bin/sh", "-c", `printf %s "$1" >"$0"`, "/home/artist/"+name, content)
			},
			Read: func(t *testing.T, id, name string) string {
				t.Helper()
				// The dot keeps the last newline.
				out := m.user(t, id, "/bin/sh", "-c", `cat "$0" 2>/dev/null; printf .`, "/home/artist/"+name)
				return strings.TrimSuffix(out, ".")
			},
			Kill: func(t *testing.T, id, part string) {
				t.Helper()
				if pid := m.driver.PID(id, part); pid != 0 {
					check(t, unix.Kill(pid, unix.SIGKILL))
				}
			},
			Process: func(_ *testing.T, id, part string) string {
				if pid := m.driver.PID(id, part); pid != 0 {
					return strconv.Itoa(pid)
				}
				return ""
			},
		}
	})
}
