package gateway_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// clip is one of testdata, cut into access units.
func clip(t testing.TB, name string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".264"))
	if err != nil {
		t.Fatal(err)
	}
	var frames [][]byte
	shown := true // the frame so far has a slice: what is not another one begins the next
	for _, unit := range bytes.Split(b, []byte{0, 0, 1})[1:] {
		unit = bytes.TrimRight(unit, "\x00")
		kind := unit[0] & 0x1f
		slice := kind == 1 || kind == 5
		if shown && (!slice || unit[1]&0x80 != 0) { // the slice begins with macroblock 0
			frames, shown = append(frames, nil), false
		}
		last := &frames[len(frames)-1]
		*last = append(append(*last, 0, 0, 0, 1), unit...)
		shown = shown || slice
	}
	return frames
}

// desktop is a streamer of the previous version, as those are that run while a server is
// upgraded. It shows clips and remembers what it is told.
type desktop struct {
	heard chan wire.Message // all but Ping
	clips map[wire.Resize][][]byte
	stop  func()
}

var testCursor = wire.Cursor{
	Serial: 1, HotX: 1, HotY: 2, Width: 4, Height: 4, Pixels: bytes.Repeat([]byte{255, 0, 0, 255}, 16),
}

// newDesktop dials the server as a streamer does, again and again, until the test ends.
func (s *server) newDesktop() *desktop {
	d := &desktop{
		heard: make(chan wire.Message, 1<<16),
		clips: map[wire.Resize][][]byte{
			{Width: 640, Height: 360}:  clip(s.t, "640x360"),
			{Width: 1280, Height: 800}: clip(s.t, "1280x800"),
			{Width: 1280, Height: 720}: clip(s.t, "640x360"), // fewer pixels than the screen
		},
	}
	credential := s.gateway.Credential(sessionKey)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			if conn, err := (&net.Dialer{}).DialContext(ctx, "unix", s.socket); err == nil {
				d.serve(ctx, conn, credential)
				_ = conn.Close()
			}
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	d.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	s.t.Cleanup(d.stop)
	return d
}

func (d *desktop) serve(ctx context.Context, conn net.Conn, credential string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	c := wire.NewConn(conn)
	if c.WriteMessage(wire.Hello{Lowest: 1, Highest: 1, Session: sessionKey, Credential: credential}) != nil {
		return
	}
	if m, err := c.ReadMessage(); err != nil || m != (wire.Welcome{Version: 1}) {
		return
	}
	size := wire.Resize{Width: 640, Height: 360}
	_ = c.WriteMessage(wire.Ready(size))
	_ = c.WriteMessage(testCursor)
	told := make(chan wire.Message)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer cancel()
	reader.Go(func() {
		defer cancel()
		for {
			m, err := c.ReadMessage()
			if err != nil {
				return
			}
			if m == (wire.Ping{}) {
				_ = c.WriteMessage(wire.Pong{})
				continue
			}
			select {
			case d.heard <- m:
			default:
			}
			select {
			case told <- m:
			case <-ctx.Done():
				return
			}
		}
	})
	began := time.Now()
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	watched, next := false, 0
	show := func() {
		frames := d.clips[size]
		_ = c.WriteMessage(wire.Video{
			Key: next == 0, CapturedMicros: uint64(time.Since(began).Microseconds()),
			Width: size.Width, Height: size.Height, Data: frames[next],
		})
		next = (next + 1) % len(frames)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if watched {
				show()
			}
		case m := <-told:
			switch m := m.(type) {
			case wire.Watch:
				watched, next = m.On, 0
			case wire.KeyFrame:
				next = 0
				show()
			case wire.Resize:
				if d.clips[m] != nil && m != size {
					size, next = m, 0
					_ = c.WriteMessage(wire.Screen(size))
				}
			}
		}
	}
}

// expect waits for a message that the streamer is told.
func (d *desktop) expect(t testing.TB, what string, is func(wire.Message) bool) {
	t.Helper()
	late := time.After(patience)
	var seen []wire.Message
	for {
		select {
		case m := <-d.heard:
			if is(m) {
				return
			}
			seen = append(seen, m)
		case <-late:
			t.Fatalf("streamer was not told %s, only %v", what, seen)
		}
	}
}

func (d *desktop) expectMessage(t testing.TB, want wire.Message) {
	t.Helper()
	d.expect(t, "", func(m wire.Message) bool { return m == want })
}
