package portal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/backlot/backlot/internal/identity"
)

const (
	// lookEvery is how often a page is looked at again when nothing tells of
	// changes, such as those by another process. It also keeps proxies awake.
	lookEvery = 20 * time.Second
	// lookPause is the least time between two looks.
	lookPause = 100 * time.Millisecond
	// patience is how long a browser may take to accept an event.
	patience = 10 * time.Second
)

// events sends the lists of the home page, at once and whenever they have
// changed. It ends when the browser leaves, the server ends or something goes
// wrong; browsers then ask again.
func (p *Portal) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in front must not hold events back
	changes, end := p.cfg.Changes()
	defer end()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	out := newEvents(w)
	defer out.end()
	var shown []byte
	for {
		lists, err := p.lists(r)
		switch {
		case errors.Is(err, identity.ErrNoLogin):
			out.send("event: signed-out\ndata:\n\n")
			return
		case err != nil:
			if r.Context().Err() == nil {
				p.cfg.Log.ErrorContext(r.Context(), "cannot keep a page up to date", "err", err)
			}
			return
		case bytes.Equal(lists, shown):
			out.send(": still so\n\n")
		default:
			shown = lists
			text, _ := json.Marshal(string(lists)) // a string can always be
			out.send("event: live\ndata: %s\n\n", text)
		}
		if out.gone {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(lookPause):
		}
		select {
		case <-r.Context().Done():
			return
		case <-changes:
		case <-look.C:
		}
	}
}

// eventStream is the answer that events are sent in.
type eventStream struct {
	w    http.ResponseWriter
	out  *http.ResponseController
	gone bool // the browser is
}

func newEvents(w http.ResponseWriter) *eventStream {
	s := &eventStream{w: w, out: http.NewResponseController(w)}
	s.send("retry: 1000\n\n")
	return s
}

func (s *eventStream) send(format string, args ...any) {
	_ = s.out.SetWriteDeadline(time.Now().Add(patience)) // without one, only a stuck browser costs more
	_, err := fmt.Fprintf(s.w, format, args...)
	s.gone = errors.Join(err, s.out.Flush()) != nil
}

// end leaves the connection as it was, for what the browser asks next.
func (s *eventStream) end() { _ = s.out.SetWriteDeadline(time.Time{}) }

// lists renders the parts of the home page that change.
func (p *Portal) lists(r *http.Request) ([]byte, error) {
	u, err := p.user(r)
	if err != nil {
		return nil, err
	}
	page, err := p.gather(r.Context(), u)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = p.pages.ExecuteTemplate(&text, "lists", page)
	return text.Bytes(), err
}
