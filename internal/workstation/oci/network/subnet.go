package network

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// subnetBits is the size of what FreeSubnet chooses: room for 2048 sessions.
const subnetBits = 20

// FreeSubnet chooses a private /20 that overlaps no address and no route of the
// machine and none of taken. An installation chooses once and keeps the answer:
// while its Network is open the range is reserved by a route, so that other
// installations choose another one.
func FreeSubnet(ctx context.Context, taken ...netip.Prefix) (netip.Prefix, error) {
	if err := ctx.Err(); err != nil {
		return netip.Prefix{}, err
	}
	used := append([]netip.Prefix(nil), taken...)
	addrs, err := dump(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addrs {
		used = append(used, prefixOf(a.IPNet).Masked())
	}
	routes, err := allRoutes()
	if err != nil {
		return netip.Prefix{}, err
	}
	for _, r := range routes {
		// What is wider than /8 is a default route by another name, as VPNs set.
		if p := prefixOf(r.Dst); p.Bits() >= 8 {
			used = append(used, p)
		}
	}
	// Chosen at random, so that installations on machines that are later joined
	// by a network, or start at the same moment, seldom choose the same.
	for _, pool := range []string{"10.64.0.0/10", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"} {
		p := netip.MustParsePrefix(pool)
		count := 1 << (subnetBits - p.Bits())
		for _, i := range rand.Perm(count) {
			candidate := netip.PrefixFrom(offset(p.Addr(), i<<(32-subnetBits)), subnetBits)
			if !overlapsAny(candidate, used) {
				return candidate, nil
			}
		}
	}
	return netip.Prefix{}, errors.New("every private IPv4 range is in use on this machine")
}

func overlapsAny(p netip.Prefix, used []netip.Prefix) bool {
	for _, u := range used {
		if u.Overlaps(p) {
			return true
		}
	}
	return false
}

// slots is how many sessions a subnet has room for.
func slots(subnet netip.Prefix) int { return 1 << (31 - subnet.Bits()) }

// pair returns the /31 of a slot: the machine's end and the session's.
func pair(subnet netip.Prefix, slot int) (gateway, own netip.Prefix) {
	return netip.PrefixFrom(offset(subnet.Addr(), 2*slot), 31), netip.PrefixFrom(offset(subnet.Addr(), 2*slot+1), 31)
}

func offset(a netip.Addr, by int) netip.Addr {
	b := a.As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	v += uint32(by)
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// reservation is the route that makes the subnet ours: what is sent to an
// address no session has comes back as unreachable instead of going out.
func (n *Network) reservation() *netlink.Route {
	return &netlink.Route{Dst: ipNet(n.cfg.Subnet), Type: unix.RTN_UNREACHABLE, Protocol: unix.RTPROT_STATIC}
}

func (n *Network) reserveSubnet() error {
	if err := netlink.RouteReplace(n.reservation()); err != nil {
		return fmt.Errorf("reserve subnet %s: %w", n.cfg.Subnet, err)
	}
	return nil
}

func (n *Network) releaseSubnet() error {
	if err := netlink.RouteDel(n.reservation()); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("release subnet %s: %w", n.cfg.Subnet, err)
	}
	return nil
}

// allRoutes returns the IPv4 routes of every table.
func allRoutes() ([]netlink.Route, error) {
	routes, err := dump(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	return routes, nil
}

// mainRoutes returns the IPv4 routes of the main table.
func mainRoutes() ([]netlink.Route, error) {
	routes, err := dump(func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	return routes, nil
}

func anywhere() netip.Prefix { return netip.PrefixFrom(netip.IPv4Unspecified(), 0) }

// isDefault reports whether a route's destination is everything; the library
// says that as nil or as 0.0.0.0/0.
func isDefault(dst *net.IPNet) bool { return prefixOf(dst).Bits() == 0 }

func prefixOf(n *net.IPNet) netip.Prefix {
	if n == nil {
		return anywhere()
	}
	a, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), bits)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}
