package gateway_test

import (
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/backlot/backlot/internal/wire"
)

// TestStopWithoutWord: a page that has gone without a word does not hold up the end.
func TestStopWithoutWord(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	_, desktop := s.dial()
	page, _, err := websocket.Dial(t.Context(), s.public.JoinPath("stream", streamID, "connect").String(), nil) //nolint:bodyclose // Dial says it needs no closing
	if err != nil {
		t.Fatal(err)
	}
	defer page.CloseNow() //nolint:errcheck // it is closed already
	if err := wsjson.Write(t.Context(), page, map[string]string{"ticket": ticket}); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); s.logged.line("viewer disconnected") == ""; time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatal("the page may take nothing for ever")
		}
		if err := desktop.WriteMessage(wire.Cursor{Width: 64, Height: 64, Pixels: make([]byte, 4*64*64)}); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	s.kill()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the end took %v", took)
	}
}
