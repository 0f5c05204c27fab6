package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inside is the name of the interface a session sees.
const inside = "eth0"

// link is the machine's end of a session's veth pair. Its name is the
// installation's prefix and the slot of the subnet it uses; its alias is the id.
type link struct {
	name  string
	index int
	peer  int // index of the other end, in its own namespace
	slot  int
	id    string // empty: its creation was cut short
}

// prefix starts the names of all our interfaces: 10 of the 15 characters a name may have.
func (n *Network) prefix() string { return "bl" + n.cfg.Installation }

// links finds all our links in the kernel.
func (n *Network) links() ([]link, error) {
	all, err := dump(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	var ours []link
	for _, l := range all {
		a := l.Attrs()
		digits, ok := strings.CutPrefix(a.Name, n.prefix())
		slot, err := strconv.Atoi(digits)
		if !ok || err != nil || l.Type() != "veth" {
			continue
		}
		ours = append(ours, link{name: a.Name, index: a.Index, peer: a.ParentIndex, slot: slot, id: a.Alias})
	}
	return ours, nil
}

// namedLinks is links, once every link has its name that another process is giving
// one to just now. Who is not done with that then is frozen or dead; a frozen one
// will find its link gone.
func (n *Network) namedLinks() ([]link, error) {
	const patience = 100 * time.Millisecond
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		links, err := n.links()
		nameless := slices.ContainsFunc(links, func(l link) bool { return l.id == "" })
		if err != nil || !nameless || time.Now().After(deadline) {
			return links, err
		}
	}
}

// dump asks again when the kernel's tables changed while they were read.
func dump[T any](list func() ([]T, error)) ([]T, error) {
	for range 20 {
		all, err := list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
	}
	return list()
}

// create makes a veth pair in the first free slot, its other end in the
// namespace of pid. Both ends are down.
func (n *Network) create(id string, pid, mtu int, taken []link) (link, error) {
	used := make(map[int]bool)
	for _, l := range taken {
		used[l.slot] = true
	}
	attrs := netlink.NewLinkAttrs()
	attrs.MTU = mtu
	slot := 0
	for ; ; slot++ {
		if slot >= slots(n.cfg.Subnet) {
			return link{}, fmt.Errorf("all %d addresses of %s are in use", slots(n.cfg.Subnet), n.cfg.Subnet)
		}
		if used[slot] {
			continue
		}
		attrs.Name = n.prefix() + strconv.Itoa(slot)
		err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: inside, PeerNamespace: netlink.NsPid(pid)})
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EEXIST) { // EEXIST: another process took the slot first
			return link{}, fmt.Errorf("create link %s: %w", attrs.Name, err)
		}
	}
	made, err := netlink.LinkByName(attrs.Name)
	if err != nil {
		return link{}, fmt.Errorf("find link %s: %w", attrs.Name, err)
	}
	l := link{name: attrs.Name, index: made.Attrs().Index, peer: made.Attrs().ParentIndex, slot: slot, id: id}
	// The kernel takes no alias at creation.
	if err := netlink.LinkSetAlias(made, id); err != nil {
		return link{}, errors.Join(fmt.Errorf("name link %s: %w", attrs.Name, err), deleteLink(l.index))
	}
	return l, nil
}

// deleteLink removes a veth pair from both its namespaces.
func deleteLink(index int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Index = index
	err := netlink.LinkDel(&netlink.Veth{LinkAttrs: attrs})
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete link %d: %w", index, err)
	}
	return nil
}

// leadsTo reports whether the other end of l is in the namespace of pid.
func leadsTo(l link, pid int) bool {
	found := false
	err := within(pid, func() error {
		eth, err := netlink.LinkByName(inside)
		found = err == nil && eth.Attrs().Index == l.peer && eth.Attrs().ParentIndex == l.index
		return err
	})
	return err == nil && found
}

// configure gives both ends their addresses and puts them up, the session's
// side first, so that a link that is up on our side is complete.
func (n *Network) configure(l link, pid int) (Address, error) {
	gateway, own := pair(n.cfg.Subnet, l.slot)
	if err := within(pid, func() error { return configureInside(own, gateway.Addr()) }); err != nil {
		return Address{}, err
	}
	host, err := netlink.LinkByIndex(l.index)
	if err != nil {
		return Address{}, fmt.Errorf("find link %s: %w", l.name, err)
	}
	for _, s := range []struct{ path, value string }{
		{"ipv6/conf/" + l.name + "/disable_ipv6", "1"},
		{"ipv4/conf/" + l.name + "/rp_filter", "1"}, // no session speaks with another's address
		{"ipv4/conf/" + l.name + "/forwarding", "1"},
	} {
		if err := sysctl(s.path, s.value); err != nil {
			return Address{}, err
		}
	}
	if err := addressAndUp(host, gateway); err != nil {
		return Address{}, err
	}
	return Address{IP: own, Gateway: gateway.Addr()}, nil
}

func configureInside(own netip.Prefix, gateway netip.Addr) error {
	for _, which := range []string{"all", "default"} {
		if err := sysctl("ipv6/conf/"+which+"/disable_ipv6", "1"); err != nil {
			return err
		}
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the session's loopback: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("put the session's loopback up: %w", err)
	}
	eth, err := netlink.LinkByName(inside)
	if err != nil {
		return fmt.Errorf("find the session's %s: %w", inside, err)
	}
	if err := addressAndUp(eth, own); err != nil {
		return err
	}
	err = netlink.RouteReplace(&netlink.Route{LinkIndex: eth.Attrs().Index, Gw: gateway.AsSlice(), Dst: ipNet(anywhere())})
	if err != nil {
		return fmt.Errorf("route the session through %s: %w", gateway, err)
	}
	return nil
}

func addressAndUp(l netlink.Link, p netip.Prefix) error {
	name := l.Attrs().Name
	if err := netlink.AddrReplace(l, &netlink.Addr{IPNet: ipNet(p)}); err != nil {
		return fmt.Errorf("give %s to %s: %w", p, name, err)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return fmt.Errorf("put %s up: %w", name, err)
	}
	return nil
}

// openUplinks lets answers in: the kernel forwards a packet only if the interface
// it arrives on forwards. It returns the MTU sessions should use.
func openUplinks() (mtu int, err error) {
	routes, err := mainRoutes()
	if err != nil {
		return 0, err
	}
	mtu = 1500
	for _, r := range routes {
		if !isDefault(r.Dst) || r.Type != unix.RTN_UNICAST {
			continue
		}
		indexes := []int{r.LinkIndex}
		for _, hop := range r.MultiPath {
			indexes = append(indexes, hop.LinkIndex)
		}
		for _, index := range indexes {
			uplink, err := netlink.LinkByIndex(index)
			if err != nil {
				continue // of a route with several hops the first index is 0; or it is gone again
			}
			mtu = min(mtu, uplink.Attrs().MTU)
			if err := sysctl("ipv4/conf/"+uplink.Attrs().Name+"/forwarding", "1"); err != nil {
				return 0, err
			}
		}
	}
	return mtu, nil
}

// sysctl writes a value below /proc/sys/net of the calling thread's namespace,
// unless it is there already. What the kernel does not have needs no switch.
func sysctl(path, value string) error {
	path = filepath.Join("/proc/sys/net", path)
	have, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || strings.TrimSpace(string(have)) == value {
		return nil
	}
	if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
		return fmt.Errorf("set sysctl: %w", err)
	}
	return nil
}

// within calls do on a thread of its own in the network namespace of pid.
func within(pid int, do func() error) error {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer ns.Close()
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine instead of going
		// back, in the wrong namespace, to the others.
		runtime.LockOSThread()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter network namespace: %w", err)
			return
		}
		done <- do()
	}()
	return <-done
}
