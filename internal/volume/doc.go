// Package volume keeps the disks of sessions: copy-on-write volumes and their
// snapshots. Driver is the contract, volumetest its specification; btrfs is the
// one for real use, plain the slow and obvious reference, fake the one for tests
// of other rooms.
//
// It touches the data directory, loop devices and file systems.
//
// Sessions, backups and retention must never move in: to a volume driver there
// are ids and directory trees, and the caller knows what they mean.
package volume
