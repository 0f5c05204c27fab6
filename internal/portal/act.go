package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/backlot/backlot/internal/studio"
)

// action does what a form asks, and tells to which session and where that leads.
type action func(ctx context.Context, u user, form url.Values) (session, next string, err error)

// act makes an action the answer to a form.
func (p *Portal) act(verb string, do action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, ok := p.signedIn(w, r)
		if !ok {
			return
		}
		if err := r.ParseForm(); err != nil {
			p.say(w, http.StatusBadRequest, "Nothing was done", "What the page sent cannot be read. Go back and try again.")
			return
		}
		session, next, err := do(r.Context(), u, r.PostForm)
		if err == nil {
			p.cfg.Log.InfoContext(r.Context(), "done by the page", "op", verb, "user_id", u.ID, "session_id", session)
			http.Redirect(w, r, next, http.StatusSeeOther)
			return
		}
		status, problem := explain(r.URL.Path, err)
		if status == http.StatusInternalServerError {
			p.cfg.Log.ErrorContext(r.Context(), "cannot do what a page asks", "path", r.URL.Path, "err", err)
		}
		page, err := p.gather(r.Context(), u)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		page.Problem = problem
		p.render(w, status, "home", page)
	})
}

// given is a form's value, nil when it is left open.
func given(form url.Values, name string) *string {
	if v := form.Get(name); v != "" {
		return &v
	}
	return nil
}

func (p *Portal) launch(ctx context.Context, u user, form url.Values) (session, next string, err error) {
	made, err := p.cfg.Service.CreateStreamingSession(ctx, u.Principal, &studio.CreateStreamingSessionRequest{
		StudioID: form.Get("studio"), LaunchProfileID: form.Get("profile"), EC2InstanceType: given(form, "type"), OwnedBy: &u.ID,
	})
	if err != nil {
		return "", "", err
	}
	return made.Session.SessionID, "/", nil
}

// open leads to the desktop: a stream is READY as soon as it is made.
func (p *Portal) open(ctx context.Context, u user, form url.Values) (session, next string, err error) {
	made, err := p.cfg.Service.CreateStreamingSessionStream(ctx, u.Principal, &studio.CreateStreamingSessionStreamRequest{
		StudioID: form.Get("studio"), SessionID: form.Get("session"),
	})
	if err != nil {
		return "", "", err
	}
	return form.Get("session"), made.Stream.URL, nil
}

func (p *Portal) start(ctx context.Context, u user, form url.Values) (session, next string, err error) {
	_, err = p.cfg.Service.StartStreamingSession(ctx, u.Principal, &studio.StartStreamingSessionRequest{
		StudioID: form.Get("studio"), SessionID: form.Get("session"), BackupID: given(form, "backup"),
	})
	return form.Get("session"), "/", err
}

func (p *Portal) stop(ctx context.Context, u user, form url.Values) (session, next string, err error) {
	_, err = p.cfg.Service.StopStreamingSession(ctx, u.Principal, &studio.StopStreamingSessionRequest{
		StudioID: form.Get("studio"), SessionID: form.Get("session"),
	})
	return form.Get("session"), "/", err
}

func (p *Portal) remove(ctx context.Context, u user, form url.Values) (session, next string, err error) {
	_, err = p.cfg.Service.DeleteStreamingSession(ctx, u.Principal, &studio.DeleteStreamingSessionRequest{
		StudioID: form.Get("studio"), SessionID: form.Get("session"),
	})
	return form.Get("session"), "/", err
}

// problems are the errors that an artist can meet, in an artist's words.
var problems = map[string]string{
	studio.CodeNotAllowed:     "This workstation is not there any more, or not yours.",
	studio.CodeNotFound:       "This workstation is not there any more.",
	studio.CodeState:          "That is not possible any more: the workstation has changed meanwhile. You see how it is now.",
	studio.CodeStop:           "This workstation cannot be stopped, because it keeps nothing. Delete it to end it.",
	studio.CodeReference:      "This backup is not there any more. Choose another one.",
	studio.CodeNothingToStart: "There is nothing to start from: neither the workstation's disk nor a backup of it is left.",
	studio.CodeNotOffered:     "This size is not offered any more. Choose another one.",
	studio.CodeQuota:          "Your studio has as many workstations as it may have. Delete one that nobody needs any more, then try again.",
}

// launchProblems are those that mean something else at a launch.
var launchProblems = map[string]string{
	studio.CodeNotAllowed: "This launch profile is not shared with you any more. Ask the administrator of your studio.",
	studio.CodeNotFound:   "This launch profile is not there any more.",
	studio.CodeState:      "This launch profile cannot be used just now. Ask the administrator of your studio.",
}

// statuses are those of errors that are not the server's.
var statuses = map[studio.ErrorKind]int{
	studio.Validation:    http.StatusBadRequest,
	studio.QuotaExceeded: http.StatusPaymentRequired,
	studio.AccessDenied:  http.StatusForbidden,
	studio.NotFound:      http.StatusNotFound,
	studio.Conflict:      http.StatusConflict,
	studio.Throttling:    http.StatusTooManyRequests,
}

// explain puts an error into words for whoever sent the form.
func explain(path string, err error) (status int, problem string) {
	status, ok := statuses[studio.KindOf(err)]
	var known *studio.Error
	if !ok || !errors.As(err, &known) {
		return http.StatusInternalServerError, "Something went wrong on the server, and nothing was changed. Try again in a moment."
	}
	if path == "/sessions/launch" {
		problem = launchProblems[known.Code]
	}
	if problem == "" {
		problem = problems[known.Code]
	}
	if problem == "" {
		problem = "That did not work: " + known.Message
	}
	return status, problem
}
