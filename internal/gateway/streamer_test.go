package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

func TestSilentStreamersAreDropped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hello, pong bool
		after       time.Duration // 0: it stays
	}{
		"no hello":          {after: helloWithin},
		"no answer to ping": {hello: true, after: aliveWithin},
		"answers":           {hello: true, pong: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				g := &Gateway{
					cfg:      Config{Secret: []byte("a secret of this test"), Log: slog.New(slog.DiscardHandler)},
					sessions: map[string]*session{},
				}
				ctx, cancel := context.WithCancel(t.Context())
				began := time.Now()
				var took time.Duration
				served := make(chan struct{})
				go func() {
					defer close(served)
					if _, err := g.serveStreamer(ctx, near); err == nil && !c.pong {
						t.Error("no error")
					}
					took = time.Since(began)
					_ = near.Close()
				}()
				if c.hello {
					w := wire.NewConn(far)
					hello := wire.Hello{Lowest: 1, Highest: 1, Session: "key", Credential: g.Credential("key")}
					if err := w.WriteMessage(hello); err != nil {
						t.Fatal(err)
					}
					go func() {
						for {
							m, err := w.ReadMessage()
							if err != nil {
								return
							}
							if c.pong && m == (wire.Ping{}) && w.WriteMessage(wire.Pong{}) != nil {
								return
							}
						}
					}()
				} else {
					go func() { _, _ = io.Copy(io.Discard, far) }()
				}
				time.Sleep(10 * aliveWithin)
				synctest.Wait()
				if c.after != 0 && took != c.after {
					t.Errorf("dropped after %v, want %v", took, c.after)
				}
				if c.after == 0 && took != 0 {
					t.Errorf("dropped after %v, want never", took)
				}
				cancel()
				_ = far.Close()
				<-served
				if len(g.sessions) > 0 {
					t.Error("the session is not forgotten")
				}
			})
		})
	}
}
