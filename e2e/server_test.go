package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var binDir string

// TestMain builds the programs, so that `go test ./e2e` tests what is in the tree.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "backlot-e2e-")
	if err != nil {
		panic(err)
	}
	binDir = dir
	for program, cgo := range map[string]string{"backlot": "0", "backlot-streamer": "1"} {
		build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-o", dir+"/", "../cmd/"+program)
		build.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		if out, err := build.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("build %s: %v\n%s", program, err, out))
		}
	}
	driver := exec.CommandContext(context.Background(), "../scripts/pen-driver", filepath.Join(dir, "backlotpen_drv.so"))
	if out, err := driver.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build the driver for pens: %v\n%s", err, out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// server is one installation, and its serve process while that runs.
type server struct {
	t      testing.TB
	data   string
	config string            // its file; empty: none
	bin    string            // where its programs are
	with   []string          // what its environment has besides ours
	args   []string          // those of serve besides
	env    map[string]string // what dev.env says
	cmd    *exec.Cmd
	done   chan struct{}
	log    *logBuffer
}

// newServer starts a server on a data directory of its own; at the end of the
// test it and all of its installation is taken down.
func newServer(t testing.TB) *server {
	t.Helper()
	return newServerWith(t, "")
}

// newServerWith is newServer with a configuration file, and arguments of serve.
func newServerWith(t testing.TB, config string, args ...string) *server {
	t.Helper()
	if testing.Short() {
		t.Skip("needs minutes, and is about programs that are built without the race detector")
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, for sandboxes")
	}
	s := &server{t: t, data: filepath.Join(t.TempDir(), "data"), config: config, args: args, bin: binDir, log: &logBuffer{}}
	s.open()
	return s
}

// open starts a new server, which ends with the test.
func (s *server) open() {
	t := s.t
	t.Helper()
	t.Cleanup(func() {
		s.kill(syscall.SIGTERM)
		s.down()
		if t.Failed() {
			t.Logf("log of the server:\n%s", s.log.tail(200))
		}
	})
	s.start()
}

// start runs serve on the data directory and waits for its dev.env.
func (s *server) start() {
	s.t.Helper()
	file := filepath.Join(s.data, "dev.env")
	before, err := os.Stat(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	listen := "127.0.0.1:0"
	if s.env != nil { // pages and clients know the port
		listen = regexp.MustCompile("^https?://").ReplaceAllString(s.env["AWS_ENDPOINT_URL"], "")
	}
	args := append([]string{"serve", "--dev", "--data", s.data, "--listen", listen}, s.args...)
	if s.env != nil {
		args = append(args, "--listen", listen) // the same as before, whatever was asked for
	}
	if s.config != "" {
		args = append(args, "--config", s.config)
	}
	s.cmd = exec.CommandContext(context.Background(), filepath.Join(s.bin, "backlot"), args...)
	s.cmd.Env = append(os.Environ(), s.with...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait() // how it ended is told by what asked for it
		close(done)
	}(s.cmd, s.done)
	deadline := time.After(60 * time.Second)
	for {
		now, err := os.Stat(file)
		if err == nil && !os.SameFile(before, now) {
			text, err := os.ReadFile(file)
			if err != nil {
				s.t.Fatal(err)
			}
			s.env = parseEnv(text)
			return
		}
		select {
		case <-s.done:
			s.t.Fatalf("serve ended at once:\n%s", s.log.tail(50))
		case <-deadline:
			s.t.Fatalf("serve does not answer:\n%s", s.log.tail(50))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// kill ends the serve process by the signal and waits until it is gone.
func (s *server) kill(sig syscall.Signal) {
	select {
	case <-s.done:
		return
	default:
	}
	_ = s.cmd.Process.Signal(sig)
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
		s.t.Errorf("serve did not end by %s", sig)
	}
}

func (s *server) down() {
	s.t.Helper()
	args := []string{"down", "--data", s.data}
	if s.config != "" {
		args = append(args, "--config", s.config)
	}
	out, err := s.backlot(args...)
	if err != nil {
		s.t.Errorf("backlot down: %v\n%s", err, out)
	}
}

func (s *server) backlot(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(binDir, "backlot"), args...).CombinedOutput()
	return string(out), err
}

func parseEnv(text []byte) map[string]string {
	env := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimPrefix(lines.Text(), "export ")
		if k, v, ok := strings.Cut(line, "="); ok {
			env[k] = strings.Trim(v, `'"`)
		}
	}
	return env
}

// logBuffer keeps what the server printed.
type logBuffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Write(p)
}

func (b *logBuffer) tail(lines int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := strings.Split(strings.TrimSpace(b.bytes.String()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// eventually waits until check returns no complaint.
func eventually(t testing.TB, within time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", within, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
