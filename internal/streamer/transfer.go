//go:build linux

package streamer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/backlot/backlot/internal/wire"
)

// dialFiles is how long the way to the sandbox's receiver of files may take.
const dialFiles = 5 * time.Second

// transfers serves the pipes of the gateway: clipboard and files, as far as the
// session's launch profile allows them.
type transfers struct {
	link      *link
	clipboard *clipboard // nil: forbidden
	files     string     // the socket; "": forbidden

	mu    sync.Mutex
	pipes *wire.Pipes     // of the present connection
	ctx   context.Context //nolint:containedctx // of that connection
}

// connected begins with a new connection.
func (t *transfers) connected(ctx context.Context) {
	t.mu.Lock()
	t.pipes, t.ctx = wire.NewPipes(t.link.send), ctx
	t.mu.Unlock()
}

// greet tells the gateway what there is.
func (t *transfers) greet(ctx context.Context) {
	t.link.send(wire.Allows{Clipboard: t.clipboard != nil, Upload: t.files != ""})
	if t.clipboard != nil {
		t.clipboard.announce(ctx)
	}
}

func (t *transfers) disconnected() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pipes.Close()
}

// handle takes a message about a pipe, without waiting.
func (t *transfers) handle(m wire.Message) {
	t.mu.Lock()
	pipes, ctx := t.pipes, t.ctx
	t.mu.Unlock()
	open, ok := m.(wire.PipeOpen)
	if !ok {
		if err := pipes.Handle(m); err != nil {
			pipes.Close() // such a gateway is none of ours; what else it says may be
		}
		return
	}
	p, err := pipes.Accept(open)
	if err != nil {
		return
	}
	go func() {
		defer p.Close()
		if t.serve(ctx, p, open.Use) == nil {
			_ = p.CloseWrite()
		}
	}()
}

var errForbidden = errors.New("the launch profile forbids it")

func (t *transfers) serve(ctx context.Context, p *wire.Pipe, use wire.Use) error {
	switch {
	case use == wire.UseFiles && t.files != "":
		return t.join(ctx, p)
	case use == wire.UseFiles || t.clipboard == nil:
		return errForbidden
	case use == wire.UseCopyText, use == wire.UseCopyImage:
		b, err := t.clipboard.get(ctx, use == wire.UseCopyImage)
		if err == nil {
			_, err = p.Write(b)
		}
		return err
	}
	what := content{image: use == wire.UsePasteImage}
	limit := wire.MaxClipboardText
	if what.image {
		limit = wire.MaxClipboardImage
	}
	var err error
	if what.data, err = io.ReadAll(io.LimitReader(p, int64(limit)+1)); err != nil {
		return err
	}
	switch {
	case len(what.data) > limit:
		return errLarge
	case what.image && !bytes.HasPrefix(what.data, pngMagic), !what.image && !utf8.Valid(what.data):
		return errors.New("neither a PNG nor text")
	}
	return t.clipboard.selection.put(ctx, what)
}

// join ties the pipe to the sandbox's receiver of files.
func (t *transfers) join(ctx context.Context, p *wire.Pipe) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sock, err := (&net.Dialer{Timeout: dialFiles}).DialContext(ctx, "unix", t.files)
	if err != nil {
		return err
	}
	defer sock.Close()
	defer context.AfterFunc(ctx, func() { _ = sock.Close() })()
	var up sync.WaitGroup
	up.Go(func() {
		_, err := io.Copy(sock, p)
		if unix, ok := sock.(*net.UnixConn); ok && err == nil {
			_ = unix.CloseWrite()
			return
		}
		_ = sock.Close()
	})
	if _, err = io.Copy(p, sock); err == nil {
		_ = p.CloseWrite()
	}
	_ = p.Close() // whoever still writes writes to nobody
	up.Wait()
	return err
}
