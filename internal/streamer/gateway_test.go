package streamer_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

const (
	testSession    = "session-1"
	testCredential = "open sesame"
)

// gateway is the streamer's other side.
type gateway struct {
	t        testing.TB
	socket   string
	listener net.Listener
	sock     net.Conn
	conn     *wire.Conn
	messages chan wire.Message // of the present connection, closed with it
	video    []wire.Video      // all that await has seen since the connection
	streamer *exec.Cmd
	exited   chan error
	pipes    atomic.Pointer[wire.Pipes] // where messages about pipes go
}

// startStreamer starts a streamer and waits for its Hello.
func startStreamer(t testing.TB, s *xserver, env ...string) *gateway {
	t.Helper()
	dir := openDir(t)
	g := &gateway{t: t, socket: filepath.Join(dir, "socket"), exited: make(chan error, 1)}
	g.listen()
	credential := filepath.Join(dir, "credential")
	if err := os.WriteFile(credential, []byte(testCredential+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	g.streamer = exec.CommandContext(t.Context(), "/proc/self/exe")
	g.streamer.Env = append(os.Environ(), "DISPLAY="+s.display, "BACKLOT_STREAMER_SOCKET="+g.socket,
		"BACKLOT_STREAMER_CREDENTIAL_FILE="+credential, "BACKLOT_STREAMER_SESSION="+testSession, "BACKLOT_STREAMER_INPUT="+s.input)
	g.streamer.Env = append(g.streamer.Env, env...)
	if os.Getuid() == 0 {
		// It needs no rights and no network.
		g.streamer.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWNET,
			Credential: &syscall.Credential{Uid: streamerID, Gid: streamerID},
		}
	}
	output := &log{t: t, name: "streamer"}
	g.streamer.Stdout, g.streamer.Stderr = output, output
	if err := g.streamer.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		g.exited <- g.streamer.Wait()
		close(done)
	}()
	t.Cleanup(func() {
		_ = g.streamer.Process.Kill()
		<-done
	})
	g.accept()
	return g
}

// kill ends the streamer as a crash does.
func (g *gateway) kill() {
	g.t.Helper()
	if err := g.streamer.Process.Kill(); err != nil {
		g.t.Fatal(err)
	}
	<-g.exited
}

func (g *gateway) listen() {
	g.t.Helper()
	var err error
	if g.listener, err = new(net.ListenConfig).Listen(g.t.Context(), "unix", g.socket); err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = g.listener.Close() })
	if err := os.Chmod(g.socket, 0o777); err != nil {
		g.t.Fatal(err)
	}
}

// next takes the streamer's next connection.
func (g *gateway) next() net.Conn {
	g.t.Helper()
	if err := g.listener.(*net.UnixListener).SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		g.t.Fatal(err)
	}
	sock, err := g.listener.Accept()
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = sock.Close() })
	return sock
}

// accept takes the streamer's next connection and welcomes it.
func (g *gateway) accept() {
	g.t.Helper()
	sock := g.next()
	g.sock, g.conn, g.video = sock, wire.NewConn(sock), nil
	m, err := g.conn.ReadMessage()
	if err != nil {
		g.t.Fatal(err)
	}
	if h := m.(wire.Hello); h.Session != testSession || h.Credential != testCredential {
		g.t.Fatalf("hello from %q with %q", h.Session, h.Credential)
	}
	g.send(wire.Welcome{Version: 1})
	messages := make(chan wire.Message, 10_000)
	g.messages = messages
	conn := g.conn
	go func() {
		defer close(messages)
		for {
			m, err := conn.ReadMessage()
			if err != nil {
				return
			}
			switch v := m.(type) {
			case wire.Video:
				v.Data = slices.Clone(v.Data)
				m = v
			case wire.Monitor:
				if video, ok := v.Message.(wire.Video); ok {
					video.Data = slices.Clone(video.Data)
					v.Message = video
					m = v
				}
			case wire.Cursor:
				v.Pixels = slices.Clone(v.Pixels)
				m = v
			case wire.PipeData, wire.PipeRoom, wire.PipeEnd:
				if err := g.pipes.Load().Handle(m); err != nil {
					g.t.Error(err)
				}
				continue
			}
			messages <- m
		}
	}()
}

func (g *gateway) send(all ...wire.Message) {
	g.t.Helper()
	for _, m := range all {
		if err := g.conn.WriteMessage(m); err != nil {
			g.t.Fatal(err)
		}
	}
}

// await returns the next message of type M that suits.
func await[M wire.Message](g *gateway, what string, suits func(M) bool) M {
	g.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case m, ok := <-g.messages:
			if !ok {
				g.t.Fatalf("the connection ends before: %s", what)
			}
			if v, ok := m.(wire.Video); ok {
				g.video = append(g.video, v)
			}
			if m, ok := m.(M); ok && suits(m) {
				return m
			}
		case <-deadline:
			g.t.Fatalf("it never comes: %s", what)
		}
	}
}

func anyOf[M wire.Message](M) bool { return true }

// still waits until the picture has come to rest: nothing but frames that say nothing.
func (g *gateway) still() {
	g.t.Helper()
	last := uint64(0)
	await(g, "two frames of a still picture a second apart", func(v wire.Video) bool {
		gap := v.CapturedMicros - last
		last = v.CapturedMicros
		return len(g.video) > 1 && gap > 900_000 && len(v.Data) < 100
	})
}
