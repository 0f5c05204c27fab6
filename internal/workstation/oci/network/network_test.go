package network_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation/oci/network"
)

const (
	installation = "inst0001"
	machineAddr  = "203.0.113.1"
	worldAddr    = "203.0.113.2"
)

// place is a network namespace and the process that keeps it.
type place struct{ pid int }

// machine puts the test itself into a fresh network namespace, which plays the
// machine, and connects it to another that plays the world outside. The test's
// goroutine keeps its thread; other goroutines enter with in.
func machine(t *testing.T) (self, world place) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs network namespaces: %v", err)
	}
	if _, err := (&nftables.Conn{}).ListTables(); err != nil {
		t.Skipf("needs nftables: %v", err)
	}
	self, world = place{unix.Gettid()}, newPlace(t)
	must(t, netlink.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: "lo", Index: 1}}))
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = "up0", 1400
	up := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsPid(world.pid)}
	must(t, netlink.LinkAdd(up))
	addrUp(t, "up0", machineAddr+"/24")
	world.in(t, func() { addrUp(t, "eth0", worldAddr+"/24"); addrUp(t, "lo", "127.0.0.1/8") })
	must(t, netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(worldAddr)}))
	return self, world
}

func newPlace(t *testing.T) place {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sleep", "infinity")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	must(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return place{c.Process.Pid}
}

// in calls do on a thread inside p's namespace and waits for it.
func (p place) in(t *testing.T, do func()) {
	t.Helper()
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", p.pid))
	must(t, err)
	defer ns.Close()
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			t.Errorf("enter namespace of %d: %v", p.pid, err)
			return
		}
		do()
	})
	wg.Wait()
}

// serve answers every connection to a port of p with the address it sees.
func (p place) serve(t *testing.T, host string) (addr string) {
	t.Helper()
	var l net.Listener
	p.in(t, func() {
		var err error
		l, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp4", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Errorf("listen: %v", err)
		}
	})
	if l == nil {
		t.FailNow()
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, c.RemoteAddr())
			c.Close()
		}
	}()
	return l.Addr().String()
}

// Long enough for a busy machine, and short enough to find that nobody answers.
const (
	patience = 10 * time.Second
	doubt    = 400 * time.Millisecond
)

// ask connects from p and returns what the server said.
func (p place) ask(t *testing.T, addr string, timeout time.Duration) (answer string, err error) {
	t.Helper()
	p.in(t, func() {
		var c net.Conn
		c, err = (&net.Dialer{Timeout: timeout}).DialContext(t.Context(), "tcp4", addr)
		if err != nil {
			return
		}
		defer c.Close()
		var b []byte
		b, err = io.ReadAll(c)
		answer = string(b)
	})
	return answer, err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func addrUp(t *testing.T, name, cidr string) {
	t.Helper()
	l, err := netlink.LinkByName(name)
	must(t, err)
	a, err := netlink.ParseAddr(cidr)
	must(t, err)
	if err := netlink.AddrReplace(l, a); err != nil {
		t.Fatalf("address %s of %s: %v", cidr, name, err)
	}
	must(t, netlink.LinkSetUp(l))
}

func open(t *testing.T, installation, subnet string) *network.Network {
	t.Helper()
	n, err := network.Open(t.Context(), network.Config{
		Installation: installation, Subnet: netip.MustParsePrefix(subnet),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	must(t, err)
	return n
}

func attach(t *testing.T, n *network.Network, id string, p place) network.Address {
	t.Helper()
	a, err := n.Attach(t.Context(), id, p.pid)
	must(t, err)
	return a
}

func list(t *testing.T, n *network.Network) []string {
	t.Helper()
	ids, err := n.List(t.Context())
	must(t, err)
	return ids
}

// traces lists what of Backlot is in the machine's namespace.
func traces(t *testing.T) []string {
	t.Helper()
	var found []string
	links, err := netlink.LinkList()
	must(t, err)
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, "bl") {
			found = append(found, "link "+l.Attrs().Name)
		}
	}
	tables, err := (&nftables.Conn{}).ListTables()
	must(t, err)
	for _, tab := range tables {
		found = append(found, "table "+tab.Name)
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	must(t, err)
	for _, r := range routes {
		if r.Type == unix.RTN_UNREACHABLE {
			found = append(found, "route "+r.Dst.String())
		}
	}
	slices.Sort(found)
	return found
}

func TestSessionReachesTheWorldOnly(t *testing.T) {
	t.Parallel()
	self, world := machine(t)
	n := open(t, installation, "10.77.16.0/20")
	a, b := newPlace(t), newPlace(t)
	gotA, gotB := attach(t, n, "a", a), attach(t, n, "b", b)
	want := network.Address{IP: netip.MustParsePrefix("10.77.16.1/31"), Gateway: netip.MustParseAddr("10.77.16.0")}
	if gotA != want {
		t.Errorf("address of a = %v, want %v", gotA, want)
	}

	outside := world.serve(t, worldAddr)
	for _, p := range []place{a, b} {
		seen, err := p.ask(t, outside, patience)
		if err != nil {
			t.Fatalf("session does not reach the world: %v", err)
		}
		if host, _, _ := net.SplitHostPort(seen); host != machineAddr {
			t.Errorf("the world sees %s, want the machine's %s", host, machineAddr)
		}
	}

	// Link-local addresses and the world behind a forwarded port of the machine
	// are really there, for those who may.
	world.in(t, func() { addrUp(t, "eth0", "169.254.169.254/32") })
	must(t, netlink.RouteAdd(&netlink.Route{
		Dst: &net.IPNet{IP: net.IPv4(169, 254, 169, 254), Mask: net.CIDRMask(32, 32)}, Gw: net.ParseIP(worldAddr),
	}))
	metadata := world.serve(t, "169.254.169.254")
	onMachine := self.serve(t, "0.0.0.0")
	_, port, _ := net.SplitHostPort(onMachine)
	inA, inB := a.serve(t, "0.0.0.0"), b.serve(t, "0.0.0.0")
	_, portA, _ := net.SplitHostPort(inA)
	_, portB, _ := net.SplitHostPort(inB)
	if _, err := self.ask(t, metadata, patience); err != nil {
		t.Fatalf("the machine itself reaches link-local: %v", err)
	}
	if _, err := self.ask(t, net.JoinHostPort(machineAddr, port), patience); err != nil {
		t.Fatalf("the machine reaches itself: %v", err)
	}
	world.in(t, func() {
		must(t, netlink.RouteAdd(&netlink.Route{Dst: &net.IPNet{IP: net.IPv4(10, 77, 16, 0), Mask: net.CIDRMask(20, 32)}, Gw: net.ParseIP(machineAddr)}))
	})
	for _, c := range []struct {
		what string
		from place
		to   string
	}{
		{"a to its gateway", a, net.JoinHostPort(gotA.Gateway.String(), port)},
		{"a to b's gateway", a, net.JoinHostPort(gotB.Gateway.String(), port)},
		{"a to the machine's outer address", a, net.JoinHostPort(machineAddr, port)},
		{"a to b", a, net.JoinHostPort(gotB.IP.Addr().String(), portB)},
		{"b to a", b, net.JoinHostPort(gotA.IP.Addr().String(), portA)},
		{"a to link-local", a, metadata},
		{"a to nobody's address", a, "10.77.20.1:80"},
		{"the world to a", world, net.JoinHostPort(gotA.IP.Addr().String(), portA)},
	} {
		if answer, err := c.from.ask(t, c.to, doubt); err == nil {
			t.Errorf("%s: answered %q, want no connection", c.what, answer)
		}
	}
}

func TestSessionCannotBorrowAnAddress(t *testing.T) {
	t.Parallel()
	_, world := machine(t)
	n := open(t, installation, "10.77.16.0/20")
	a, b := newPlace(t), newPlace(t)
	attach(t, n, "a", a)
	other := attach(t, n, "b", b)
	outside := world.serve(t, worldAddr)
	for _, borrowed := range []string{other.IP.Addr().String(), "198.51.100.7"} {
		var err error
		a.in(t, func() {
			addrUp(t, "eth0", borrowed+"/32")
			d := net.Dialer{Timeout: doubt, LocalAddr: &net.TCPAddr{IP: net.ParseIP(borrowed)}}
			var c net.Conn
			if c, err = d.DialContext(t.Context(), "tcp4", outside); err == nil {
				c.Close()
			}
		})
		if err == nil {
			t.Errorf("session a reached the world as %s", borrowed)
		}
	}
}

func TestForwardedPortsOfTheMachineAreClosed(t *testing.T) {
	t.Parallel()
	self, world := machine(t)
	n := open(t, installation, "10.77.16.0/20")
	a := newPlace(t)
	attach(t, n, "a", a)
	inner := world.serve(t, worldAddr)
	_, port, _ := net.SplitHostPort(inner)
	redirect(t, worldAddr)
	if _, err := self.ask(t, inner, patience); err != nil {
		t.Fatal(err)
	}
	if _, err := a.ask(t, net.JoinHostPort(machineAddr, port), doubt); err == nil {
		t.Error("session reached a port that the machine forwards")
	}
}

func TestNoIPv6(t *testing.T) {
	t.Parallel()
	machine(t)
	n := open(t, installation, "10.77.16.0/20")
	a := newPlace(t)
	attach(t, n, "a", a)
	count := func(where string) {
		addrs, err := netlink.AddrList(nil, netlink.FAMILY_V6)
		must(t, err)
		for _, ad := range addrs {
			if l, err := netlink.LinkByIndex(ad.LinkIndex); err == nil && (where == "session" || strings.HasPrefix(l.Attrs().Name, "bl")) {
				t.Errorf("%s has IPv6 address %s on %s", where, ad.IPNet, l.Attrs().Name)
			}
		}
	}
	count("machine")
	a.in(t, func() { count("session") })
}

func TestMTUOfTheUplink(t *testing.T) {
	t.Parallel()
	machine(t)
	n := open(t, installation, "10.77.16.0/20")
	a := newPlace(t)
	attach(t, n, "a", a)
	a.in(t, func() {
		l, err := netlink.LinkByName("eth0")
		must(t, err)
		if l.Attrs().MTU != 1400 {
			t.Errorf("MTU = %d, want the uplink's 1400", l.Attrs().MTU)
		}
	})
}

func TestAttachAgain(t *testing.T) {
	t.Parallel()
	_, world := machine(t)
	n := open(t, installation, "10.77.16.0/20")
	a, a2, b := newPlace(t), newPlace(t), newPlace(t)
	first := attach(t, n, "a", a)
	before := traces(t)
	if again := attach(t, n, "a", a); again != first {
		t.Errorf("second Attach gave %v, first %v", again, first)
	}
	if d := cmp.Diff(before, traces(t)); d != "" {
		t.Errorf("second Attach changed the machine (-before +after):\n%s", d)
	}
	attach(t, n, "b", b)
	// A new sandbox under the same id takes the link over.
	attach(t, n, "a", a2)
	if d := cmp.Diff([]string{"a", "b"}, list(t, n)); d != "" {
		t.Errorf("List (-want +got):\n%s", d)
	}
	outside := world.serve(t, worldAddr)
	if _, err := a2.ask(t, outside, patience); err != nil {
		t.Errorf("new sandbox: %v", err)
	}
	if _, err := a.ask(t, outside, doubt); err == nil {
		t.Error("old sandbox still has a network")
	}
}

func TestAttachMendsWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, world := machine(t)
	n := open(t, installation, "10.77.16.0/20")
	a := newPlace(t)
	attach(t, n, "a", a)
	outside := world.serve(t, worldAddr)
	// A link whose creation was cut short, an interface that is down, and no rules.
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "bl" + installation + "1", TxQLen: -1}, PeerName: "x0"}))
	l, err := netlink.LinkByName("bl" + installation + "0")
	must(t, err)
	must(t, netlink.LinkSetDown(l))
	c := &nftables.Conn{}
	c.FlushRuleset()
	must(t, c.Flush())
	if d := cmp.Diff([]string{"a"}, list(t, n)); d != "" {
		t.Errorf("List (-want +got):\n%s", d)
	}
	attach(t, n, "a", a)
	attach(t, n, "b", newPlace(t))
	if _, err := a.ask(t, outside, patience); err != nil {
		t.Errorf("after mending: %v", err)
	}
	want := []string{"link bl" + installation + "0", "link bl" + installation + "1", "route 10.77.16.0/20", "table backlot-" + installation}
	if d := cmp.Diff(want, traces(t)); d != "" {
		t.Errorf("machine (-want +got):\n%s", d)
	}
}

func TestAttachToNobodyLeavesNothing(t *testing.T) {
	t.Parallel()
	machine(t)
	n := open(t, installation, "10.77.16.0/20")
	gone := exec.CommandContext(t.Context(), "true")
	must(t, gone.Run())
	if _, err := n.Attach(t.Context(), "a", gone.Process.Pid); err == nil {
		t.Error("attached a process that is gone")
	}
	if got := list(t, n); len(got) != 0 {
		t.Errorf("List = %v, want nothing", got)
	}
}

func TestConcurrentAttach(t *testing.T) {
	t.Parallel()
	self, _ := machine(t)
	n := open(t, installation, "10.77.16.0/28") // 8 slots
	other := open(t, installation, "10.77.16.0/28")
	var mu sync.Mutex
	seen := map[netip.Prefix]string{}
	var wg sync.WaitGroup
	for i := range 8 {
		p, id := newPlace(t), fmt.Sprint("s", i)
		wg.Go(func() {
			self.in(t, func() {
				a, err := []*network.Network{n, other}[i%2].Attach(t.Context(), id, p.pid)
				if err != nil {
					t.Errorf("attach %s: %v", id, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if other, ok := seen[a.IP]; ok {
					t.Errorf("%s and %s both got %s", id, other, a.IP)
				}
				seen[a.IP] = id
			})
		})
	}
	wg.Wait()
	if _, err := n.Attach(t.Context(), "full", newPlace(t).pid); err == nil {
		t.Error("attached a ninth session to eight slots")
	}
}

func TestDetachAndDownLeaveNothing(t *testing.T) {
	t.Parallel()
	machine(t)
	n := open(t, installation, "10.77.16.0/20")
	empty := traces(t)
	a, b := newPlace(t), newPlace(t)
	attach(t, n, "a", a)
	attach(t, n, "b", b)
	for range 2 {
		must(t, n.Detach(t.Context(), "a"))
	}
	a.in(t, func() {
		if _, err := netlink.LinkByName("eth0"); err == nil {
			t.Error("session still has eth0 after Detach")
		}
	})
	if d := cmp.Diff([]string{"b"}, list(t, n)); d != "" {
		t.Errorf("List (-want +got):\n%s", d)
	}
	must(t, n.Detach(t.Context(), "b"))
	if d := cmp.Diff(empty, traces(t)); d != "" {
		t.Errorf("Detach left (-before +after):\n%s", d)
	}
	attach(t, n, "c", a)
	for range 2 {
		must(t, n.Down(t.Context()))
	}
	if left := traces(t); len(left) != 0 {
		t.Errorf("Down left %v", left)
	}
}

func TestOpenAgainKnowsAndKeepsAll(t *testing.T) {
	t.Parallel()
	_, world := machine(t)
	n := open(t, installation, "10.77.16.0/20")
	a := newPlace(t)
	first := attach(t, n, "a", a)
	outside := world.serve(t, worldAddr)

	n = open(t, installation, "10.77.16.0/20")
	if d := cmp.Diff([]string{"a"}, list(t, n)); d != "" {
		t.Errorf("List (-want +got):\n%s", d)
	}
	if _, err := a.ask(t, outside, patience); err != nil {
		t.Errorf("after the second Open: %v", err)
	}
	if again := attach(t, n, "a", a); again != first {
		t.Errorf("Attach gave %v, before %v", again, first)
	}
}

func TestTwoInstallations(t *testing.T) {
	t.Parallel()
	_, world := machine(t)
	one := open(t, installation, "10.77.16.0/20")
	two := open(t, "inst0002", "10.77.32.0/20")
	a, b := newPlace(t), newPlace(t)
	addrA, addrB := attach(t, one, "a", a), attach(t, two, "a", b)
	for _, c := range []struct {
		from, to place
		addr     network.Address
	}{{a, b, addrB}, {b, a, addrA}} {
		_, port, _ := net.SplitHostPort(c.to.serve(t, "0.0.0.0"))
		if _, err := c.from.ask(t, net.JoinHostPort(c.addr.IP.Addr().String(), port), doubt); err == nil {
			t.Errorf("reached %s of another installation", c.addr.IP)
		}
	}
	must(t, one.Down(t.Context()))
	if d := cmp.Diff([]string{"a"}, list(t, two)); d != "" {
		t.Errorf("List of the other (-want +got):\n%s", d)
	}
	if _, err := b.ask(t, world.serve(t, worldAddr), patience); err != nil {
		t.Errorf("the other installation lost its network: %v", err)
	}
}

func TestFreeSubnet(t *testing.T) {
	t.Parallel()
	machine(t)
	open(t, installation, "10.64.0.0/16")
	addrUp(t, "up0", "10.100.0.1/10") // all of the first pool
	taken := netip.MustParsePrefix("100.64.0.0/11")
	for range 50 {
		got, err := network.FreeSubnet(t.Context(), taken)
		must(t, err)
		if !netip.MustParsePrefix("100.96.0.0/11").Overlaps(got) || got.Bits() != 20 || got != got.Masked() {
			t.Fatalf("FreeSubnet = %s, want a /20 of 100.96.0.0/11", got)
		}
	}
	all := []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16")}
	if got, err := network.FreeSubnet(t.Context(), all...); err == nil {
		t.Errorf("FreeSubnet = %s, want an error when nothing is free", got)
	}
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []network.Config{
		{Installation: "short", Subnet: netip.MustParsePrefix("10.77.16.0/20")},
		{Installation: "UPPER001", Subnet: netip.MustParsePrefix("10.77.16.0/20")},
		{Installation: installation},
		{Installation: installation, Subnet: netip.MustParsePrefix("10.77.16.1/20")},
		{Installation: installation, Subnet: netip.MustParsePrefix("10.0.0.0/8")},
		{Installation: installation, Subnet: netip.MustParsePrefix("fd00::/20")},
	} {
		if _, err := network.Open(t.Context(), c); err == nil {
			t.Errorf("Open(%+v) succeeded", c)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := network.FreeSubnet(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("FreeSubnet with an ended context: %v", err)
	}
}
