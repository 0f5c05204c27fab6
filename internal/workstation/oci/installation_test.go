package oci_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
	"github.com/backlot/backlot/internal/workstation/oci"
	"github.com/backlot/backlot/internal/workstation/oci/network"
)

// TestTwoInstallations: neither sees or touches what the other has.
func TestTwoInstallations(t *testing.T) {
	t.Parallel()
	one, two := setup(t), setup(t)
	check(t, one.driver.Ensure(t.Context(), one.spec(t, "a")))
	if all, err := two.driver.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("the other lists %v, %v", all, err)
	}
	check(t, two.driver.Remove(t.Context(), "a"))
	check(t, two.driver.Ensure(t.Context(), two.spec(t, "a")))
	check(t, two.driver.Down(t.Context()))
	one.expectState(t, "a", workstation.Running)
}

func TestRangesOfIDs(t *testing.T) {
	t.Parallel()
	m := setup(t)
	m.config.Ranges = 3
	d := m.open(t)
	var wg sync.WaitGroup
	for _, id := range []string{"a", "b", "c"} {
		wg.Go(func() {
			if err := d.Ensure(t.Context(), m.spec(t, id)); err != nil {
				t.Errorf("ensure %s: %v", id, err)
			}
		})
	}
	wg.Wait()
	seen := map[uint32]string{}
	for _, id := range []string{"a", "b", "c"} {
		base, err := d.IDBaseOf(id)
		check(t, err)
		if other, ok := seen[base]; ok || base < m.config.IDBase || base >= m.config.IDBase+3<<16 || base%(1<<16) != 0 {
			t.Errorf("%s has ids from %d, as %q", id, base, other)
		}
		seen[base] = id
	}
	if err := d.Ensure(t.Context(), m.spec(t, "d")); !errors.Is(err, workstation.ErrNoCapacity) {
		t.Errorf("a fourth: %v", err)
	}
	// What is stopped gives its ids back.
	check(t, d.Stop(t.Context(), "b", time.Second))
	check(t, d.Ensure(t.Context(), m.spec(t, "d")))
	check(t, d.Remove(t.Context(), "a"))
	check(t, d.Ensure(t.Context(), m.spec(t, "b")))
}

func TestPermanentErrors(t *testing.T) {
	t.Parallel()
	m := setup(t)
	for name, spoil := range map[string]func(*workstation.Spec){
		"an image that is gone":    func(s *workstation.Spec) { s.Lower = []string{filepath.Join(m.disk, "gone")} },
		"a relative image":         func(s *workstation.Spec) { s.Lower = []string{"."} },
		"a file as image":          func(s *workstation.Spec) { s.Lower = []string{"/etc/passwd"} },
		"a bad host name":          func(s *workstation.Spec) { s.Hostname = "a b" },
		"the streamer's id":        func(s *workstation.Spec) { s.User.ID = 65535 },
		"a screen too large":       func(s *workstation.Spec) { s.Screen.Height = 8193 },
		"an image that can't map":  func(s *workstation.Spec) { s.Lower = []string{"/proc/self/fdinfo"} },
		"more layers than overlay": func(s *workstation.Spec) { s.Lower = manyLayers(t, m, 600) },
	} {
		spec := m.spec(t, "a")
		spoil(&spec)
		if err := m.driver.Ensure(t.Context(), spec); !workstation.IsPermanent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	check(t, m.driver.Remove(t.Context(), "a"))
	for name, spoil := range map[string]func(*oci.Config){
		"no init":                func(c *oci.Config) { c.InitPath = "/nowhere" },
		"an init not executable": func(c *oci.Config) { c.InitPath = "/etc/shadow" },
		"no ranges":              func(c *oci.Config) { c.Ranges = 0 },
		"an installation ../x":   func(c *oci.Config) { c.Installation = "../x" },
	} {
		c := m.config
		spoil(&c)
		if _, err := oci.Open(c); !workstation.IsPermanent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manyLayers(t testing.TB, m *machine, n int) []string {
	t.Helper()
	var all []string
	for i := range n {
		dir := filepath.Join(m.disk, fmt.Sprintf("layer%d", i))
		check(t, os.MkdirAll(dir, 0o755))
		all = append(all, dir)
	}
	return all
}

func TestHostReport(t *testing.T) {
	t.Parallel()
	m := setup(t)
	h := m.driver.Host()
	if !h.IDMappedMounts || h.CgroupVersion < 1 || h.CgroupVersion > 2 || len(h.Controllers) == 0 {
		t.Errorf("%+v", h)
	}
	if notes := strings.Join(h.Notes, " "); h.CgroupVersion == 1 && !strings.Contains(notes, "escapes") {
		t.Errorf("nothing about write-back: %q", notes)
	}
}

// TestLastWords: what a part that does not start said is told to the operator.
func TestLastWords(t *testing.T) {
	t.Parallel()
	m := setup(t)
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "a")))
	x := m.x("a")
	eventually(t, "the X server", func() bool { return x.hello(x.cookie(t)) == nil })
	check(t, unix.Kill(m.driver.PID("a", "display"), unix.SIGTERM))
	eventually(t, "word of the display's end", func() bool {
		s, err := m.driver.Observe(t.Context(), "a")
		return err == nil && strings.Contains(s.Detail, "the display does not run (it said: (II) Server terminated successfully")
	})
}

// TestNetwork connects a desktop by the real network.
func TestNetwork(t *testing.T) {
	t.Parallel()
	m := setup(t)
	subnet, err := network.FreeSubnet(t.Context())
	check(t, err)
	open := func() *network.Network {
		n, err := network.Open(context.Background(), network.Config{Installation: m.config.Installation, Subnet: subnet, Log: m.config.Log})
		if err != nil {
			t.Skipf("needs nftables: %v", err)
		}
		return n
	}
	m.config.Network = open()
	d := m.open(t)
	links := func() (names []string) {
		all, err := netlink.LinkList()
		check(t, err)
		for _, l := range all {
			if strings.HasPrefix(l.Attrs().Name, "bl"+m.config.Installation) {
				names = append(names, l.Attrs().Name)
			}
		}
		return names
	}
	for _, id := range []string{"a", "b"} {
		check(t, d.Ensure(t.Context(), m.spec(t, id)))
		address := strings.Fields(m.user(t, id, "ip", "-o", "-4", "address", "show", "dev", "eth0"))
		if len(address) < 4 {
			t.Fatalf("no address: %v", address)
		}
		if p, err := netip.ParsePrefix(address[3]); err != nil || !subnet.Contains(p.Addr()) {
			t.Errorf("address %s, %v; want one of %s", address[3], err, subnet)
		}
		if out := m.user(t, id, "ip", "route"); !strings.Contains(out, "default via") {
			t.Errorf("no way out: %s", out)
		}
	}
	if n := links(); len(n) != 2 {
		t.Errorf("links: %v", n)
	}
	// A desktop that is started again is connected again.
	check(t, unix.Kill(d.PID("a", "desktop"), unix.SIGKILL))
	eventually(t, "the desktop to end", func() bool { return d.PID("a", "desktop") == 0 })
	check(t, d.Ensure(t.Context(), m.spec(t, "a")))
	m.user(t, "a", "ip", "address", "show", "dev", "eth0")
	check(t, d.Stop(t.Context(), "a", time.Second))
	check(t, d.Remove(t.Context(), "b"))
	if n := links(); len(n) != 0 {
		t.Errorf("links left: %v", n)
	}
	check(t, d.Down(t.Context()))
	m.config.Network = nil
}
