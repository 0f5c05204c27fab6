//go:build linux

package streamer

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

const (
	firstPause = 50 * time.Millisecond
	// A gateway that starts again is found this quickly.
	absentPause = 250 * time.Millisecond
	// A gateway that refuses us, or cannot read us, is not asked more often.
	refusedPause = 2 * time.Second
	// helloTimeout bounds the handshake, sendTimeout one message to a gateway
	// that has stopped reading.
	helloTimeout = 10 * time.Second
	sendTimeout  = 10 * time.Second
	// lookEvery is the time between two looks whether another gateway has come.
	lookEvery = time.Second
)

// link keeps a connection to the gateway.
type link struct {
	socket, credentialFile, session string
	log                             *slog.Logger

	mu   sync.Mutex
	sock net.Conn // nil while there is no gateway
	conn *wire.Conn
}

// peer is what a link talks for.
type peer interface {
	// connected is called when a gateway is there, handle for each of its
	// messages, disconnected when it is gone.
	connected(ctx context.Context)
	handle(m wire.Message)
	disconnected()
}

func newLink(c Config) *link {
	return &link{socket: c.Socket, credentialFile: c.CredentialFile, session: c.Session, log: c.Log}
}

// send sends a message if there is a gateway. A connection that cannot carry it
// is given up: run makes another.
func (l *link) send(m wire.Message) {
	l.mu.Lock()
	sock, conn := l.sock, l.conn
	l.mu.Unlock()
	if conn == nil {
		return
	}
	err := sock.SetWriteDeadline(time.Now().Add(sendTimeout))
	if err == nil {
		err = conn.WriteMessage(m)
	}
	if err != nil {
		_ = sock.Close()
	}
}

// run connects, again and again, until ctx ends.
func (l *link) run(ctx context.Context, p peer) error {
	pause := firstPause
	for {
		limit := absentPause
		at, _ := os.Stat(l.socket) // before: at worst one connection more is made
		sock, err := new(net.Dialer).DialContext(ctx, "unix", l.socket)
		if err == nil {
			stop := l.leaveWhenReplaced(ctx, sock, at)
			welcome, err := l.converse(ctx, sock, p)
			stop()
			l.log.WarnContext(ctx, "gateway has gone", "welcome", welcome, "err", err)
			if limit = refusedPause; welcome {
				pause = firstPause
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, limit)
	}
}

// leaveWhenReplaced ends the connection when another gateway listens in the place
// of the one it was made to, which may be frozen and not say so.
func (l *link) leaveWhenReplaced(ctx context.Context, sock net.Conn, at os.FileInfo) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
			if now, err := os.Stat(l.socket); err == nil && (at == nil || !os.SameFile(at, now)) {
				_ = sock.Close()
				return
			}
		}
	}()
	return cancel
}

// converse talks over a new connection until it ends, and says whether the
// gateway welcomed us.
func (l *link) converse(ctx context.Context, sock net.Conn, p peer) (welcome bool, err error) {
	defer sock.Close()
	defer context.AfterFunc(ctx, func() { _ = sock.Close() })()
	conn := wire.NewConn(sock)
	if err := l.greet(sock, conn); err != nil {
		return false, err
	}
	l.log.InfoContext(ctx, "gateway is there")
	l.attach(sock, conn)
	ctx, cancel := context.WithCancel(ctx)
	p.connected(ctx)
	defer func() {
		cancel()
		l.attach(nil, nil)
		p.disconnected()
	}()
	for {
		m, err := conn.ReadMessage()
		if err != nil {
			return true, err
		}
		p.handle(m)
	}
}

func (l *link) greet(sock net.Conn, conn *wire.Conn) error {
	credential, err := os.ReadFile(l.credentialFile)
	if err != nil {
		return fmt.Errorf("read credential: %w", err)
	}
	credential = bytes.TrimSpace(credential)
	if len(credential) > wire.MaxText || len(l.session) > wire.MaxText {
		return fmt.Errorf("credential of %d bytes, session of %d, want at most %d", len(credential), len(l.session), wire.MaxText)
	}
	if err := sock.SetDeadline(time.Now().Add(helloTimeout)); err != nil {
		return err
	}
	err = conn.WriteMessage(wire.Hello{
		Lowest: wire.LowestVersion, Highest: wire.HighestVersion,
		Session: l.session, Credential: string(credential),
	})
	if err != nil {
		return err
	}
	m, err := conn.ReadMessage()
	if err != nil {
		return err
	}
	w, ok := m.(wire.Welcome)
	if !ok || w.Version < wire.LowestVersion || w.Version > wire.HighestVersion {
		return fmt.Errorf("gateway answered %T, want a welcome in version %d to %d", m, wire.LowestVersion, wire.HighestVersion)
	}
	return sock.SetDeadline(time.Time{})
}

func (l *link) attach(sock net.Conn, conn *wire.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sock, l.conn = sock, conn
}
