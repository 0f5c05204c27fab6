// Package tree knows what a frozen directory tree is, as bytes: its checksum tree
// and how another tree differs from it, its archive file, and single files of it.
// The trees are a driver's: of a snapshot for reading, of a new volume for Import.
//
// It touches the directory, and the file or stream it is given. It never follows a
// symbolic link out of the directory and opens nothing but regular files, so that
// it may be let loose on what anybody made in a session. Memory does not grow with
// a tree, but with its largest directory and its files of several names.
//
// A tree that changes meanwhile must never move in: freeze it first. Nor what a tree
// means: that a session's changes to its image are in "upper" is for the caller to
// know, who browses that directory; whiteouts there are what was removed.
//
// # What belongs to a tree
//
// Every directory, regular file, symbolic link, pipe and device with its name,
// mode, owner, time of change, content, which names are one file, and extended
// attributes (user, trusted, security but SELinux labels, and access control lists).
// Not: sockets, which are nothing without their process, times of access, and where
// a file has holes, which read as zeros.
//
// # The archive
//
// A PAX tar compressed by zstd: `tar --zstd --xattrs --xattrs-include='*' -xf` unpacks it. In it
//
//	backlot.json   what the caller wants to be told first, see Meta
//	tree/          the tree
//	backlot.sum    the tree's root hash; without it the archive is not whole
package tree
