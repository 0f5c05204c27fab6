package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// chain is one base chain of our table and its rules.
type chain struct {
	nftables.Chain
	rules [][]expr.Any
}

// chains are all rules there are. They match interface names by the prefix of
// the installation, so they hold for a session before it exists, and a session
// comes and goes without a change to them.
//
// "Accept" ends our own chain only; "drop" is final whatever other tables say.
func (n *Network) chains() []chain {
	in, out := interfacePrefix(expr.MetaKeyIIFNAME, n.prefix()), interfacePrefix(expr.MetaKeyOIFNAME, n.prefix())
	accept := nftables.ChainPolicyAccept
	base := func(name string, kind nftables.ChainType, hook *nftables.ChainHook, p *nftables.ChainPriority, rules ...[]expr.Any) chain {
		return chain{nftables.Chain{
			Name: name, Table: n.table, Type: kind, Hooknum: hook, Priority: p, Policy: &accept,
		}, rules}
	}
	return []chain{
		base("input", nftables.ChainTypeFilter, nftables.ChainHookInput, nftables.ChainPriorityFilter,
			rule(expr.VerdictDrop, in)),
		base("forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter,
			// Into a session: answers only. This also parts sessions from each
			// other, and those of other installations from ours.
			rule(expr.VerdictAccept, out, ctBits(expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED)),
			rule(expr.VerdictDrop, out),
			// Out of a session: IPv4 only, from its own range, never to
			// neighbours of the machine's links that no router may pass on, and
			// never where the machine itself redirects a port to.
			rule(expr.VerdictDrop, in, ipv4(false)),
			rule(expr.VerdictDrop, in, source(expr.CmpOpNeq, n.cfg.Subnet)),
			rule(expr.VerdictDrop, in, destination(netip.MustParsePrefix("169.254.0.0/16"))),
			rule(expr.VerdictDrop, in, destination(netip.MustParsePrefix("224.0.0.0/3"))),
			rule(expr.VerdictDrop, in, ctBits(expr.CtKeySTATUS, ctStatusDNAT))),
		base("postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource,
			append(append(ipv4(true), source(expr.CmpOpEq, n.cfg.Subnet)...), &expr.Masq{})),
	}
}

// ctStatusDNAT is IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h.
const ctStatusDNAT = 1 << 5

func rule(verdict expr.VerdictKind, matches ...[]expr.Any) []expr.Any {
	var all []expr.Any
	for _, m := range matches {
		all = append(all, m...)
	}
	return append(all, &expr.Verdict{Kind: verdict})
}

// interfacePrefix compares only as many bytes as the prefix has: a wildcard.
func interfacePrefix(key expr.MetaKey, prefix string) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte(prefix)},
	}
}

func ipv4(want bool) []expr.Any {
	op := expr.CmpOpEq
	if !want {
		op = expr.CmpOpNeq
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: op, Register: 1, Data: []byte{unix.NFPROTO_IPV4}},
	}
}

// source and destination look at the IPv4 header; what is not IPv4 must have
// been sorted out before.
func source(op expr.CmpOp, p netip.Prefix) []expr.Any { return address(12, op, p) }

func destination(p netip.Prefix) []expr.Any { return address(16, expr.CmpOpEq, p) }

func address(offset uint32, op expr.CmpOp, p netip.Prefix) []expr.Any {
	mask := binaryutil.BigEndian.PutUint32(^uint32(0) << (32 - p.Bits()))
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: op, Register: 1, Data: p.Addr().AsSlice()},
	}
}

func ctBits(key expr.CtKey, bits uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: key, Register: 1},
		&expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

// installRules puts our table in place of the one that may be there, in one
// transaction: at no moment is there none.
func (n *Network) installRules() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	c.AddTable(n.table) // so that deleting it can not fail
	c.DelTable(n.table)
	c.AddTable(n.table)
	for _, ch := range n.chains() {
		c.AddChain(&ch.Chain)
		for _, r := range ch.rules {
			c.AddRule(&nftables.Rule{Table: n.table, Chain: &ch.Chain, Exprs: r})
		}
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("install nftables table %s: %w", n.table.Name, err)
	}
	return nil
}

// ensureRules installs the rules again if they are no longer all there.
func (n *Network) ensureRules() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	for _, ch := range n.chains() {
		have, err := c.GetRules(n.table, &ch.Chain)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("read nftables table %s: %w", n.table.Name, err)
		}
		if len(have) != len(ch.rules) {
			return n.installRules()
		}
	}
	return nil
}

func (n *Network) removeRules() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	c.AddTable(n.table)
	c.DelTable(n.table)
	if err := c.Flush(); err != nil {
		return fmt.Errorf("remove nftables table %s: %w", n.table.Name, err)
	}
	return nil
}

// warnOfStrangers says in the log when another firewall drops what it does not know.
func (n *Network) warnOfStrangers(ctx context.Context) {
	c, err := nftables.New()
	if err != nil {
		return
	}
	chains, err := c.ListChains()
	if err != nil {
		return
	}
	for _, ch := range chains {
		if ch.Hooknum == nil || *ch.Hooknum != *nftables.ChainHookForward ||
			ch.Policy == nil || *ch.Policy != nftables.ChainPolicyDrop ||
			(ch.Table.Family != nftables.TableFamilyINet && ch.Table.Family != nftables.TableFamilyIPv4) {
			continue
		}
		n.cfg.Log.LogAttrs(ctx, slog.LevelWarn,
			"another firewall drops forwarded packets unless told otherwise: sessions reach nothing outside until it accepts those of our interfaces, both ways",
			slog.String("table", ch.Table.Name), slog.String("chain", ch.Name), slog.String("interfaces", n.prefix()+"*"))
	}
}
