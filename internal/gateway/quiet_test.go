package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/backlot/backlot/internal/wire"
)

// TestQuietSocket: a page that acknowledges no frame is pinged until it seems to be away. One
// that does is pinged once, to know how far it is.
func TestQuietSocket(t *testing.T) {
	t.Parallel()
	for name, acknowledges := range map[string]bool{"quiet": false, "lively": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "127.0.0.1")
			d := s.newDesktop()
			pings := make(chan struct{}, 1000)
			conn, _, err := websocket.Dial(t.Context(), s.public.JoinPath("stream", streamID, "connect").String(), &websocket.DialOptions{ //nolint:bodyclose // Dial says it needs no closing
				OnPingReceived: func(context.Context, []byte) bool {
					pings <- struct{}{}
					return true
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.CloseNow() })
			if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{"ticket":"`+ticket+`"}`)); err != nil {
				t.Fatal(err)
			}
			frames := make(chan struct{}, 1000)
			go func() {
				for n := uint32(0); ; {
					_, b, err := conn.Read(context.Background())
					if err != nil {
						return
					}
					if wire.Type(b[0]) != wire.TypeVideo {
						continue
					}
					n++
					if acknowledges {
						_ = conn.Write(context.Background(), websocket.MessageBinary, wire.Append(nil, wire.Progress{Received: n, Shown: n}))
					}
					frames <- struct{}{}
				}
			}()
			for what, come := range map[string]<-chan struct{}{"frame": frames, "ping": pings} {
				select {
				case <-come:
				case <-time.After(patience):
					t.Fatalf("no %s comes", what)
				}
			}
			d.stop() // which would send frames all the time
			count := 0
			for wait := 10 * time.Second; ; wait = time.Second {
				select {
				case <-pings:
					count++
					continue
				case <-time.After(wait):
				}
				break
			}
			if acknowledges && count > 5 || !acknowledges && (count < 20 || count > 60) {
				t.Errorf("%d pings", count)
			}
		})
	}
}
