package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Conn carries messages over a stream: before each its length in four bytes,
// big-endian, the type byte counted. One goroutine may read while several write.
type Conn struct {
	in   *bufio.Reader
	body bytes.Buffer

	mu  sync.Mutex
	out io.Writer
	buf []byte
}

// NewConn makes a Conn of rw, which the caller closes.
func NewConn(rw io.ReadWriter) *Conn {
	return &Conn{in: bufio.NewReader(rw), out: rw}
}

// ReadMessage returns the next message, skipping those of unknown type. Byte
// slices in it are good until the next call. It returns io.EOF when the
// stream ends between two messages; after any error the stream is of no use.
func (c *Conn) ReadMessage() (Message, error) {
	for {
		var head [4]byte
		if _, err := io.ReadFull(c.in, head[:]); err != nil {
			return nil, err
		}
		n := binary.BigEndian.Uint32(head[:])
		if n == 0 || n > MaxMessage {
			return nil, fmt.Errorf("message of %d bytes, want 1 to %d", n, MaxMessage)
		}
		// The buffer grows with what arrives, not with what the length promises.
		c.body.Reset()
		if _, err := io.CopyN(&c.body, c.in, int64(n)); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		m, err := Decode(c.body.Bytes())
		if errors.Is(err, ErrUnknownType) {
			continue
		}
		return m, err
	}
}

// WriteMessage writes m in one Write. m may be reused as soon as it returns.
func (c *Conn) WriteMessage(m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf = Append(append(c.buf[:0], 0, 0, 0, 0), m)
	n := len(c.buf) - 4
	if n > MaxMessage {
		return fmt.Errorf("message of %d bytes, want at most %d", n, MaxMessage)
	}
	binary.BigEndian.PutUint32(c.buf, uint32(n))
	_, err := c.out.Write(c.buf)
	return err
}
