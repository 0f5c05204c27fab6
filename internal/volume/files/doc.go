// Package files keeps volumes as directories, for disks on which btrfs cannot be
// had. A volume is copied file by file, in one of two ways: reflink shares the
// contents, on XFS and every other file system that can, and takes time for each
// file but no space; plain copies every byte, anywhere. It has no limits, and its
// snapshots are read-only by convention only: nobody but root reaches them.
//
// It touches one directory. Everything else about a file is kept: owner, mode,
// times, extended attributes, links, devices, and holes; root is needed for some of it.
//
// The meaning of files must never move in, nor a mount, nor a program.
//
// # What a snapshot of a volume in use holds
//
// Tree and copy are compared until nothing has changed since the comparison before,
// three times at most. A volume at rest, or left alone for as long as that takes, is
// copied exactly as it is. In one that is written to all the time
//
//   - everything is there that was written before Snapshot was called, fsynced or
//     not, unless it was changed or removed since;
//   - with reflink every file is as it was at one moment, after the call, as if all
//     had been fsynced there; plain reads a file from front to back, and what is
//     overwritten in place meanwhile may be there in part;
//   - two files may be of different moments, by as much as the call takes: a database
//     of several files may find its log older than its tables. Here btrfs keeps the order, and
//     this package does not;
//   - if files come, go or move during the last comparison, what was removed or moved
//     since the one before may still be there, moved files under both their names; what
//     is exchanged for another or moved over it then may be missing.
package files
