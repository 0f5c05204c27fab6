package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// TestLog: who looked at what for how long, and never by which url.
func TestLog(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	_, c := s.dial()
	p := s.newPage(ask{Ticket: ticket})
	awaits := func(words ...string) {
		t.Helper()
		for end := time.Now().Add(patience); s.logged.line(words...) == ""; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("never logged: %q", words)
			}
		}
	}
	awaits(`msg="viewer connected"`, "session_id=session-1", "user_id=user-1", "stream_id="+streamID)
	if err := c.WriteMessage(wire.Hello{}); err != nil { // which does not belong here
		t.Fatal(err)
	}
	awaits("level=WARN", `msg="streamer dropped"`, "session_id=session-1", "session_key="+sessionKey)
	_ = p.socket.CloseNow() // alone: with the media it may be known by either
	awaits(`msg="viewer disconnected"`, "session_id=session-1", "user_id=user-1", "duration=", `reason="the page left"`)
	for _, secret := range []string{ticket, "authToken", s.gateway.Credential(sessionKey), "http://"} {
		if line := s.logged.line(secret); line != "" {
			t.Errorf("the log tells %q: %s", secret, strings.TrimSpace(line))
		}
	}
}
