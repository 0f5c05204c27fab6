package x11_test

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/BurntSushi/xgb"
	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/streamer/x11"
)

// serve connects to an X server whose answers to requests, by their number, are these bytes;
// after the last one it goes away, and says so, or it stays.
func serve(t *testing.T, stays bool, answers ...[]byte) (x *xgb.Conn, hangUp func(), ended <-chan struct{}) {
	t.Helper()
	t.Setenv("XAUTHORITY", "/nonexistent")
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer far.Close()
		if _, err := io.ReadFull(far, make([]byte, 12)); err != nil {
			t.Error(err)
		}
		greeting := make([]byte, 40)
		greeting[0], greeting[2], greeting[6] = 1, 11, 32/4
		binary.LittleEndian.PutUint32(greeting[16:], 0xffff)
		for _, b := range append([][]byte{greeting}, answers...) {
			if _, err := far.Write(b); err != nil {
				return
			}
		}
		if stays {
			_, _ = io.Copy(io.Discard, far)
		}
	}()
	x, hangUp, err := x11.Open(near)
	if err != nil {
		t.Fatal(err)
	}
	return x, hangUp, done
}

// within fails if do takes long.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("does not end: ", what)
	}
}

func awaitGone(t *testing.T, x *xgb.Conn) {
	t.Helper()
	within(t, "waiting for Gone", func() {
		for {
			event, _ := x.WaitForEvent()
			if _, gone := event.(x11.Gone); gone {
				return
			}
		}
	})
}

func TestRequestsAreRefusedOnceTheServerHasGone(t *testing.T) {
	x, _, _ := serve(t, false)
	awaitGone(t, x)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 6000 { // more than xgb's queues hold, or its numbers
				xproto.NoOperation(x)
				if _, err := xproto.GetInputFocus(x).Reply(); err == nil {
					t.Error("a request was answered")
					return
				}
				if err := xproto.NoOperationChecked(x).Check(); err == nil {
					t.Error("a checked request passed")
					return
				}
			}
		})
	}
	go func() {
		for {
			_, _ = x.WaitForEvent() // refused requests that nobody checks
		}
	}()
	within(t, "72,000 requests", all.Wait)
}

func TestServerGoesInTheMiddleOfAnAnswer(t *testing.T) {
	reply := make([]byte, 32)
	reply[0], reply[2], reply[4] = 1, 1, 100 // to the first request, with 400 bytes that never come
	for _, cut := range []int{0, 1, 31, 32} {
		x, _, ended := serve(t, false, reply[:cut])
		within(t, "a request", func() { _, _ = xproto.GetInputFocus(x).Reply() })
		<-ended
		awaitGone(t, x)
		if _, err := xproto.GetInputFocus(x).Reply(); err == nil {
			t.Errorf("after %d bytes of an answer, the next request was answered", cut)
		}
	}
}

func TestHangUp(t *testing.T) {
	x, hangUp, _ := serve(t, true)
	hangUp()
	hangUp()
	awaitGone(t, x)
	if err := xproto.NoOperationChecked(x).Check(); err == nil {
		t.Error("a request passed after hanging up")
	}
}

func TestNoServer(t *testing.T) {
	t.Setenv("XAUTHORITY", "/nonexistent")
	if _, _, err := x11.Dial(t.Context(), ":65000"); err == nil {
		t.Error("connected to a display that is not there")
	}
	near, far := net.Pipe()
	_ = far.Close()
	if _, _, err := x11.Open(near); err == nil {
		t.Error("opened a connection that has ended")
	}
}
