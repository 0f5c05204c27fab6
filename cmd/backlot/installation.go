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
	"strconv"
	"strings"
	"syscall"
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
// that would act on sessions that are not its own. Release it by ending.
func (i installation) claim(data string) (*os.File, error) {
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
	mine := fmt.Sprintf("%d:%d", of.Dev, of.Ino)
	theirs := make([]byte, 64)
	n, _ := f.ReadAt(theirs, 0)
	if n > 0 && string(theirs[:n]) != mine || unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s is a copy: its installation %s belongs to another data directory on this machine; end that one with `backlot down` first, or remove installation.json and backlot.db here", data, i.ID)
	}
	if _, err := f.WriteAt([]byte(mine), 0); err != nil {
		return nil, fmt.Errorf("take the run directory: %w", err)
	}
	return f, nil
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
	return made, writeFile(filepath.Join(data, "installation.json"), append(text, '\n'))
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

// writeFile puts text into the file, whole or not at all, readable by its owner only.
func writeFile(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*")
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

// lockData takes the data directory for this process, which others find out by
// the pid in the lock file. Release it by ending.
func lockData(data string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(data, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := takeLock(f, data); err != nil {
		_ = f.Close()
		return nil, err
	}
	if err := f.Truncate(0); err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	return f, nil
}

func takeLock(f *os.File, data string) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("data directory %s is in use by process %d: %w", data, lockHolder(f), errInUse)
	}
	return nil
}

// inUse tells who has the data directory, if it is there and somebody has it.
func inUse(data string) error {
	f, err := os.Open(filepath.Join(data, "lock"))
	if err != nil {
		return nil // nobody ever had it
	}
	defer func() { _ = f.Close() }()
	return takeLock(f, data)
}

var errInUse = errors.New("another backlot runs here")

func lockHolder(f *os.File) int {
	text := make([]byte, 20)
	n, _ := f.ReadAt(text, 0)
	pid, _ := strconv.Atoi(string(text[:n]))
	return pid
}

// endServer asks the server that has the data directory to end, and returns the
// lock once it has.
func endServer(ctx context.Context, data string) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	asked := 0
	for {
		lock, err := lockData(data)
		if !errors.Is(err, errInUse) {
			return lock, err
		}
		if f, openErr := os.Open(filepath.Join(data, "lock")); openErr == nil {
			if pid := lockHolder(f); pid > 1 && pid != asked {
				asked = pid
				_ = syscall.Kill(pid, syscall.SIGTERM) // gone already: the next turn has the lock
			}
			_ = f.Close()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the server to end: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
