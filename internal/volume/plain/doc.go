// Package plain keeps volumes as directories and copies them file by file: the
// reference for the fast drivers, and the last resort where no file system offers
// more. It has no limits, and its snapshots are read-only by convention only.
//
// It touches one directory. Everything else about a file is kept: owner, mode,
// times, extended attributes, links, holes, devices; root is needed for some of it.
//
// Cleverness must never move in. A volume that changes while it is copied is not
// frozen: each file is copied as it is when its turn comes.
package plain
