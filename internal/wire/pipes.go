package wire

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

var (
	// ErrPipeBroken is what a pipe says whose other side gave it up.
	ErrPipeBroken = errors.New("the other side gave up")
	errPipeRules  = errors.New("pipe against the rules")
	errManyPipes  = errors.New("too many pipes are open")
)

// Pipes are those of one connection between gateway and streamer. Each is bounded
// by its window, so that nobody has to wait for who does not read.
type Pipes struct {
	// send sends a message without harm to whoever holds a lock of the caller's.
	send func(Message)

	mu     sync.Mutex
	open   map[uint16]*Pipe
	next   uint16
	closed bool
}

// NewPipes makes the pipes of a connection whose messages send takes. It is called
// by those who use a pipe, and not by Handle.
func NewPipes(send func(Message)) *Pipes {
	return &Pipes{send: send, open: map[uint16]*Pipe{}}
}

// Open opens a pipe, the gateway's right alone.
func (ps *Pipes) Open(use Use) (*Pipe, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.closed {
		return nil, net.ErrClosed
	}
	if len(ps.open) >= MaxPipes {
		return nil, errManyPipes
	}
	for ps.next++; ps.open[ps.next] != nil; ps.next++ {
	}
	p := ps.add(ps.next)
	// With the lock held: nobody can send on it before.
	ps.send(PipeOpen{p.number, use})
	return p, nil
}

// Accept makes the pipe that the other side has opened.
func (ps *Pipes) Accept(m PipeOpen) (*Pipe, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.closed {
		return nil, net.ErrClosed
	}
	if len(ps.open) >= MaxPipes || ps.open[m.Pipe] != nil {
		return nil, errPipeRules
	}
	return ps.add(m.Pipe), nil
}

func (ps *Pipes) add(number uint16) *Pipe {
	p := &Pipe{of: ps, number: number, room: PipeWindow}
	p.change.L = &p.mu
	ps.open[number] = p
	return p
}

// Handle takes PipeData, PipeRoom and PipeEnd. It does not wait, and copies what it
// keeps. An error says that the other side is not to be talked with any more.
func (ps *Pipes) Handle(m Message) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var number uint16
	switch m := m.(type) {
	case PipeData:
		number = m.Pipe
	case PipeRoom:
		number = m.Pipe
	case PipeEnd:
		number = m.Pipe
	}
	p := ps.open[number]
	if p == nil {
		return nil // it was closed here while this was on its way
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.change.Broadcast()
	switch m := m.(type) {
	case PipeData:
		if p.unread != nil {
			return nil // nobody reads it any more
		}
		if p.ended || len(p.in)+p.taken+len(m.Data) > PipeWindow {
			return errPipeRules
		}
		p.in = append(p.in, m.Data...)
	case PipeRoom:
		if p.room += int(m.Bytes); p.room > PipeWindow {
			return errPipeRules
		}
	case PipeEnd:
		if m.Broken {
			p.fail(ErrPipeBroken)
			if p.ended {
				p.unread = nil // what came was whole
			}
		}
		p.ended = true
	}
	ps.forget(p)
	return nil
}

// Close breaks all pipes: the connection is no more.
func (ps *Pipes) Close() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.closed = true
	for _, p := range ps.open {
		p.mu.Lock()
		p.fail(net.ErrClosed)
		p.change.Broadcast()
		p.mu.Unlock()
	}
	clear(ps.open)
}

// forget frees the number of a pipe that both sides have ended.
func (ps *Pipes) forget(p *Pipe) {
	if p.ended && p.finished {
		delete(ps.open, p.number)
	}
}

// Pipe is one of them. One goroutine may read while another writes.
type Pipe struct {
	of     *Pipes
	number uint16

	mu       sync.Mutex
	change   sync.Cond
	in       []byte
	taken    int  // read, and not yet told
	room     int  // what may be written
	ended    bool // the other side writes no more
	finished bool // this side writes no more
	// Why nothing is written any more, and nothing read.
	unwritten, unread error
}

func (p *Pipe) fail(err error) {
	p.unwritten, p.unread = err, err
}

// Read implements io.Reader. After the other side's CloseWrite it returns io.EOF.
func (p *Pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	for len(p.in) == 0 && p.unread == nil && !p.ended {
		p.change.Wait()
	}
	if p.unread != nil || len(p.in) == 0 {
		defer p.mu.Unlock()
		if p.unread != nil {
			return 0, p.unread
		}
		return 0, io.EOF
	}
	n := copy(b, p.in)
	if p.in = p.in[n:]; len(p.in) == 0 {
		p.in = nil
	}
	p.taken += n
	told := 0
	if p.taken >= PipeWindow/4 && !p.ended {
		told, p.taken = p.taken, 0
	}
	p.mu.Unlock()
	if told > 0 {
		p.of.send(PipeRoom{p.number, uint32(told)})
	}
	return n, nil
}

// Write implements io.Writer. It waits for room.
func (p *Pipe) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		p.mu.Lock()
		for p.room == 0 && p.unwritten == nil {
			p.change.Wait()
		}
		if p.unwritten != nil {
			defer p.mu.Unlock()
			return written, p.unwritten
		}
		n := min(len(b), p.room, PipeChunk)
		p.room -= n
		p.mu.Unlock()
		// The message may wait in a queue, and b is the caller's.
		p.of.send(PipeData{p.number, append([]byte(nil), b[:n]...)})
		written, b = written+n, b[n:]
	}
	return written, nil
}

// CloseWrite says that all is written. It may still be read.
func (p *Pipe) CloseWrite() error {
	p.finish(false)
	return nil
}

// Close gives the pipe up unless all is written and read: the other side learns
// that nothing more comes and nothing more is read.
func (p *Pipe) Close() error {
	p.mu.Lock()
	whole := p.finished && p.ended && len(p.in) == 0
	p.fail(net.ErrClosed)
	p.in = nil
	p.change.Broadcast()
	p.mu.Unlock()
	if !whole {
		p.finish(true)
	}
	return nil
}

func (p *Pipe) finish(broken bool) {
	p.of.mu.Lock()
	p.mu.Lock()
	tell := p.of.open[p.number] == p && (!p.finished || broken)
	p.finished = true
	if p.unwritten == nil {
		p.unwritten = net.ErrClosed
	}
	p.change.Broadcast()
	p.of.forget(p)
	p.mu.Unlock()
	p.of.mu.Unlock()
	if tell {
		p.of.send(PipeEnd{p.number, broken})
	}
}

// A Pipe is a net.Conn so that HTTP can be spoken through it; it has no deadlines.
var _ net.Conn = (*Pipe)(nil)

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// LocalAddr implements net.Conn.
func (p *Pipe) LocalAddr() net.Addr { return pipeAddr{} }

// RemoteAddr implements net.Conn.
func (p *Pipe) RemoteAddr() net.Addr { return pipeAddr{} }

// SetDeadline implements net.Conn, and does nothing.
func (p *Pipe) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn, and does nothing.
func (p *Pipe) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn, and does nothing.
func (p *Pipe) SetWriteDeadline(time.Time) error { return nil }
