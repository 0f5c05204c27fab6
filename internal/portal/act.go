package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// launch makes a session from a launch profile.
func (p *Portal) launch(w http.ResponseWriter, r *http.Request) {
	u, ok := p.signedIn(w, r)
	if !ok {
		return
	}
	in := &studio.CreateStreamingSessionRequest{StudioID: r.FormValue("studio"), LaunchProfileID: r.FormValue("profile"), OwnedBy: &u.ID}
	if kind := r.FormValue("type"); kind != "" {
		in.EC2InstanceType = &kind
	}
	_, err := p.Service.CreateStreamingSession(r.Context(), u.Principal, in)
	p.answer(w, r, u, err)
}

// act does what a session's button says.
func (p *Portal) act(w http.ResponseWriter, r *http.Request) {
	u, ok := p.signedIn(w, r)
	if !ok {
		return
	}
	studioID := r.PathValue("studio")
	id := studioID + "." + r.PathValue("session")
	var err error
	switch r.PathValue("verb") {
	case "open":
		var target string
		if target, err = p.open(r.Context(), u, studioID, id); err == nil {
			http.Redirect(w, r, target, http.StatusSeeOther)
			return
		}
	case "start":
		in := &studio.StartStreamingSessionRequest{StudioID: studioID, SessionID: id}
		if backup := r.FormValue("backup"); backup != "" {
			in.BackupID = &backup
		}
		_, err = p.Service.StartStreamingSession(r.Context(), u.Principal, in)
	case "stop":
		_, err = p.Service.StopStreamingSession(r.Context(), u.Principal, &studio.StopStreamingSessionRequest{StudioID: studioID, SessionID: id})
	case "delete":
		_, err = p.Service.DeleteStreamingSession(r.Context(), u.Principal, &studio.DeleteStreamingSessionRequest{StudioID: studioID, SessionID: id})
	default:
		http.NotFound(w, r)
		return
	}
	p.answer(w, r, u, err)
}

// open makes a stream and returns its url as soon as there is one.
func (p *Portal) open(ctx context.Context, u user, studioID, sessionID string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	changes, end := p.Changes()
	defer end()
	made, err := p.Service.CreateStreamingSessionStream(ctx, u.Principal, &studio.CreateStreamingSessionStreamRequest{StudioID: studioID, SessionID: sessionID})
	if err != nil {
		return "", err
	}
	for {
		now, err := p.Service.GetStreamingSessionStream(ctx, u.Principal, &studio.GetStreamingSessionStreamRequest{
			StudioID: studioID, SessionID: sessionID, StreamID: made.Stream.StreamID,
		})
		if err != nil {
			return "", err
		}
		if now.Stream.URL != "" {
			return now.Stream.URL, nil
		}
		if now.Stream.State != studio.CreateInProgress {
			return "", fmt.Errorf("stream is %s", now.Stream.State)
		}
		select {
		case <-changes:
		case <-ctx.Done():
			return "", fmt.Errorf("wait for the stream: %w", ctx.Err())
		}
	}
}

// answer shows the page as it is now: its live part to the script, else the
// whole by a redirect.
func (p *Portal) answer(w http.ResponseWriter, r *http.Request, u user, err error) {
	problem, status := "", http.StatusOK
	if err != nil {
		problem, status = "Something went wrong on the server. Try again; if it stays so, tell your administrator.", http.StatusInternalServerError
		var known *studio.Error
		if errors.As(err, &known) && known.Kind != studio.Internal {
			problem, status = known.Message, http.StatusConflict
		} else {
			p.Log.Error("the portal could not do it", "path", r.URL.Path, "err", err)
		}
	}
	if r.Header.Get("Accept") == "text/x-live" {
		live, err := p.live(r.Context(), u, problem)
		if err != nil {
			http.Error(w, "The server could not read the list. Try again in a moment.", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write(live) // who went away needs no page
		return
	}
	if problem == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	page, err := p.page(r.Context(), u)
	if err != nil {
		p.Log.Error("home page cannot be made", "err", err)
	}
	page.Problem = problem
	p.render(w, status, "home", page)
}
