package oci

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
)

// soundOf is the directory that a desktop's sound server shares with the streamer. The
// desktop can write to it, so it lies in the volume, whose limit bounds that.
func soundOf(spec workstation.Spec) string { return filepath.Join(spec.Volume, "sound") }

// makeSound makes the directory, open to the desktop's user and the streamer alone,
// and in it the pipe of what is played. The microphone's is made by the sound server.
func makeSound(spec workstation.Spec, base uint32) error {
	dir := soundOf(spec)
	out := filepath.Join(dir, "out")
	// What is left from before may have other ids, and anything in it.
	if err := removeTree(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := unix.Mkfifo(out, 0o600); err != nil {
		return err
	}
	for path, mode := range map[string]os.FileMode{out: 0o660, dir: 0o710} {
		if err := os.Lchown(path, int(base)+spec.User.ID, int(base+streamerID)); err != nil {
			return err
		}
		if err := os.Chmod(path, mode); err != nil {
			return err
		}
	}
	return nil
}
