package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"sync"

	"github.com/google/nftables"
)

// Config says whose network it is.
type Config struct {
	// Installation is part of every name made on the machine: 8 characters of a-z0-9.
	Installation string
	// Subnet is the IPv4 range of this installation, /16 to /30, as chosen by FreeSubnet
	// and then kept: each session takes two addresses of it.
	Subnet netip.Prefix
	Log    *slog.Logger
}

// Network is the networking of one installation.
//
// What a session gets: a way to every address its machine can reach through a
// router, by IPv4. What it does not get: the machine itself on any of its
// addresses, ports the machine forwards elsewhere, other sessions of this or any
// other installation, link-local and multicast addresses (cloud metadata), IPv6.
// Nothing outside can open a connection to a session.
//
// The rules of another firewall on the machine hold beside ours and can not be
// overridden: where its forward chain drops what it does not know (Docker sets
// that policy), sessions have no way out until it lets interfaces "bl*" through.
// Open logs a warning when it sees such a chain.
type Network struct {
	cfg   Config
	table *nftables.Table
	// mu spares Attaches of one process that they meet.
	mu sync.Mutex
}

// Address is what a session was given.
type Address struct {
	IP      netip.Prefix // the session's own
	Gateway netip.Addr   // the machine's end
}

// Open installs the rules of the installation and reserves its subnet. It may be
// called again, also while sessions run: their connections stay.
func Open(ctx context.Context, cfg Config) (*Network, error) {
	if !regexp.MustCompile(`^[a-z0-9]{8}$`).MatchString(cfg.Installation) {
		return nil, fmt.Errorf("installation %q: want 8 characters of a-z0-9", cfg.Installation)
	}
	s := cfg.Subnet
	if !s.IsValid() || !s.Addr().Is4() || s != s.Masked() || s.Bits() < 16 || s.Bits() > 30 {
		return nil, fmt.Errorf("subnet %s: want an IPv4 range of /16 to /30", s)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n := &Network{
		cfg:   cfg,
		table: &nftables.Table{Name: "backlot-" + cfg.Installation, Family: nftables.TableFamilyINet},
	}
	if err := n.installRules(); err != nil {
		return nil, err
	}
	if err := n.reserveSubnet(); err != nil {
		return nil, err
	}
	n.warnOfStrangers(ctx)
	return n, nil
}

// Attach gives the network namespace of process pid an interface eth0 with an
// address, and the way out. It does nothing when that is so already; a link that
// id has to another namespace is replaced. The id is 1-32 characters of a-z0-9.
func (n *Network) Attach(ctx context.Context, id string, pid int) (Address, error) {
	if !regexp.MustCompile(`^[a-z0-9]{1,32}$`).MatchString(id) {
		return Address{}, fmt.Errorf("attach %q: want an id of 1-32 characters of a-z0-9", id)
	}
	if err := ctx.Err(); err != nil {
		return Address{}, err
	}
	a, err := n.attach(id, pid)
	if err != nil {
		return Address{}, fmt.Errorf("attach network of %s: %w", id, err)
	}
	return a, nil
}

func (n *Network) attach(id string, pid int) (Address, error) {
	mtu, err := openUplinks()
	if err != nil {
		return Address{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	// Somebody may have flushed all rules of the machine since Open.
	if err := n.ensureRules(); err != nil {
		return Address{}, err
	}
	if err := n.reserveSubnet(); err != nil {
		return Address{}, err
	}
	links, err := n.namedLinks()
	if err != nil {
		return Address{}, err
	}
	var others []link
	for _, l := range links {
		switch {
		case l.id == "": // a creation that was cut short
		case l.id != id:
			others = append(others, l)
			continue
		case leadsTo(l, pid):
			return n.configure(l, pid)
		}
		if err := deleteLink(l.index); err != nil {
			return Address{}, err
		}
	}
	l, err := n.create(id, pid, mtu, others)
	if err != nil {
		return Address{}, err
	}
	a, err := n.configure(l, pid)
	if err != nil {
		return Address{}, errors.Join(err, deleteLink(l.index))
	}
	return a, nil
}

// Detach takes the network of id away. It does nothing when there is none.
func (n *Network) Detach(ctx context.Context, id string) error {
	return n.remove(ctx, func(l link) bool { return l.id == id })
}

// List returns the ids that have a network, in order.
func (n *Network) List(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	links, err := n.links()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, l := range links {
		if l.id != "" {
			ids = append(ids, l.id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Down takes everything of the installation off the machine: links, rules and the
// reserved subnet. Forwarding on the uplinks stays on: another installation, or
// anybody else, may rely on it by now.
func (n *Network) Down(ctx context.Context) error {
	if err := n.remove(ctx, func(link) bool { return true }); err != nil {
		return err
	}
	if err := n.removeRules(); err != nil {
		return err
	}
	return n.releaseSubnet()
}

func (n *Network) remove(ctx context.Context, which func(link) bool) error {
	links, err := n.links()
	if err != nil {
		return err
	}
	for _, l := range links {
		if !which(l) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := deleteLink(l.index); err != nil {
			return err
		}
	}
	return nil
}
