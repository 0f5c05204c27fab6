package portal_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/portal"
	"github.com/backlot/backlot/internal/studio"
)

// TestLife does by forms what an artist does with a workstation.
func TestLife(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	wants := func(id string, want studio.State) {
		t.Helper()
		if s := b.state(id); s != want {
			t.Fatalf("%s, want %s", s, want)
		}
	}

	b.post("/sessions/launch", "studio", w.studioID, "profile", w.profileID, "type", "g5.xlarge").leads(t, "/")
	s := w.mine()[0]
	if s.EC2InstanceType != "g5.xlarge" || s.OwnedBy != w.artist.PrincipalID {
		t.Errorf("launched %+v", s)
	}
	wants(s.SessionID, studio.CreateInProgress)
	w.work(t)
	wants(s.SessionID, studio.Ready)

	open := b.do("open", s.SessionID)
	open.leads(t, w.site.URL+"/stream/")
	desktop, err := url.Parse(open.header.Get("Location"))
	must(t, err)
	if g, err := w.RedeemTicket(t.Context(), desktop.Path[len("/stream/"):], desktop.Query().Get("authToken")); err != nil || g.SessionID != s.SessionID {
		t.Errorf("the desktop's url opens %+v, %v", g, err)
	}

	b.do("stop", s.SessionID).leads(t, "/")
	wants(s.SessionID, studio.StopInProgress)
	w.work(t)
	wants(s.SessionID, studio.Stopped)

	b.do("start", s.SessionID).leads(t, "/")
	w.work(t)
	wants(s.SessionID, studio.Ready)
	b.do("stop", s.SessionID).leads(t, "/")
	w.work(t)

	backups, err := w.ListStreamingSessionBackups(t.Context(), admin, &studio.ListStreamingSessionBackupsRequest{StudioID: w.studioID})
	must(t, err)
	backup := backups.StreamingSessionBackups[0].BackupID
	b.do("start", s.SessionID, "backup", backup).leads(t, "/")
	w.work(t)
	if now := w.mine()[0]; now.StartedFromBackupID != backup || now.State != studio.Ready {
		t.Errorf("started from a backup: %+v", now)
	}

	b.do("delete", s.SessionID).leads(t, "/")
	w.work(t)
	wants(s.SessionID, studio.Deleted)
	if page := b.get("/"); strings.Contains(page.body, s.SessionID) {
		t.Error("a deleted workstation still shows")
	}
}

// TestLog: who did what to which workstation, and nothing that lets anybody in.
func TestLog(t *testing.T) {
	t.Parallel()
	w := setup(t)
	link := w.link(t, w.artist.Principal())
	b := w.newBrowser(t)
	b.signIn(link)
	id := b.launch()
	w.work(t)
	open := b.do("open", id)
	for _, verb := range []string{"stop", "start", "delete"} {
		b.do(verb, id).leads(t, "/")
		w.work(t)
	}
	b.post("/sign-out")
	for _, verb := range []string{"launch", "open", "stop", "start", "delete"} {
		if !w.logged.has(`msg="done by the page"`, "op="+verb, "user_id="+w.artist.PrincipalID, "session_id="+id) {
			t.Errorf("nobody knows who did %s", verb)
		}
	}
	for _, what := range []string{"in", "out"} {
		if !w.logged.has(`msg="signed `+what+`"`, "user_id="+w.artist.PrincipalID) {
			t.Errorf("nobody knows who signed %s", what)
		}
	}
	for _, secret := range []string{link[len("/sign-in?token="):], "authToken", open.header.Get("Location")} {
		if w.logged.has(secret) {
			t.Errorf("the log tells %s", secret)
		}
	}
}

// TestProblems: what cannot be done is said in plain words, on the page as it is now.
func TestProblems(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	other := w.signedIn(t, w.other.Principal())
	making := b.launch()
	w.clock.advance(time.Second)
	fleeting := w.newProfile(t, w.studioID, "Fleeting", passing)
	b.post("/sessions/launch", "studio", w.studioID, "profile", fleeting).leads(t, "/")
	w.work(t)
	runs := b.mine()[0].SessionID
	w.clock.advance(time.Second)
	fresh := b.launch()

	const gone = "not there any more, or not yours."
	for name, c := range map[string]struct {
		answer answer
		status int
		says   string
	}{
		"open what is being made":        {b.do("open", fresh), http.StatusConflict, "has changed meanwhile"},
		"start what runs":                {b.do("start", making), http.StatusConflict, "has changed meanwhile"},
		"delete what is being made":      {b.do("delete", fresh), http.StatusConflict, "has changed meanwhile"},
		"stop what keeps nothing":        {b.do("stop", runs), http.StatusBadRequest, "cannot be stopped, because it keeps nothing"},
		"unknown session":                {b.do("open", w.studioID+".unknown"), http.StatusForbidden, gone},
		"unknown studio":                 {b.post("/sessions/open", "studio", "nowhere", "session", making), http.StatusForbidden, gone},
		"somebody else's session":        {other.do("stop", making), http.StatusForbidden, gone},
		"somebody else's desktop":        {other.do("open", making), http.StatusForbidden, gone},
		"unknown backup":                 {b.do("start", making, "backup", "unknown"), http.StatusForbidden, gone},
		"no session":                     {b.post("/sessions/stop"), http.StatusBadRequest, "That did not work"},
		"somebody else's profile":        {other.post("/sessions/launch", "studio", w.studioID, "profile", w.profileID), http.StatusForbidden, "not shared with you any more"},
		"unknown profile":                {b.post("/sessions/launch", "studio", w.studioID, "profile", "unknown"), http.StatusForbidden, "not shared with you any more"},
		"a size that is not offered":     {b.post("/sessions/launch", "studio", w.studioID, "profile", w.profileID, "type", "g3.4xlarge"), http.StatusBadRequest, "This size is not offered any more"},
		"a form that is no form at all":  {b.send(http.MethodPost, "/sessions/stop", url.Values{"x": {strings.Repeat("x", 1<<20)}}), http.StatusBadRequest, "Nothing was done"},
		"a deed that the page has not":   {b.do("explode", making), http.StatusNotFound, "There is nothing here"},
		"a page that there is not":       {b.get("/nothing"), http.StatusNotFound, "There is nothing here"},
		"a method that a path is not of": {b.post("/"), http.StatusNotFound, "There is nothing here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.answer.shows(t, c.status, c.says)
			if c.status == http.StatusConflict {
				c.answer.shows(t, c.status, `role="alert"><p>`, `data-session="`+making+`"`)
			}
		})
	}
	b.get("/sessions/open").leads(t, "/")
	b.get("/").shows(t, http.StatusOK, `role="alert" hidden>`)
}

// TestForeign: no other site can act in the user's name.
func TestForeign(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	form := url.Values{"studio": {w.studioID}, "profile": {w.profileID}}
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Origin", "http://127.0.0.1:1"},
	} {
		a := b.send(http.MethodPost, "/sessions/launch", form, headers...)
		a.shows(t, http.StatusForbidden, "Nothing was done", "Another site")
		if a.header.Get("Content-Security-Policy") == "" {
			t.Error("no policy on the refusal")
		}
	}
	if made := w.mine(); len(made) != 0 {
		t.Errorf("launched by another site: %v", made)
	}
	// By the public url, and where a proxy in between changed the host.
	b.send(http.MethodPost, "/sessions/launch", form, "Origin", w.site.URL, "Sec-Fetch-Site", "cross-site").leads(t, "/")
}

// out is a service that cannot be reached.
type out struct{ portal.Service }

var errOut = errors.New("the disk with the secret name is full")

func (out) ListStreamingSessions(context.Context, studio.Principal, *studio.ListStreamingSessionsRequest) (*studio.ListStreamingSessionsResponse, error) {
	return nil, errOut
}

func (out) StopStreamingSession(context.Context, studio.Principal, *studio.StopStreamingSessionRequest) (*studio.StopStreamingSessionResponse, error) {
	return nil, errOut
}

// TestServerTrouble is told as such, without its insides.
func TestServerTrouble(t *testing.T) {
	t.Parallel()
	w := setupWith(t, func(s *studio.Service) portal.Service { return out{s} })
	b := w.signedIn(t, w.artist.Principal())
	for _, a := range []answer{b.get("/"), b.do("stop", "any")} {
		a.shows(t, http.StatusInternalServerError, "Something went wrong on the server")
		if strings.Contains(a.body, "secret name") {
			t.Errorf("the page tells of insides:\n%s", a.body)
		}
	}
}

// TestHeaders are on every answer.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	for _, a := range []answer{b.get("/"), b.get("/nothing"), b.get("/sign-in"), b.get("/assets/style.css"), b.do("open", "any")} {
		for name, want := range map[string]string{
			"Content-Security-Policy":    "form-action 'self' " + w.site.URL + ";",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Referrer-Policy":            "no-referrer",
			"X-Content-Type-Options":     "nosniff",
			"Cache-Control":              "no-",
		} {
			if got := a.header.Get(name); !strings.Contains(got, want) {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
	style := b.get("/assets/style.css")
	b.send(http.MethodGet, "/assets/style.css", nil, "If-None-Match", style.header.Get("ETag")).shows(t, http.StatusNotModified)
}

func TestPublicURLMustBeAnOrigin(t *testing.T) {
	t.Parallel()
	if _, err := portal.New(portal.Config{Public: &url.URL{Path: "studio"}}); err == nil {
		t.Error("took a public url without scheme and host")
	}
}
