// Package volume keeps the disks of sessions: copy-on-write volumes and their
// snapshots. Driver is the contract, volumetest its specification; btrfs is the
// one for real use, files the one for disks without it, fake the one for tests of
// other rooms. Package local chooses. Package tree knows what is in a snapshot, as
// bytes: checksums, archives, single files.
//
// It touches the data directory, loop devices and file systems.
//
// Sessions, backups and retention must never move in: to a volume driver there
// are ids and directory trees, and the caller knows what they mean.
package volume
