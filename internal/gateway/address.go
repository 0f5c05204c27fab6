package gateway

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// publicLifetime is how long a look-up of the public host is good.
const publicLifetime = time.Minute

// retryLookUp is the time after which one that failed is tried again.
const retryLookUp = 5 * time.Second

// udpMux shows ICE one local address per family, however many the machine has:
// all of them are the same socket, and Pion reads a socket once for each
// address, so that answers would reach the wrong one. The true list goes into
// the answer, see advertise.
type udpMux struct {
	ice.UDPMux
	local  netip.AddrPort
	listen []net.Addr
}

func newUDPMux(conn net.PacketConn) (*udpMux, error) {
	bound, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("media port is %T, want UDP", conn.LocalAddr())
	}
	m := &udpMux{
		UDPMux: webrtc.NewICEUDPMux(quiet{}.NewLogger(""), conn),
		local:  netip.AddrPortFrom(bound.AddrPort().Addr().Unmap(), bound.AddrPort().Port()),
	}
	switch ip := m.local.Addr(); {
	case ip == netip.IPv6Unspecified():
		m.listen = []net.Addr{loopback(net.IPv6loopback, bound.Port), loopback(net.IPv4(127, 0, 0, 1), bound.Port)}
	case ip == netip.IPv4Unspecified():
		m.listen = []net.Addr{loopback(net.IPv4(127, 0, 0, 1), bound.Port)}
	default:
		m.listen = []net.Addr{bound}
	}
	return m, nil
}

func loopback(ip net.IP, port int) net.Addr { return &net.UDPAddr{IP: ip, Port: port} }

// GetListenAddresses is ICE's question where this socket listens.
func (m *udpMux) GetListenAddresses() []net.Addr { return m.listen }

// addresses knows where viewers may send media to.
type addresses struct {
	public *url.URL
	udp    netip.AddrPort
	tcp    uint16 // the port for media over TCP; 0: none
	skip   func(string) bool
	lookUp func(ctx context.Context, network, host string) ([]netip.Addr, error)

	mu     sync.Mutex
	looked time.Time
	found  []netip.Addr // by the last look-up that found something
}

// list returns where media may be sent, best first: the address at which the
// viewer's own connection arrived, the public host, the machine's other addresses.
func (a *addresses) list(ctx context.Context, arrived net.Addr) []netip.AddrPort {
	var list []netip.AddrPort
	add := func(ip netip.Addr, port uint16) {
		ip = ip.Unmap()
		at := netip.AddrPortFrom(ip, port)
		if ip.IsValid() && !ip.IsUnspecified() && !ip.IsLinkLocalUnicast() && a.reaches(ip) && !slices.Contains(list, at) {
			list = append(list, at)
		}
	}
	port := a.udp.Port()
	if a.udp.Addr().IsUnspecified() {
		if tcp, ok := arrived.(*net.TCPAddr); ok {
			add(tcp.AddrPort().Addr(), port)
		}
	} else {
		add(a.udp.Addr(), port)
	}
	for _, ip := range a.publicHost(ctx) {
		add(ip, port)
		// A router may forward the public port, under its public number, to ours.
		if public, err := strconv.ParseUint(a.public.Port(), 10, 16); err == nil && !ip.IsLoopback() {
			add(ip, uint16(public))
		}
	}
	if a.udp.Addr().IsUnspecified() {
		for _, ip := range a.own() {
			add(ip, port)
		}
	}
	return list
}

// reaches says whether the socket speaks the address's family.
func (a *addresses) reaches(ip netip.Addr) bool {
	return ip.Is4() == a.udp.Addr().Is4() || a.udp.Addr() == netip.IPv6Unspecified()
}

func (a *addresses) publicHost(ctx context.Context) []netip.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); a.looked.IsZero() || now.Sub(a.looked) > publicLifetime {
		// Others wait for the answer, too: who asked may go.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		// A name that cannot be looked up just now leaves what it was, and the machine's own addresses.
		found, err := a.lookUp(ctx, "ip", a.public.Hostname())
		if a.looked = now; err == nil {
			a.found = found
		} else {
			a.looked = now.Add(retryLookUp - publicLifetime)
		}
	}
	return a.found
}

// own lists the addresses of the machine's interfaces that are up, loopback last.
func (a *addresses) own() []netip.Addr {
	// Without the list there are still the other two sources.
	interfaces, _ := net.Interfaces()
	var far, near []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || a.skip != nil && a.skip(i.Name) {
			continue
		}
		networks, _ := i.Addrs()
		for _, n := range networks {
			prefix, err := netip.ParsePrefix(n.String())
			switch {
			case err != nil:
			case prefix.Addr().IsLoopback():
				near = append(near, prefix.Addr())
			default:
				far = append(far, prefix.Addr())
			}
		}
	}
	return append(far, near...)
}

// candidate is one way to reach the gateway.
type candidate struct {
	at  netip.AddrPort
	tcp bool
}

// candidates are the ways in order of preference: all that go by UDP come first.
func (a *addresses) candidates(ctx context.Context, arrived net.Addr) []candidate {
	var udp, tcp []candidate
	for _, at := range a.list(ctx, arrived) {
		udp = append(udp, candidate{at: at})
		if at.Port() == a.udp.Port() {
			at = netip.AddrPortFrom(at.Addr(), a.tcp)
		}
		if a.tcp != 0 {
			tcp = append(tcp, candidate{at, true})
		}
	}
	return append(udp, tcp...)
}

// advertise replaces the candidates of an answer by those of the list (RFC 8445
// section 5.1.2.1, RFC 6544 section 4.5; type preference of a host by UDP: 126, and less by TCP).
func advertise(sdp string, list []candidate) string {
	var b strings.Builder
	done := false
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, "a=candidate:") {
			b.WriteString(line)
			continue
		}
		if done {
			continue
		}
		done = true
		for i, c := range list {
			preference, transport, kind := 126, "udp", ""
			if c.tcp {
				preference, transport, kind = 90, "tcp", " tcptype passive"
			}
			priority := preference<<24 | (65535-i)<<8 | 255
			fmt.Fprintf(&b, "a=candidate:%d 1 %s %d %s %d typ host%s\r\n", i+1, transport, priority, c.at.Addr(), c.at.Port(), kind)
		}
	}
	return b.String()
}
