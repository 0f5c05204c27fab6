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
	out := http.NewResponseController(w)
	send := func(format string, args ...any) error {
		if err := out.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, format, args...)
		return errors.Join(err, out.Flush())
	}
	changes, end := p.cfg.Changes()
	defer end()
	look := time.NewTicker(lookEvery)
	defer look.Stop()

	err := send("retry: 1000\n\n")
	for shown := []byte(nil); err == nil; {
		var lists []byte
		if lists, err = p.lists(r); err != nil {
			break
		}
		if bytes.Equal(lists, shown) {
			err = send(": still so\n\n")
		} else {
			shown = lists
			text, _ := json.Marshal(string(lists)) // a string can always be
			err = send("event: live\ndata: %s\n\n", text)
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
	switch {
	case errors.Is(err, identity.ErrNoLogin):
		_ = send("event: signed-out\ndata:\n\n") // if it gets lost, the next request tells
	case r.Context().Err() == nil:
		p.cfg.Log.ErrorContext(r.Context(), "cannot keep a page up to date", "err", err)
	}
}

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
