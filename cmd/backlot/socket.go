package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// streamerSocket is where streamers dial. It is made anew when somebody has
// removed it, or else no desktop would ever come up again.
type streamerSocket struct {
	dir string
	log *slog.Logger

	mu     sync.Mutex
	on     *net.UnixListener
	file   fs.FileInfo
	closed bool
}

func openStreamerSocket(ctx context.Context, dir string, log *slog.Logger) (*streamerSocket, error) {
	s := &streamerSocket{dir: dir, log: log}
	if err := s.listen(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *streamerSocket) path() string { return filepath.Join(s.dir, "streamer.sock") }

// listen makes the socket, in the place of what is there. Streamers have its
// directory, so that they find the new one; any of them may dial, and shows who it is.
func (s *streamerSocket) listen(ctx context.Context) error {
	if err := os.MkdirAll(s.dir, 0o711); err != nil {
		return fmt.Errorf("make the streamers' socket: %w", err)
	}
	if err := os.Remove(s.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make the streamers' socket: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", s.path())
	if err != nil {
		return fmt.Errorf("make the streamers' socket: %w", err)
	}
	err = os.Chmod(s.path(), 0o666)
	file, statErr := os.Lstat(s.path())
	if err := errors.Join(err, statErr); err != nil {
		return errors.Join(fmt.Errorf("make the streamers' socket: %w", err), l.Close())
	}
	s.on, s.file = l.(*net.UnixListener), file
	return nil
}

// watch looks now and then whether the socket is there, until ctx ends. One that
// another server has made meanwhile is left to it.
func (s *streamerSocket) watch(ctx context.Context, every time.Duration, ours func() bool) error {
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		if s.there() || !ours() {
			continue
		}
		if err := s.renew(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "the streamers' socket is gone, and cannot be made anew", "path", s.path(), "err", err)
		}
	}
}

func (s *streamerSocket) renew(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	old := s.on
	if err := s.listen(ctx); err != nil {
		return err
	}
	s.log.WarnContext(ctx, "somebody had removed the streamers' socket; it is made anew", "path", s.path())
	old.SetUnlinkOnClose(false) // the name is the new one's
	return old.Close()
}

// there tells whether streamers find this socket.
func (s *streamerSocket) there() bool {
	there, err := os.Lstat(s.path())
	return err == nil && os.SameFile(there, s.file)
}

// Accept goes on with the new socket when the old one was removed.
func (s *streamerSocket) Accept() (net.Conn, error) {
	for {
		s.mu.Lock()
		on := s.on
		s.mu.Unlock()
		conn, err := on.Accept()
		if !errors.Is(err, net.ErrClosed) {
			return conn, err
		}
		s.mu.Lock()
		over := s.closed || s.on == on
		s.mu.Unlock()
		if over {
			return nil, err
		}
	}
}

// Close ends listening.
func (s *streamerSocket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.on.SetUnlinkOnClose(s.there())
	return s.on.Close()
}

// Addr is the socket's path.
func (s *streamerSocket) Addr() net.Addr { return &net.UnixAddr{Name: s.path(), Net: "unix"} }
