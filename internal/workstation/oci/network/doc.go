// Package network gives each session a network of its own: a veth pair from the
// machine into the session's network namespace, an address, a way out by
// masquerade, and rules that leave nothing else open. Open is where to start.
//
// It touches network interfaces, addresses, routes and per-interface sysctls of
// the machine and of the namespaces it is pointed at, and one nftables table
// per installation. It starts no program and keeps no file: what exists in the
// kernel is the only record.
//
// Sandboxes, processes and sessions must never move in: here there are ids and
// process ids, and the caller knows what they mean.
package network
