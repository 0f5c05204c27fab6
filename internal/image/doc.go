// Package image keeps machine images: the root file systems workstations start
// from, as directories for the lower layers of an overlay. There is one so far:
// "host", the machine's own root file system behind a mask that lets only
// programs and harmless configuration through. Store is where to start.
//
// It touches the run directory given to it, where it mounts the mask, and reads
// the machine's root file system.
//
// Volumes, sandboxes and the words of the API must never move in: whoever asks
// gets directories.
package image
