package gateway

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/wire"
)

// picture is an access unit of one small slice.
func picture(key bool, at time.Duration) wire.Video {
	return wire.Video{Key: key, CapturedMicros: uint64(at.Microseconds()), Width: 640, Height: 360, Data: []byte{0, 0, 1, 0x65, 1}}
}

func TestSlowViewerLosesFramesAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, st := attached(t)
		join := func(write func(uint32)) (*viewer, func() int) {
			v := newViewer(wire.Resize{}, newRoad(time.Now()))
			got := 0
			v.send = func([]byte) error { return nil }
			v.write = func(_ []byte, at uint32, _ bool) error {
				write(at)
				got++
				return nil
			}
			s.join(v)
			s.watches(v, v.road)
			go v.pump(v, s)
			t.Cleanup(func() { v.end(byeLeft) })
			return v, func() int {
				synctest.Wait()
				return got
			}
		}
		stuck := make(chan struct{})
		_, fast := join(func(uint32) {})
		slowViewer, slow := join(func(uint32) { <-stuck })
		const frames = 100
		var at time.Duration
		show := func(key bool) {
			at += time.Second / 60
			time.Sleep(time.Second / 60)
			s.video(st, picture(key, at))
		}
		for i := range frames {
			show(i == 0)
		}
		if got := fast(); got != frames {
			t.Errorf("the fast one got %d frames, want %d", got, frames)
		}
		if got := slow(); got != 0 {
			t.Errorf("the slow one got %d frames, want none", got)
		}
		asked := func() (n int) {
			for len(st.out) > 0 {
				switch m := (<-st.out).(type) {
				case wire.KeyFrame:
					n++
				case wire.Hold:
					if m.On {
						t.Error("the fast one waits for the slow one")
					}
				}
			}
			return n
		}
		if n := asked(); n > 0 {
			t.Errorf("asked %d times for a key frame that nobody has room for", n)
		}

		close(stuck)
		if got := slow(); got != queuedFrames+1 {
			t.Errorf("the slow one got %d frames, want the %d it had room for", got, queuedFrames+1)
		}
		if n := asked(); n != 1 {
			t.Errorf("asked %d times for a key frame, want once", n)
		}
		show(false)
		if got := slow(); got != queuedFrames+1 {
			t.Error("the slow one got a frame that it can make nothing of")
		}
		show(true)
		show(false)
		if got := slow(); got != queuedFrames+3 {
			t.Errorf("the slow one got %d frames, want %d", got, queuedFrames+3)
		}
		s.part(slowViewer)
	})
}

func TestHungStreamerIsDropped(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer far.Close()
	s := newSession().screens[0]
	s.attach(&streamer{conn: near, out: make(chan wire.Message, queuedMessages)})
	v := newViewer(wire.Resize{}, newRoad(time.Now()))
	v.control = true
	v.send = func([]byte) error { return nil }
	s.join(v)
	s.talks(v, v.road)
	for range queuedMessages + 1 {
		s.input(v, wire.Wheel{DY: 1})
	}
	if _, err := far.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}

// A road may end before its viewer has parted: nobody watches from then on.
func TestLostRoadWatchesNoMore(t *testing.T) {
	t.Parallel()
	st := &streamer{out: make(chan wire.Message, queuedMessages)}
	s := newSession().screens[0]
	s.attach(st)
	v := newViewer(wire.Resize{}, newRoad(time.Now()))
	v.send = func([]byte) error { return nil }
	s.join(v)
	s.watches(v, v.road)
	s.lost(v, v.road)
	s.part(v)
	var told []wire.Message
	for len(st.out) > 0 {
		if w, ok := (<-st.out).(wire.Watch); ok {
			told = append(told, w)
		}
	}
	if diff := cmp.Diff([]wire.Message{wire.Watch{On: true}, wire.Watch{On: false}}, told); diff != "" {
		t.Errorf("the streamer is told (-want +got):\n%s", diff)
	}
}

func TestHandsHoldOnlySoMuch(t *testing.T) {
	t.Parallel()
	v := newViewer(wire.Resize{}, newRoad(time.Now()))
	for code := range uint16(heldKeys) {
		if !v.hold(wire.Key{Code: code + 1, Down: true}) {
			t.Fatalf("key %d is too much", code)
		}
	}
	if v.hold(wire.Key{Code: 200, Down: true}) {
		t.Error("one more is not too much")
	}
	if !v.hold(wire.Key{Code: 1, Keysym: 'x'}) || len(v.held) != heldKeys-1 {
		t.Error("a key with a code is not known by it alone")
	}
}
