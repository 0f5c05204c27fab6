package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// presence is one server of a data directory. Each has a file there, named as it
// is in leases and locked for as long as it lives, so that others know the dead
// ones from those that are only slow, or frozen.
type presence struct {
	// name is that of no other server, before or after.
	name string
	data string
	lock *os.File // on the data directory; see lockData
	file *os.File
}

var errInUse = errors.New("another backlot runs here")

// enter makes this process one of the data directory's servers: the only one, or
// one beside others that also share. Leave by ending.
func enter(data string, share bool) (*presence, error) {
	lock, err := lockData(data, share)
	if err != nil {
		return nil, err
	}
	p := &presence{name: strings.ToLower(rand.Text()[:12]), data: data, lock: lock}
	if err := p.appear(); err != nil {
		return nil, errors.Join(fmt.Errorf("enter the data directory: %w", err), lock.Close())
	}
	return p, nil
}

// appear makes the file under another name first, so that none is there unlocked.
func (p *presence) appear() error {
	if err := os.MkdirAll(serversDir(p.data), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(serversDir(p.data), unfinished)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(os.Getpid()))
	if err == nil {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(serversDir(p.data), p.name))
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	p.file = f
	return nil
}

// leave ends it.
func (p *presence) leave() error {
	return errors.Join(os.Remove(filepath.Join(serversDir(p.data), p.name)), p.file.Close(), p.lock.Close())
}

// dead finds servers other than self that ended without leaving, hands their names
// to bury, and forgets those whom it has buried.
func dead(data, self string, bury func(name string) error) error {
	entries, err := os.ReadDir(serversDir(data))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for servers that have died: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(serversDir(data), e.Name())
		f, err := os.Open(path)
		if err != nil || e.Name() == self {
			_ = f.Close()
			continue // or it has left
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && !strings.HasPrefix(e.Name(), ".") {
			if err = bury(e.Name()); err == nil {
				err = os.Remove(path)
			}
		}
		_ = f.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("take over from server %s: %w", e.Name(), err)
		}
	}
	return nil
}

// watch looks for dead servers until ctx ends, and for what they left unfinished in
// directories.
func (p *presence) watch(ctx context.Context, bury func(name string) error, log *slog.Logger, dirs ...string) error {
	for {
		if err := sweepUnfinished(time.Minute, dirs...); err != nil {
			log.WarnContext(ctx, "cannot tidy up after a server that has died", "err", err)
		}
		if err := dead(p.data, p.name, bury); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "cannot take over from a server that has died", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func serversDir(data string) string { return filepath.Join(data, "servers") }

// lockData takes the data directory: alone, or beside others that share it, too.
// Release it by ending.
func lockData(data string, share bool) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(data, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := takeLock(f, data, share); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func takeLock(f *os.File, data string, share bool) error {
	how := unix.LOCK_EX
	if share {
		how = unix.LOCK_SH
	}
	if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		return fmt.Errorf("data directory %s is in use by process %s: %w", data, strings.Join(living(data), ", "), errInUse)
	}
	return nil
}

// inUse tells who has the data directory, if it is there and somebody has it.
func inUse(data string, share bool) error {
	f, err := os.Open(filepath.Join(data, "lock"))
	if err != nil {
		return nil // nobody ever had it
	}
	defer func() { _ = f.Close() }()
	return takeLock(f, data, share)
}

// living are the process ids of the servers that run on the data directory.
func living(data string) (pids []string) {
	files, _ := filepath.Glob(filepath.Join(serversDir(data), "[^.]*"))
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			continue // it has left
		}
		if errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK) {
			if pid, err := os.ReadFile(path); err == nil {
				pids = append(pids, string(pid))
			}
		}
		_ = f.Close()
	}
	return pids
}

// serves tells whether a process is a server of the data directory, and not one
// that has its id by now.
func serves(pid int, data string) bool {
	lock, err := os.Stat(filepath.Join(data, "lock"))
	if err != nil {
		return false
	}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, f := range files {
		if open, err := os.Stat(f); err == nil && os.SameFile(lock, open) {
			return true
		}
	}
	return false
}

// endServers asks all servers of the data directory to end, and returns the lock
// once they have.
func endServers(ctx context.Context, data string) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	asked := map[string]bool{}
	for {
		lock, err := lockData(data, false)
		if !errors.Is(err, errInUse) {
			return lock, err
		}
		for _, text := range living(data) {
			if pid, err := strconv.Atoi(text); err == nil && pid > 1 && !asked[text] && serves(pid, data) {
				asked[text] = true
				_ = syscall.Kill(pid, syscall.SIGTERM) // gone already: the next turn finds out
				_ = syscall.Kill(pid, syscall.SIGCONT) // a frozen one could not hear it
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the servers to end: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
