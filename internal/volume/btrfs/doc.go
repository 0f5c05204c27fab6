// Package btrfs keeps volumes as subvolumes of a btrfs file system, the data
// directory's own or one in a loop file beside it. Creating, snapshotting,
// cloning and deleting take milliseconds, however much a volume holds, and full
// quota groups keep each volume within its limit.
//
// It touches the store's directory, one loop device, one mount point, and the
// quota groups of its subvolumes, by ioctl; mkfs.btrfs is the only program it
// runs. It needs root and a kernel of at least 5.19.
//
// What a volume is for must never move in, nor a table of what exists: the file
// system is the only record, and every verb is one atomic step on it.
package btrfs
