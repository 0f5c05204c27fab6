// Package local opens the volume driver that suits the disk of a machine: btrfs,
// also in a loop file; where that cannot be had, files by reflink; else plain files.
//
// It touches what the driver it chooses touches.
//
// A choice that the store's directory does not show must never move in: what a store
// was made as it stays, whatever the machine has learned or lost since.
package local
