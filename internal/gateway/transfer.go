package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// Clipboard and files go by requests beside a page's connection, each with the key
// that the page was told: they are large, may be slow, and nobody else waits for them.

const (
	// transfersPerViewer is how many requests one page may have under way.
	transfersPerViewer = 6
	// clipboardWithin is how long a clipboard may be on its way.
	clipboardWithin = time.Minute
)

var (
	errNoViewer  = errors.New("no page of this key is connected")
	errForbidden = errors.New("not allowed here")
	errCrowded   = errors.New("too much at once")
	errAway      = errors.New("the desktop is away")
)

// exchange is what a viewer has to do with clipboard and files. The session's lock
// guards it.
type exchange struct {
	key     string // secret
	told    bool
	allowed wire.Allows // as the page was told
	running int         // requests
}

// offers takes what st's session allows.
func (s *session) offers(st *streamer, m wire.Allows) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	s.allows = m
	for v := range s.everybody() {
		s.offer(v)
	}
}

// offer tells v what it may exchange with the desktop, if that is news.
func (s *session) offer(v *viewer) {
	if !v.talks {
		return
	}
	is := s.mayExchange(v)
	if v.told && v.allowed == is {
		return
	}
	v.told, v.allowed = true, is
	v.message(wire.Append(nil, is))
	if is.Clipboard && s.copied != nil {
		v.message(s.copied)
	}
}

// mayExchange is what the session allows those who may use their hands.
func (s *session) mayExchange(v *viewer) wire.Allows {
	if !v.control {
		return wire.Allows{}
	}
	return s.allows
}

// copies tells those who may know that something was copied in the desktop.
func (s *session) copies(st *streamer, m wire.Copied) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streamer != st {
		return
	}
	s.copied = wire.Append(nil, m)
	for v := range s.everybody() {
		if s.mayExchange(v).Clipboard {
			v.message(s.copied)
		}
	}
}

// transfer is a request of a page that is under way.
type transfer struct {
	// ctx ends with the request, and with the page's connection.
	ctx      context.Context //nolint:containedctx // a transfer is no longer than its request
	streamer *streamer
	end      func()
}

// admitTransfer finds out whose request it is and whether it may be made.
func (g *Gateway) admitTransfer(r *http.Request, may func(wire.Allows) bool) (transfer, error) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || key == "" {
		return transfer{}, errNoViewer
	}
	s, v := g.viewerOf(key)
	if v == nil {
		return transfer{}, errNoViewer
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.streamer == nil:
		return transfer{}, errAway
	case !may(s.mayExchange(v)):
		return transfer{}, errForbidden
	case v.running >= transfersPerViewer:
		return transfer{}, errCrowded
	}
	v.running++
	ctx, cancel := context.WithCancel(r.Context())
	stop := make(chan struct{})
	go func() {
		select {
		case <-v.done:
			cancel()
		case <-stop:
		}
	}()
	return transfer{ctx, s.streamer, func() {
		close(stop)
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		v.running--
	}}, nil
}

func (g *Gateway) viewerOf(key string) (*session, *viewer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.sessions {
		s.mu.Lock()
		for v := range s.everybody() {
			if same(v.key, key) {
				s.mu.Unlock()
				return s, v
			}
		}
		s.mu.Unlock()
	}
	return nil, nil
}

// open opens a pipe to the streamer, which breaks when the transfer ends.
func (t transfer) open(use wire.Use) (*wire.Pipe, func(), error) {
	p, err := t.streamer.pipes.Open(use)
	if err != nil {
		return nil, nil, errCrowded
	}
	stop := context.AfterFunc(t.ctx, func() { _ = p.Close() })
	return p, func() {
		stop()
		_ = p.Close()
	}, nil
}

// refuseTransfer answers a request that comes to nothing. The page goes by the status.
func refuseTransfer(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	switch {
	case errors.Is(err, errNoViewer):
		status = http.StatusUnauthorized
	case errors.Is(err, errForbidden):
		status = http.StatusForbidden
	case errors.Is(err, errCrowded):
		status = http.StatusTooManyRequests
	case errors.Is(err, errAway):
		status = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), status)
}

func clipboardAllowed(a wire.Allows) bool { return a.Clipboard }

// paste takes a clipboard of a viewer's to the desktop. Once it is answered, a
// program there can paste it.
func (g *Gateway) paste(w http.ResponseWriter, r *http.Request) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	use, limit := wire.UsePasteText, int64(wire.MaxClipboardText)
	switch kind {
	case "text/plain":
	case "image/png":
		use, limit = wire.UsePasteImage, wire.MaxClipboardImage
	default:
		http.Error(w, "neither text nor PNG", http.StatusUnsupportedMediaType)
		return
	}
	if r.ContentLength > limit {
		http.Error(w, "too large for the clipboard", http.StatusRequestEntityTooLarge)
		return
	}
	p, done, err := g.openClipboard(r, use)
	if err != nil {
		refuseTransfer(w, err)
		return
	}
	defer done()
	if _, err = io.Copy(p, http.MaxBytesReader(w, r.Body, limit)); err == nil {
		_ = p.CloseWrite()
		_, err = io.Copy(io.Discard, p)
	}
	if err != nil {
		refuseTransfer(w, fmt.Errorf("the desktop did not take it: %w", err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// copy takes the desktop's clipboard to a viewer.
func (g *Gateway) copy(w http.ResponseWriter, r *http.Request) {
	use, limit, kind := wire.UseCopyText, wire.MaxClipboardText, "text/plain; charset=utf-8"
	if r.URL.Query().Has("image") {
		use, limit, kind = wire.UseCopyImage, wire.MaxClipboardImage, "image/png"
	}
	p, done, err := g.openClipboard(r, use)
	if err != nil {
		refuseTransfer(w, err)
		return
	}
	defer done()
	_ = p.CloseWrite()
	from := io.LimitReader(p, int64(limit))
	first := make([]byte, 32<<10)
	n, err := io.ReadFull(from, first)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		refuseTransfer(w, fmt.Errorf("the desktop does not give it: %w", err))
		return
	}
	// It is a program's of the desktop: for the page to take, never for the browser to show.
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", "attachment")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	if _, err := w.Write(first[:n]); err != nil {
		return
	}
	if _, err := io.Copy(w, from); err != nil {
		panic(http.ErrAbortHandler) // half of it would be taken for all
	}
}

// openClipboard admits a transfer of the clipboard, which is never on its way for long.
func (g *Gateway) openClipboard(r *http.Request, use wire.Use) (p *wire.Pipe, done func(), err error) {
	t, err := g.admitTransfer(r, clipboardAllowed)
	if err != nil {
		return nil, nil, err
	}
	var cancel context.CancelFunc
	t.ctx, cancel = context.WithTimeout(t.ctx, clipboardWithin)
	p, closePipe, err := t.open(use)
	if err != nil {
		cancel()
		t.end()
		return nil, nil, err
	}
	return p, func() {
		closePipe()
		cancel()
		t.end()
	}, nil
}

// filesRoad speaks HTTP with the sandbox's receiver of files, through the streamer.
func filesRoad(pipes *wire.Pipes) *http.Transport {
	return &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return pipes.Open(wire.UseFiles)
		},
		MaxConnsPerHost:        wire.MaxPipes / 2,
		MaxIdleConns:           2,
		IdleConnTimeout:        30 * time.Second,
		ResponseHeaderTimeout:  2 * time.Minute, // a slow disk
		MaxResponseHeaderBytes: 16 << 10,
		WriteBufferSize:        64 << 10,
		DisableCompression:     true,
	}
}
