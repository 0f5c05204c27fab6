package gateway

import (
	"errors"
	"net/http"
	"strconv"

	streampage "github.com/backlot/backlot/internal/gateway/viewer"
)

// Handler serves the stream pages under /stream/, and the WebSocket of each.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stream/{id}", g.open)
	mux.HandleFunc("GET /stream/{id}/connect", g.connect)
	mux.HandleFunc("GET /stream/{id}/clipboard", g.copy)
	mux.HandleFunc("PUT /stream/{id}/clipboard", g.paste)
	mux.HandleFunc("GET /stream/{id}/file", g.upload)
	mux.HandleFunc("PUT /stream/{id}/file", g.upload)
	mux.HandleFunc("DELETE /stream/{id}/file", g.upload)
	mux.HandleFunc("PUT /stream/{id}/folder", g.upload)
	mux.HandleFunc("/stream/", g.refuse)
	return mux
}

// open answers a stream's url with the page itself, as often as its ticket is good.
func (g *Gateway) open(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("authToken")
	if !wellFormed(r.PathValue("id"), ticket) {
		g.refuse(w, r)
		return
	}
	grant, err := g.cfg.Studio.RedeemTicket(r.Context(), r.PathValue("id"), ticket)
	switch {
	case errors.Is(err, ErrNoSuchTicket):
		g.refuse(w, r)
	case err != nil:
		g.cfg.Log.ErrorContext(r.Context(), "cannot check a ticket", "stream_id", r.PathValue("id"), "err", err)
		w.Header().Set("Retry-After", "1")
		g.write(w, http.StatusServiceUnavailable, streampage.Data{State: "unavailable"})
	default:
		g.write(w, http.StatusOK, streampage.Data{State: "connecting", Title: grant.Title})
	}
}

// refuse answers whatever opens nothing in one and the same way. The page still
// carries the script: a tab that had opened the stream may open it again.
func (g *Gateway) refuse(w http.ResponseWriter, _ *http.Request) {
	g.write(w, http.StatusForbidden, streampage.Data{State: "refused"})
}

func (g *Gateway) write(w http.ResponseWriter, status int, data streampage.Data) {
	data.Home = g.cfg.PublicURL.JoinPath("/").Path
	data.Host = g.cfg.PublicURL.Hostname()
	data.Port = int(g.mux.local.Port())
	page, err := g.page.Render(data)
	if err != nil {
		g.cfg.Log.Error("cannot render the stream page", "err", err)
		http.Error(w, "Something went wrong. Try again.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(page)))
	h.Set("Content-Security-Policy", g.page.Policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(page) // a client that is gone needs no page
}

// wellFormed says whether it is worth asking what a ticket opens.
func wellFormed(streamID, ticket string) bool {
	return streamID != "" && len(streamID) <= 64 && ticket != "" && len(ticket) <= 512
}
