package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/backlot/backlot/internal/wire"
)

const (
	// uploadChunk bounds one request's part of a file.
	uploadChunk = 64 << 20
	// uploadAnswer bounds what the sandbox says to it.
	uploadAnswer = 64 << 10
)

// uploaded is what the sandbox answers (Uploaded in workstation/desktop), and the
// page gets.
type uploaded struct {
	Offset  int64  `json:"offset"`
	Done    bool   `json:"done,omitempty"`
	Name    string `json:"name,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// upload passes a part of a file, or a question about one, on to the sandbox. The
// name comes in a header, as proxies write what is in an address into their logs.
func (g *Gateway) upload(w http.ResponseWriter, r *http.Request) {
	path, err := url.PathUnescape(r.Header.Get("Backlot-Path"))
	if err != nil || r.ContentLength > uploadChunk {
		http.Error(w, "no such part of a file", http.StatusRequestEntityTooLarge)
		return
	}
	t, err := g.admitTransfer(r, func(a wire.Allows) bool { return a.Upload })
	if err != nil {
		refuseTransfer(w, err)
		return
	}
	defer t.end()
	asked := r.URL.Query()
	q := url.Values{"path": {path}}
	for _, name := range []string{"id", "size", "offset"} {
		q.Set(name, asked.Get(name))
	}
	what := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/'):]
	body := http.MaxBytesReader(w, r.Body, uploadChunk)
	out, err := http.NewRequestWithContext(t.ctx, r.Method, "http://files"+what+"?"+q.Encode(), body) //nolint:gosec,contextcheck // its dialer goes nowhere but to the sandbox; t.ctx is of the request
	if err != nil {
		refuseTransfer(w, err)
		return
	}
	if out.ContentLength = r.ContentLength; r.ContentLength == 0 {
		out.Body = http.NoBody
	}
	res, err := t.streamer.files.RoundTrip(out)
	if err != nil {
		refuseTransfer(w, err)
		return
	}
	defer res.Body.Close()
	var answer uploaded
	// What runs in the sandbox is the artist's: nothing of it but these fields gets through.
	if err := json.NewDecoder(io.LimitReader(res.Body, uploadAnswer)).Decode(&answer); err != nil {
		refuseTransfer(w, err)
		return
	}
	// A browser hears no answer before it has said all.
	_, _ = io.Copy(io.Discard, body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if answer.Problem != "" {
		w.WriteHeader(http.StatusConflict)
	}
	_ = json.NewEncoder(w).Encode(answer) // who is gone asks again
}
