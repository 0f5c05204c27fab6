package gateway_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/backlot/backlot/internal/wire"
)

// frame is a message as it goes over the stream, its length in front.
func frame(m wire.Message) []byte {
	b := wire.Append(nil, m)
	n := len(b)
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, b...)
}

func TestBadStreamers(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	good := frame(hello(s.gateway.Credential(sessionKey)))
	other := hello(s.gateway.Credential("another session"))
	future := hello(s.gateway.Credential(sessionKey))
	future.Lowest, future.Highest = 900, 901
	video := frame(wire.Video{Key: true, Width: 640, Height: 360, Data: []byte("no picture")})
	for name, b := range map[string][]byte{
		"another's credential":    frame(other),
		"no credential":           frame(hello("")),
		"a later version":         frame(future),
		"no hello":                frame(wire.Ready{Width: 640, Height: 480}),
		"a length of 4 GiB":       {255, 255, 255, 255, 1},
		"a hello that never ends": append([]byte{0, 200, 0, 0, 1}, make([]byte, 64<<10)...),
		"a page's message":        append(good, frame(wire.Key{Code: 30, Down: true})...),
		"our own message":         append(good, frame(wire.Watch{On: true})...),
		"a pipe of its own":       append(good, frame(wire.PipeOpen{Pipe: 1, Use: wire.UseFiles})...),
		"a second hello":          append(good, good...),
		"noise after hello":       append(good, 0, 0, 0, 5, 3, 9, 9, 9, 9),
		"a flood":                 append(good, []byte(strings.Repeat(string(video), 3000))...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", s.socket)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go func() { _, _ = conn.Write(b) }()
			if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
				t.Error("the connection is still open")
			}
		})
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestNoise(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	p := s.newPage(ask{Ticket: ticket})
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		b := make([]byte, random.IntN(40))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		if len(b) > 0 && wire.Type(b[0]).FromViewer() {
			b[0] = byte(wire.TypeWatch) // not for pages to say
		}
		if err := p.input.Send(b); err != nil {
			t.Fatal(err)
		}
	}
	p.send(t, wire.Key{Code: 30, Down: true})
	d.expect(t, "the key", func(m wire.Message) bool {
		if m == (wire.Watch{On: false}) {
			t.Error("a page's noise got through")
		}
		return m == (wire.Key{Code: 30, Down: true})
	})

	// What nobody's hands can do ends the connection.
	for range 20_000 {
		if p.input.Send(wire.Append(nil, wire.Pointer{X: 1})) != nil {
			break
		}
	}
	p.expectEnd(t, 4429)
}

func TestMangledOffers(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	p := s.newPage(ask{Ticket: ticket})
	offer := p.pc.LocalDescription().SDP
	random := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		lines := strings.SplitAfter(offer, "\n")
		for range 1 + random.IntN(4) {
			i, j := random.IntN(len(lines)), random.IntN(len(lines))
			switch random.IntN(3) {
			case 0:
				lines[i] = ""
			case 1:
				lines[i], lines[j] = lines[j], lines[i]
			case 2:
				lines[i] = lines[i][:random.IntN(len(lines[i])+1)] + "\n"
			}
		}
		// Let in or not: the gateway lives on.
		if p, err := s.connect(ask{Ticket: ticket, Offer: strings.Join(lines, "")}); err != nil || p != nil {
			p.close()
		}
	}
	s.newDesktop()
	p.keyFrame(t)
}

func TestBadSignalling(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	address := s.public.JoinPath("stream", streamID, "connect").String()
	for name, c := range map[string]struct {
		say  string
		want websocket.StatusCode
	}{
		"no JSON":   {"{", 4400},
		"a list":    {"[]", 4400},
		"too large": {`{"offer":"` + strings.Repeat("x", 100<<10) + `"}`, websocket.StatusMessageTooBig},
		"nesting":   {strings.Repeat("[", 60_000), 4400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket, _, err := websocket.Dial(t.Context(), address, nil) //nolint:bodyclose // Dial says it needs no closing
			if err != nil {
				t.Fatal(err)
			}
			defer socket.CloseNow() //nolint:errcheck // the test is over
			if err := socket.Write(t.Context(), websocket.MessageText, []byte(c.say)); err != nil {
				t.Fatal(err)
			}
			_, _, err = socket.Read(t.Context())
			if code := websocket.CloseStatus(err); code != c.want {
				t.Errorf("closed with %d (%v), want %d", code, err, c.want)
			}
		})
	}
	t.Run("another site", func(t *testing.T) {
		t.Parallel()
		_, response, err := websocket.Dial(t.Context(), address, &websocket.DialOptions{ //nolint:bodyclose // as above
			HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}},
		})
		if err == nil || response == nil || response.StatusCode != http.StatusForbidden {
			t.Errorf("%v, want 403", err)
		}
	})
}
