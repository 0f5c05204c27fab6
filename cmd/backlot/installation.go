package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation/oci/network"
)

// installation is what tells one Backlot on a machine from another. It is made
// at the first start and kept in the data directory.
type installation struct {
	// ID, 8 characters of a-z0-9, is in the name of everything made on the host.
	ID string `json:"id"`
	// Secret seals keys and signs tickets.
	Secret []byte `json:"secret"`
	// Subnet holds the addresses of sessions.
	Subnet netip.Prefix `json:"subnet"`
}

// runDir holds what lives as long as the machine is up: sockets, mount points,
// the state of sandboxes. Its path is short, for a socket's path may have 108
// bytes only.
func (i installation) runDir() string { return "/run/backlot-" + i.ID }

// firstUserID begins the 2^24 user ids that the installation's sessions have.
// Two installations may meet on the same ids; their sessions still have no
// process, file or socket in common.
func (i installation) firstUserID() uint32 {
	h := fnv.New32a()
	h.Write([]byte(i.ID))
	return (16 + h.Sum32()%200) << 24
}

// claim makes the run directory and takes it for the data directory: a copy of
// that would act on sessions that are not its own. Other servers of the same data
// directory may share it. Release it by ending.
func (i installation) claim(ctx context.Context, data string) (*os.File, error) {
	var of unix.Stat_t
	if err := unix.Stat(data, &of); err != nil {
		return nil, fmt.Errorf("find the data directory: %w", err)
	}
	if err := os.MkdirAll(i.runDir(), 0o711); err != nil {
		return nil, fmt.Errorf("make the run directory: %w", err)
	}
	f, err := os.OpenFile(i.ownerFile(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take the run directory: %w", err)
	}
	if err := i.own(ctx, f, fmt.Sprintf("%d:%d", of.Dev, of.Ino)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// own writes into the owner file whose it is where nobody has it, and joins those
// who have it as the same.
func (i installation) own(ctx context.Context, f *os.File, mine string) error {
	theirs := make([]byte, 64)
	for deadline := time.Now().Add(2 * time.Second); ; {
		first := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
		joined := first || unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil
		n, _ := f.ReadAt(theirs, 0)
		switch {
		case n > 0 && string(theirs[:n]) != mine || !joined && time.Now().After(deadline):
			return fmt.Errorf("installation %s belongs to another data directory on this machine, of which this one is a copy; end that one with `backlot down` first, or remove installation.json and backlot.db here", i.ID)
		case first:
			if _, err := f.WriteAt([]byte(mine), 0); err != nil {
				return fmt.Errorf("take the run directory: %w", err)
			}
			if err := unix.Flock(int(f.Fd()), unix.LOCK_SH); err != nil {
				return fmt.Errorf("take the run directory: %w", err)
			}
			return nil
		case joined && n > 0:
			return nil
		}
		// Another is just about to write.
		if joined {
			_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (i installation) ownerFile() string { return filepath.Join(i.runDir(), "owner") }

// openInstallation reads the installation of a data directory, and makes both
// where there are none.
func openInstallation(ctx context.Context, data string) (installation, error) {
	// Sessions' user ids pass through to their volumes: searchable, not readable.
	if err := os.MkdirAll(data, 0o711); err != nil {
		return installation{}, fmt.Errorf("make the data directory: %w", err)
	}
	if err := os.Chmod(data, 0o711); err != nil { // what umask took
		return installation{}, fmt.Errorf("open the data directory: %w", err)
	}
	found, err := readInstallation(data)
	if !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	subnet, err := network.FreeSubnet(ctx)
	if err != nil {
		return installation{}, fmt.Errorf("find addresses for sessions: %w", err)
	}
	made := installation{ID: strings.ToLower(rand.Text()[:8]), Secret: make([]byte, 32), Subnet: subnet}
	if _, err := rand.Read(made.Secret); err != nil {
		return installation{}, err
	}
	text, err := json.Marshal(made)
	if err != nil {
		return installation{}, err
	}
	file := filepath.Join(data, "installation.json")
	mine := file + "." + made.ID
	if err := writeFile(mine, append(text, '\n')); err != nil {
		return installation{}, err
	}
	defer func() { _ = os.Remove(mine) }()
	if err := os.Link(mine, file); err != nil && !errors.Is(err, fs.ErrExist) { // another server starts just now, too
		return installation{}, fmt.Errorf("write %s: %w", file, err)
	}
	return readInstallation(data)
}

func readInstallation(data string) (installation, error) {
	file := filepath.Join(data, "installation.json")
	text, err := os.ReadFile(file)
	if err != nil {
		return installation{}, fmt.Errorf("read the installation: %w", err)
	}
	var i installation
	if err := json.Unmarshal(text, &i); err != nil || len(i.ID) != 8 || len(i.Secret) != 32 {
		return installation{}, fmt.Errorf("%s is damaged: bring it back from a copy, for it holds the key to the stored secrets", file)
	}
	return i, nil
}

// unfinished is what a file is called until all of it is there.
const unfinished = ".new-*"

// writesIn are the directories in which servers write such files.
func (i installation) writesIn(data string) []string {
	return []string{data, serversDir(data), i.runDir()}
}

// sweepUnfinished removes what servers that were killed have left unfinished in the
// directories, unless it is younger than age: another server may be at it.
func sweepUnfinished(age time.Duration, dirs ...string) error {
	for _, dir := range dirs {
		left, err := filepath.Glob(filepath.Join(dir, unfinished))
		if err != nil {
			return err
		}
		for _, path := range left {
			info, err := os.Lstat(path)
			if err == nil && time.Since(info.ModTime()) >= age {
				err = os.Remove(path)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("clear away what was left unfinished: %w", err)
			}
		}
	}
	return nil
}

// writeFile puts text into the file, whole or not at all, readable by its owner only.
func writeFile(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), unfinished)
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already after the rename
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
