package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/pion/ice/v4"
	"golang.org/x/sys/unix"
)

const (
	// unsentBytes is how much of what is written to a TCP connection may wait in the
	// kernel: what waits there is old when it gets out.
	unsentBytes = 64 << 10
	// waitingConns is how many connections with media wait for ICE.
	waitingConns = 64
	// firstCheckWithin is how long ICE waits for what a connection with media begins with.
	firstCheckWithin = 5 * time.Second
	// stuckAfter is how long a connection with media may take nothing. A page has given
	// it up by then.
	stuckAfter = 2 * time.Second
)

// Split parts the connections of a TCP port by their first bytes: those that begin
// with a STUN binding request in a frame (RFC 4571, RFC 6544 section 3) are for
// Config.TCP, all others are accepted from web. Who reads a connection of web first
// finds out which it is, in the time that it has for that: one that says nothing
// costs no more than without Split.
func Split(ln net.Listener) (web, media net.Listener) {
	m := &mediaListener{conns: make(chan net.Conn, waitingConns), closed: make(chan struct{}), addr: ln.Addr()}
	return &webListener{ln, m}, m
}

type webListener struct {
	net.Listener
	media *mediaListener
}

func (l *webListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	hurry(conn)
	return &webConn{Conn: conn, media: l.media}, nil
}

// hurry sets a connection up for pictures: little waits in the kernel, and loss that
// is no sign of a full way does not slow it down. Where the kernel knows no BBR, or
// does not let us have it, its own way has to do. While little is under way, what is
// lost again is sent again after the same time, not after twice that each time.
func hurry(conn net.Conn) {
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	c, err := raw.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentBytes)
		_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "bbr")
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_THIN_LINEAR_TIMEOUTS, 1)
	})
}

// webConn is a connection until its first bytes show that it is none of web's. Then
// it looks as if it had ended.
type webConn struct {
	net.Conn
	media *mediaListener
	known bool // what it is; only Read looks

	mu    sync.Mutex
	taken bool // by media
}

func (c *webConn) Read(b []byte) (int, error) {
	if c.known || len(b) == 0 {
		return c.Conn.Read(b)
	}
	n, err := c.Conn.Read(b)
	if n == 0 {
		return n, err
	}
	c.known = true
	if b[0] >= maxSTUN>>8 { // neither HTTP nor TLS begins like this
		return n, err
	}
	first := bytes.Clone(b[:n])
	if missing := len(stunHead) + 2 - n; missing > 0 && err == nil {
		rest := make([]byte, missing)
		n, err = io.ReadFull(c.Conn, rest)
		first = append(first, rest[:n]...)
	}
	if err != nil || !beginsSTUN(first) {
		return 0, errors.Join(errNeither, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = true
	if err := c.SetDeadline(time.Time{}); err != nil {
		_ = c.Conn.Close()
		return 0, err
	}
	c.media.put(&mediaConn{Conn: c.Conn, in: io.MultiReader(bytes.NewReader(first), c.Conn)})
	return 0, io.EOF
}

func (c *webConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken {
		return nil
	}
	return c.Conn.Close()
}

var errNeither = errors.New("neither HTTP nor STUN")

// maxSTUN bounds the first message in bytes, as ICE does.
const maxSTUN = 512

// stunHead is how a STUN message begins that asks for a binding (RFC 8489 section 5);
// its length is left open.
var stunHead = [...]int{0, 1, -1, -1, 0x21, 0x12, 0xa4, 0x42}

// beginsSTUN says whether a frame with such a message begins here.
func beginsSTUN(b []byte) bool {
	for i, want := range stunHead {
		if want >= 0 && b[2+i] != byte(want) {
			return false
		}
	}
	return true
}

// mediaListener has the connections for ICE.
type mediaListener struct {
	conns  chan net.Conn
	addr   net.Addr
	finish sync.Once
	closed chan struct{}
}

// put never waits: ICE accepts at once, or has ended.
func (l *mediaListener) put(conn net.Conn) {
	select {
	case <-l.closed:
	default:
		select {
		case l.conns <- conn:
			return
		default:
		}
	}
	_ = conn.Close()
}

func (l *mediaListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *mediaListener) Close() error {
	l.finish.Do(func() { close(l.closed) })
	return nil
}

// Addr is every address, with the port: see mediaConn.
func (l *mediaListener) Addr() net.Addr {
	at, _ := l.addr.(*net.TCPAddr)
	if at == nil {
		return &net.TCPAddr{}
	}
	return &net.TCPAddr{Port: at.Port}
}

// mediaConn is a connection that begins with what was read of it already. It seems to
// have come to the loopback address, the only one that ICE looks at: as for udpMux,
// the true list is in the answer, see advertise.
type mediaConn struct {
	net.Conn
	in      io.Reader
	writing sync.Mutex
}

func (c *mediaConn) Read(b []byte) (int, error) { return c.in.Read(b) }

// Write waits for room, but not for somebody who has gone without a word. What was
// written in part cannot be gone on from.
func (c *mediaConn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	err := c.SetWriteDeadline(time.Now().Add(stuckAfter))
	if err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Close()
	}
	return n, err
}

func (c *mediaConn) LocalAddr() net.Addr {
	if from, ok := c.RemoteAddr().(*net.TCPAddr); ok && from.IP.To4() == nil {
		return &net.TCPAddr{IP: net.IPv6loopback}
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
}

func newTCPMux(ln net.Listener) (mux ice.TCPMux, port uint16) {
	if at, ok := ln.Addr().(*net.TCPAddr); ok {
		port = at.AddrPort().Port()
	}
	return ice.NewTCPMuxDefault(ice.TCPMuxParams{
		Listener:                     ln,
		Logger:                       quiet{}.NewLogger(""),
		ReadBufferSize:               64,
		FirstStunBindTimeout:         firstCheckWithin,
		AliveDurationForConnFromStun: firstCheckWithin,
	}), port
}
