package gateway_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/wire"
)

// TestScreenThatIsNotThere: who may only watch is told so, and not kept waiting.
func TestScreenThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.studio.set(func() { s.studio.sharing = gateway.SharedToWatch })
	conn, streamer := s.dial()
	defer conn.Close()
	for _, m := range []wire.Message{wire.Ready{Width: 1280, Height: 720}, wire.Monitors{There: 1}} {
		if err := streamer.WriteMessage(m); err != nil {
			t.Fatal(err)
		}
	}
	<-s.studio.ready
	w := newWindow(t, 800, 600, "", webrtcFlags...)
	w.do(chromedp.Navigate(strings.Replace(s.guestURL(), "#", "&screen=2#", 1)))
	w.await("closed")
	w.holds(`document.title.startsWith("Closed")`)
	w.shot("screen-closed")
}
