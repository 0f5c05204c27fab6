package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestRemovedSocketComesBack: streamers that come later find a new one, those
// that are connected do not notice.
func TestRemovedSocketComesBack(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(dir string) error{
		"the socket":    func(dir string) error { return os.Remove(filepath.Join(dir, "streamer.sock")) },
		"its directory": os.RemoveAll,
		"replaced": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "streamer.sock")), os.WriteFile(filepath.Join(dir, "streamer.sock"), nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "gateway")
			var log lines
			s, err := openStreamerSocket(t.Context(), dir, slog.New(slog.NewTextHandler(&log, nil)))
			noError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			accepted := make(chan net.Conn, 8)
			var running sync.WaitGroup
			running.Go(func() { _ = s.watch(ctx, 5*time.Millisecond, func() bool { return true }) })
			running.Go(func() {
				for {
					conn, err := s.Accept()
					if err != nil {
						close(accepted)
						return
					}
					accepted <- conn
				}
			})
			dial := func() net.Conn {
				t.Helper()
				for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
					conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", filepath.Join(dir, "streamer.sock"))
					if err == nil {
						return conn
					}
					if time.Now().After(end) {
						t.Fatal(err)
					}
				}
			}
			first := dial()
			at := <-accepted
			noError(t, remove(dir))
			second := dial()
			again := <-accepted
			for _, conn := range []net.Conn{at, again} {
				_, err := conn.Write([]byte("x"))
				noError(t, err)
			}
			for _, conn := range []net.Conn{first, second} {
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					t.Error(err)
				}
				_ = conn.Close()
			}
			if !strings.Contains(log.String(), "made anew") {
				t.Errorf("logged: %s", &log)
			}
			cancel()
			noError(t, s.Close())
			running.Wait()
			if _, more := <-accepted; more {
				t.Error("somebody else connected")
			}
		})
	}
}
