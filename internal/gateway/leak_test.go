package gateway_test

import (
	"runtime"
	"testing"
	"time"
)

// TestNothingRunsOn is not parallel: it counts every goroutine there is.
func TestNothingRunsOn(t *testing.T) { //nolint:paralleltest // see above
	before := runtime.NumGoroutine()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	left, stays := s.newPage(ask{Ticket: ticket}), s.newPage(ask{Ticket: ticket})
	left.keyFrame(t)
	stays.keyFrame(t)
	left.close()
	if p, err := s.connect(ask{Ticket: "made-up"}); err == nil {
		t.Error("let in")
	} else {
		p.close()
	}
	s.gateway.Disconnect(sessionKey)
	stays.expectEnd(t, 4000)
	stays.close()
	d.stop()
	s.kill()
	for late := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			b := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, b[:runtime.Stack(b, true)])
		}
	}
}
