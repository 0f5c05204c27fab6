// Package oci runs workstations on this machine with runc. A workstation is
// three containers: the desktop (the sandbox), the display (Xorg) and the
// streamer, and what they share: a range of user ids, an IPC namespace for
// MIT-SHM, the directory of the X socket. Everything needed to find them again
// lies below one run directory; nothing is kept in memory.
//
// It touches runc, cgroups, namespaces, mounts, Xorg and, through an interface,
// the network of the machine.
//
// What a desktop runs inside (desktop), how packets leave it (network), what an
// image or a volume is must never move in.
package oci
