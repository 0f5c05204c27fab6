package streamer_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// quietly is what outlives a single input, which may log nothing by what made it. It keeps
// the last words.
type quietly struct {
	*testing.F
	mu    sync.Mutex
	words []byte
}

func (*quietly) Helper()             {}
func (*quietly) Logf(string, ...any) {}
func (q *quietly) Output() io.Writer { return q }

func (q *quietly) Write(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.words = append(q.words, b...)
	q.words = q.words[max(0, len(q.words)-8<<10):]
	return len(b), nil
}

func (q *quietly) last() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	return bytes.Clone(q.words)
}

// FuzzGateway: whatever a gateway says that is a message, in whatever order, the streamer
// of a real X server lives on and answers.
func FuzzGateway(f *testing.F) {
	seed := func(all ...wire.Message) {
		var b []byte
		for _, m := range all {
			body := wire.Append(nil, m)
			b = append(append(b, byte(len(body))), body...)
		}
		f.Add(b)
	}
	seed(watch(true), wire.KeyFrame{}, wire.Rate{BitsPerSecond: 1, FramesPerSecond: 1}, wire.Hold{On: true}, wire.Hold{}, watch(false))
	seed(wire.Resize{Width: 640, Height: 360}, watch(true), wire.Format{FullColour: true}, wire.Main{On: true}, wire.Keep{What: wire.KeepFrames}, wire.Exact{}, wire.Format{})
	seed(wire.Key{Code: 30, Down: true}, wire.Key{Keysym: 0x1f600, Down: true}, wire.Button{Button: 255, Down: true}, wire.Wheel{}, wire.Motion{DX: -1}, wire.Pointer{X: -1, Y: 32767}, wire.Pen{Samples: make([]wire.PenSample, 2)}, wire.Locks{}, wire.ReleaseAll{})
	seed(wire.Layout{Name: "de", Variant: "nodeadkeys"}, wire.Scale{Percent: 200}, wire.Listen{On: true}, wire.Microphone{Data: []byte{0xfc, 1}})
	seed(wire.PipeOpen{Pipe: 1}, wire.PipeOpen{Pipe: 1}, wire.PipeData{Pipe: 1, Data: []byte("GET")}, wire.PipeRoom{Pipe: 1, Bytes: 1 << 31}, wire.PipeEnd{Pipe: 1}, wire.PipeEnd{Pipe: 7})
	seed(of(2, wire.Resize{Width: 640, Height: 360}), of(2, watch(true)), of(3, wire.Resize{Width: 320, Height: 200}), of(3, watch(true)), of(2, wire.Pointer{X: -1}), of(2, wire.Pen{Samples: make([]wire.PenSample, 1)}), of(2, wire.Unplug{}), wire.Unplug{})
	seed(wire.Hello{}, wire.Welcome{}, wire.Ready{}, wire.Stats{})

	q := &quietly{F: f}
	x := startX(q)
	x.manage(q)
	g := startStreamer(q, x, "BACKLOT_STREAMER_CLIPBOARD=1")
	sock, conn := g.sock, g.conn
	_ = sock.Close() // another reads what comes there
	sock = nil
	connect := func(t *testing.T) {
		t.Helper()
		if err := g.listener.(*net.UnixListener).SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		var err error
		if sock, err = g.listener.Accept(); err != nil {
			t.Fatalf("the streamer does not come back: %v\n%s", err, q.last())
		}
		conn = wire.NewConn(sock)
		if _, err := conn.ReadMessage(); err != nil {
			t.Fatal(err)
		}
		if err := conn.WriteMessage(wire.Welcome{Version: wire.HighestVersion}); err != nil {
			t.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		if sock == nil {
			connect(t)
		}
		if err := sock.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		err := say(conn, said)
		for err == nil {
			var m wire.Message
			if m, err = conn.ReadMessage(); m == (wire.Pong{}) {
				break
			}
		}
		select {
		case err := <-g.exited:
			t.Fatalf("the streamer has ended: %v\n%s", err, q.last())
		default:
		}
		if isTimeout(err) {
			t.Fatalf("the streamer does not answer\n%s", q.last())
		}
		if err != nil { // it does not speak with a gateway like this any more
			_ = sock.Close()
			sock = nil
		}
	})
}

// say sends the messages in said, and asks for an answer.
func say(conn *wire.Conn, said []byte) error {
	for len(said) > 0 {
		length := min(int(said[0]), len(said)-1)
		m, err := wire.Decode(said[1 : 1+length])
		said = said[1+length:]
		sized := m
		if monitor, ok := m.(wire.Monitor); ok {
			sized = monitor.Message
		}
		if size, ok := sized.(wire.Resize); err != nil || ok && int(size.Width)*int(size.Height) > 2000*2000 {
			continue // not a message, or one that only takes time
		}
		if err := conn.WriteMessage(m); err != nil {
			return err
		}
	}
	return conn.WriteMessage(wire.Ping{})
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error) //nolint:errorlint // as it comes from the connection
	return ok && timeout.Timeout()
}
