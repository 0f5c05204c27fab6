package portal

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/backlot/backlot/internal/studio"
)

// Service is what the pages do for their user: operations of the API.
type Service interface {
	CreateStreamingSession(context.Context, studio.Principal, *studio.CreateStreamingSessionRequest) (*studio.CreateStreamingSessionResponse, error)
	StartStreamingSession(context.Context, studio.Principal, *studio.StartStreamingSessionRequest) (*studio.StartStreamingSessionResponse, error)
	StopStreamingSession(context.Context, studio.Principal, *studio.StopStreamingSessionRequest) (*studio.StopStreamingSessionResponse, error)
	DeleteStreamingSession(context.Context, studio.Principal, *studio.DeleteStreamingSessionRequest) (*studio.DeleteStreamingSessionResponse, error)
	CreateStreamingSessionStream(context.Context, studio.Principal, *studio.CreateStreamingSessionStreamRequest) (*studio.CreateStreamingSessionStreamResponse, error)
	ReadShare(ctx context.Context, p studio.Principal, token string) (studio.Invitation, error)
	JoinSession(ctx context.Context, p studio.Principal, token string) (*studio.StreamingSessionStream, error)
	ListStreamingSessions(context.Context, studio.Principal, *studio.ListStreamingSessionsRequest) (*studio.ListStreamingSessionsResponse, error)
	ListStreamingSessionBackups(context.Context, studio.Principal, *studio.ListStreamingSessionBackupsRequest) (*studio.ListStreamingSessionBackupsResponse, error)
	ListLaunchProfiles(context.Context, studio.Principal, *studio.ListLaunchProfilesRequest) (*studio.ListLaunchProfilesResponse, error)
	// ListStudios is asked with the account's rights: which studios there are is no
	// secret, what is in them is asked for as the user.
	ListStudios(context.Context, studio.Principal, *studio.ListStudiosRequest) (*studio.ListStudiosResponse, error)
}

// Identity tells who is at the browser.
type Identity interface {
	// Redeem turns a sign-in link's token, once, into a cookie's value;
	// identity.ErrNoLink when the token is of no use.
	Redeem(ctx context.Context, token string) (cookie string, err error)
	// Login returns who has the cookie; identity.ErrNoLogin when nobody has.
	Login(ctx context.Context, cookie string) (who studio.Principal, name string, err error)
	// Logout makes the cookie worthless.
	Logout(ctx context.Context, cookie string) error
	// Name is what to call somebody.
	Name(ctx context.Context, who studio.Principal) (string, error)
}

// Config is what the pages need.
type Config struct {
	Service  Service
	Identity Identity
	// Changes returns a channel that gets a value after something changed, and how to end it.
	Changes func() (<-chan struct{}, func())
	// Public is the url the pages are reached by.
	Public *url.URL
	Log    *slog.Logger
}

// Portal is the pages.
type Portal struct {
	cfg     Config
	pages   *template.Template
	policy  string
	cookie  string
	handler http.Handler
}

//go:embed *.tmpl icon.svg dist
var files embed.FS

// maxForm bounds what a browser may send: a form has a few hundred bytes.
const maxForm = 16 << 10

// New makes the pages.
func New(c Config) (*Portal, error) {
	pages, err := template.ParseFS(files, "*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("parse the pages: %w", err)
	}
	assets, err := assets()
	if err != nil {
		return nil, err
	}
	// Opening a desktop is a form whose answer leads to the stream's url, which
	// begins with the public one, even if the page was reached by another.
	origin := c.Public.Scheme + "://" + c.Public.Host
	p := &Portal{
		cfg: c, pages: pages, cookie: cookieName(c.Public),
		policy: "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
			"form-action 'self' " + origin + "; base-uri 'none'; frame-ancestors 'none'",
	}
	guard := http.NewCrossOriginProtection()
	// A proxy in front may make the Host differ from the page's origin.
	if err := guard.AddTrustedOrigin(origin); err != nil {
		return nil, fmt.Errorf("serve pages at %s: %w", c.Public, err)
	}
	guard.SetDenyHandler(http.HandlerFunc(p.foreign))
	p.handler = p.headers(guard.Handler(http.MaxBytesHandler(p.routes(assets), maxForm)))
	return p, nil
}

// Handler answers everything that is not the API's or the gateway's.
func (p *Portal) Handler() http.Handler { return p.handler }

func (p *Portal) routes(assets http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.home)
	mux.HandleFunc("GET /events", p.events)
	mux.HandleFunc("GET /sign-in", p.showLink)
	mux.HandleFunc("POST /sign-in", p.signIn)
	mux.HandleFunc("POST /sign-out", p.signOut)
	for verb, do := range map[string]action{
		"launch": p.launch, "open": p.open, "start": p.start, "stop": p.stop, "delete": p.remove,
	} {
		mux.Handle("POST /sessions/"+verb, p.act(verb, do))
	}
	mux.HandleFunc("GET /share/{token}", p.invite)
	mux.HandleFunc("POST /share/{token}", p.join)
	// Where a form has led to, a browser may come back to later.
	mux.Handle("GET /sessions/{verb}", http.RedirectHandler("/", http.StatusSeeOther))
	mux.Handle("GET /assets/", assets)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		p.say(w, http.StatusNotFound, "There is nothing here", "The address may be mistyped, or what was here is gone.")
	})
	return mux
}

func (p *Portal) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", p.policy)
		// As the stream's page has it: so a desktop's tab is found again, not opened twice.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// foreign answers a form that another site has sent.
func (p *Portal) foreign(w http.ResponseWriter, _ *http.Request) {
	p.say(w, http.StatusForbidden, "Nothing was done", "Another site has asked for this in your name. If it was you, do it from here.")
}

type messagePage struct{ Title, Text string }

// say writes a page that says one thing.
func (p *Portal) say(w http.ResponseWriter, status int, title, text string) {
	p.render(w, status, "message", messagePage{title, text})
}

// fail writes the page of an error that is the server's.
func (p *Portal) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil { // else it is the browser that went away
		p.cfg.Log.ErrorContext(r.Context(), "cannot show a page", "path", r.URL.Path, "err", err)
	}
	p.say(w, http.StatusInternalServerError, "Something went wrong on the server",
		"Try again in a moment. If it stays so, tell the administrator of your studio.")
}

// render writes a page.
func (p *Portal) render(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := p.pages.ExecuteTemplate(&page, name, data); err != nil {
		p.cfg.Log.Error("cannot render a page", "page", name, "err", err)
		http.Error(w, "Something went wrong on the server. Try again in a moment.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // who went away needs no page
}
