package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/wire"
)

func TestICEOverTCP(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	p := s.newPage(ask{Ticket: ticket, only: "tcp"})
	p.keyFrame(t)
	p.send(t, wire.Key{Code: 30, Down: true})
	d.expectMessage(t, wire.Key{Code: 30, Down: true})
}

func TestSplit(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web, media := gateway.Split(ln)
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
		ReadHeaderTimeout: 300 * time.Millisecond,
	}
	go func() { _ = server.Serve(web) }()
	defer server.Close()
	dial := func(say string) net.Conn {
		t.Helper()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(say)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	ends := func(what string, conn net.Conn) {
		t.Helper()
		if _, err := io.ReadAll(conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: %v; want the end", what, err)
		}
	}

	head := "\x00\x1c\x00\x01\x00\x08\x21\x12\xa4\x42"
	stun := dial(head[:3])
	silent, slow, odd := dial(""), dial(head[:4]), dial("\x00\x1c\x00\x02\x00\x08\x21\x12\xa4\x42")

	response, err := http.ReadResponse(bufio.NewReader(dial("GET / HTTP/1.0\r\n\r\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusTeapot {
		t.Errorf("HTTP is answered with %s", response.Status)
	}

	if _, err := stun.Write([]byte(head[3:] + "rest")); err != nil {
		t.Fatal(err)
	}
	conn, err := media.Accept()
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond) // web would have closed it by now
	got := make([]byte, len(head)+4)
	for n := 0; n < len(got); {
		more, err := conn.Read(got[n:])
		if err != nil {
			t.Fatalf("after %q: %v", got[:n], err)
		}
		n += more
	}
	if string(got) != head+"rest" {
		t.Errorf("media get %q", got)
	}
	ends("silent", silent)
	ends("slow", slow)
	ends("neither", odd)
	_ = media.Close()
	ends("no media", dial(head))
}

// TestStuckMedia: who takes nothing any more is given up, however many write to him.
func TestStuckMedia(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web, media := gateway.Split(ln)
	server := &http.Server{ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(web) }()
	defer server.Close()
	page, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	if _, err := page.Write([]byte("\x00\x1c\x00\x01\x00\x08\x21\x12\xa4\x42")); err != nil {
		t.Fatal(err)
	}
	conn, err := media.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	given := make(chan error, 16)
	for range cap(given) {
		go func() {
			for {
				if _, err := conn.Write(make([]byte, 1200)); err != nil {
					given <- err
					return
				}
				time.Sleep(10 * time.Millisecond) // as sound comes
			}
		}()
	}
	for range cap(given) {
		select {
		case <-given:
		case <-time.After(patience):
			t.Fatal("still waits for who takes nothing")
		}
	}
}
