package gateway

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// saying is the connection of a streamer that says so much and ends.
type saying struct {
	net.Conn
	in io.Reader
}

func (c saying) Read(b []byte) (int, error)    { return c.in.Read(b) }
func (saying) SetReadDeadline(time.Time) error { return nil }
func (saying) Close() error                    { return nil }

// looker is a viewer whose page takes everything, by its WebSocket, and tells it to seen.
func looker(s *screen, control bool, seen func([]byte)) (*viewer, *socket) {
	t := newSocket(nil, time.Now())
	t.send = func(b []byte) error {
		seen(b)
		return nil
	}
	t.murmur = t.send
	v := newViewer(wire.Resize{}, t.road)
	v.control, v.grant.Control = control, control
	s.join(v)
	s.travel(v, t.road)
	return v, t
}

func stream(all ...wire.Message) []byte {
	var b bytes.Buffer
	c := wire.NewConn(&b)
	for _, m := range all {
		_ = c.WriteMessage(m) // a buffer takes everything
	}
	return b.Bytes()
}

// FuzzStreamer: whatever a streamer says, pages are told nothing but messages, and not more
// than it said by much.
func FuzzStreamer(f *testing.F) {
	ready := wire.Ready{Width: 640, Height: 360}
	f.Add(stream(ready, picture(true, 0), picture(false, time.Second), wire.Pong{}))
	f.Add(stream(ready, wire.Screen{Width: 320, Height: 200}, wire.Cursor{Width: 1, Height: 1, Pixels: make([]byte, 4)}))
	f.Add(stream(ready, wire.Change{CapturedMicros: 1, Areas: []wire.Area{{Width: 1, Height: 1}}}, wire.Tile{CapturedMicros: 2, Width: 640, Height: 360, Data: []byte{1}}, wire.Still{CapturedMicros: 2, Width: 640, Height: 360}))
	f.Add(stream(ready, wire.Sound{CapturedMicros: 1, Data: []byte{1, 2}}, wire.Stats{Frames: 1}, wire.Allows{Clipboard: true, Upload: true}, wire.Copied{}))
	f.Add(stream(wire.PipeOpen{Pipe: 1}, wire.PipeData{Pipe: 1, Data: []byte("x")}, wire.PipeRoom{Pipe: 1, Bytes: 1 << 30}, wire.PipeEnd{Pipe: 1}))
	f.Add(stream(ready, wire.Monitors{There: 3}, second(wire.Screen{Width: 320, Height: 200}), second(picture(true, 0)), wire.Monitors{There: 1}))
	f.Fuzz(func(t *testing.T, said []byte) {
		conn := saying{in: bytes.NewReader(said)}
		st := &streamer{conn: conn, out: make(chan wire.Message, queuedMessages)}
		st.pipes = wire.NewPipes(st.send)
		defer st.pipes.Close()
		all := newSession()
		all.attach(st)
		var told atomic.Int64
		var feeding sync.WaitGroup
		defer feeding.Wait()
		for i, control := range []bool{true, false, true} {
			s := all.screens[i/2]
			tell := func(b []byte) {
				told.Add(int64(len(b)))
				if _, err := wire.Decode(b); err != nil {
					t.Errorf("pages are told %x: %v", b, err)
				}
			}
			v, _ := looker(s, control, tell)
			defer v.end(byeLeft)
			feeding.Go(func() {
				s.feed(v, func(b []byte) error {
					tell(b)
					return nil
				})
			})
			s.input(v, wire.Taken{})
			s.input(v, wire.Listen{On: true})
			defer s.part(v)
		}
		before := told.Load()
		err := st.listen(wire.NewConn(struct {
			io.Reader
			io.Writer
		}{conn, io.Discard}), all, func() {})
		if err == nil {
			t.Error("what ends without an error?")
		}
		if more := told.Load() - before; more > 64<<10+8*int64(len(said)) {
			t.Errorf("%d bytes said, %d told", len(said), more)
		}
		all.detach(st)
	})
}

// FuzzViewer: whatever pages say, the streamer is told nothing but messages for it; who
// watches moves nothing; and nothing stays pressed that nobody holds.
func FuzzViewer(f *testing.F) {
	seed := func(all ...wire.Message) {
		var b []byte
		for i, m := range all {
			body := wire.Append(nil, m)
			b = append(append(b, byte(i%2), byte(len(body))), body...)
		}
		f.Add(b)
	}
	seed(wire.Key{Code: 30, Down: true}, wire.Key{Code: 31, Down: true}, wire.Button{Button: 1, Down: true}, wire.ReleaseAll{})
	seed(wire.Pointer{X: 1}, wire.Resize{Width: 640, Height: 360}, wire.Pen{Samples: []wire.PenSample{{}}}, wire.Motion{}, wire.Locks{})
	seed(wire.Road{Socket: true}, wire.Progress{Received: 1}, wire.Taken{Bytes: 1}, wire.Exact{}, wire.Colour{Full: true}, wire.Echo{Token: 1})
	seed(wire.Layout{Name: "de"}, wire.Microphone{Data: []byte{1}}, wire.Listen{On: true}, wire.Ask{Wish: 1}, wire.Scale{Percent: 200})
	f.Fuzz(func(t *testing.T, said []byte) {
		st := &streamer{conn: saying{}, out: make(chan wire.Message, queuedMessages)}
		s := newSession().screens[0]
		s.attach(st)
		down := map[holding]bool{}
		var speaks *viewer
		heed := func() {
			for len(st.out) > 0 {
				m := <-st.out
				if _, err := wire.Decode(wire.Append(nil, m)); err != nil {
					t.Errorf("the streamer is told %#v: %v", m, err)
				}
				switch m := m.(type) {
				case wire.Key:
					id := holding{code: m.Code}
					if m.Code == 0 {
						id.keysym = m.Keysym
					}
					down[id] = m.Down
				case wire.Button:
					down[holding{button: m.Button}] = m.Down
				case wire.Pointer, wire.Motion, wire.Wheel, wire.Pen, wire.Microphone, wire.Layout:
				default:
					continue
				}
				if speaks != nil && !speaks.control {
					t.Errorf("who watches has the streamer be told %#v", m)
				}
			}
		}
		hands, one := looker(s, true, func([]byte) {})
		eyes, other := looker(s, false, func([]byte) {})
		for len(said) >= 2 {
			who, length := said[0]%2, min(int(said[1]), len(said)-2)
			m, err := wire.DecodeViewer(said[2 : 2+length])
			said = said[2+length:]
			if err != nil {
				continue
			}
			if who == 0 {
				speaks = hands
				one.hear(hands, s, m)
			} else {
				speaks = eyes
				other.hear(eyes, s, m)
			}
			heed()
		}
		speaks = nil
		s.part(hands)
		s.part(eyes)
		heed()
		for id, is := range down {
			if is {
				t.Errorf("nobody is there, and pressed is %+v", id)
			}
		}
	})
}
