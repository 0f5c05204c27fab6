package portal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// Service is what the pages do for their user: operations of the API.
type Service interface {
	CreateStreamingSession(context.Context, studio.Principal, *studio.CreateStreamingSessionRequest) (*studio.CreateStreamingSessionResponse, error)
	StartStreamingSession(context.Context, studio.Principal, *studio.StartStreamingSessionRequest) (*studio.StartStreamingSessionResponse, error)
	StopStreamingSession(context.Context, studio.Principal, *studio.StopStreamingSessionRequest) (*studio.StopStreamingSessionResponse, error)
	DeleteStreamingSession(context.Context, studio.Principal, *studio.DeleteStreamingSessionRequest) (*studio.DeleteStreamingSessionResponse, error)
	CreateStreamingSessionStream(context.Context, studio.Principal, *studio.CreateStreamingSessionStreamRequest) (*studio.CreateStreamingSessionStreamResponse, error)
	GetStreamingSessionStream(context.Context, studio.Principal, *studio.GetStreamingSessionStreamRequest) (*studio.GetStreamingSessionStreamResponse, error)
	ListStreamingSessions(context.Context, studio.Principal, *studio.ListStreamingSessionsRequest) (*studio.ListStreamingSessionsResponse, error)
	ListStreamingSessionBackups(context.Context, studio.Principal, *studio.ListStreamingSessionBackupsRequest) (*studio.ListStreamingSessionBackupsResponse, error)
	ListLaunchProfiles(context.Context, studio.Principal, *studio.ListLaunchProfilesRequest) (*studio.ListLaunchProfilesResponse, error)
	// ListStudios is asked with the account's rights: which studio a page is
	// about is no secret, what is in it is asked for as the user.
	ListStudios(context.Context, studio.Principal, *studio.ListStudiosRequest) (*studio.ListStudiosResponse, error)
}

// Identity tells who is at the browser.
type Identity interface {
	// Redeem turns a sign-in link's token, once, into a cookie's value.
	Redeem(ctx context.Context, token string) (cookie string, err error)
	// Login returns who has the cookie; an error when it is worth nothing.
	Login(ctx context.Context, cookie string) (who studio.Principal, name string, err error)
	// Logout makes the cookie worthless.
	Logout(ctx context.Context, cookie string) error
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
	Config
	pages  *template.Template
	assets http.Handler
	policy string
}

//go:embed *.tmpl icon.svg dist
var files embed.FS

const cookieName = "backlot_login"

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
	return &Portal{Config: c, pages: pages, assets: assets,
		policy: "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
			"form-action 'self' " + c.Public.Scheme + "://" + c.Public.Host + "; base-uri 'none'; frame-ancestors 'none'"}, nil
}

// Handler answers everything that is not the API's or the gateway's.
func (p *Portal) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.home)
	mux.HandleFunc("GET /sign-in", p.signIn)
	mux.HandleFunc("POST /sign-out", p.signOut)
	mux.HandleFunc("GET /events", p.events)
	mux.HandleFunc("POST /sessions", p.launch)
	mux.HandleFunc("POST /sessions/{studio}/{session}/{verb}", p.act)
	mux.Handle("GET /assets/", p.assets)
	guard := http.NewCrossOriginProtection()
	// A proxy in front may make the Host differ from the page's origin.
	if err := guard.AddTrustedOrigin(p.Public.Scheme + "://" + p.Public.Host); err != nil {
		p.Log.Warn("public_url is no origin; forms work on the listening address only", "err", err)
	}
	return guard.Handler(p.headers(mux))
}

func (p *Portal) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", p.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// render writes a whole page or a part of it.
func (p *Portal) render(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := p.pages.ExecuteTemplate(&page, name, data); err != nil {
		p.Log.Error("page cannot be made", "page", name, "err", err)
		http.Error(w, "This page cannot be shown; the server's log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // who went away needs no page
}

// assets serves what pages load, with a tag by which browsers keep it.
func assets() (http.Handler, error) {
	mux := http.NewServeMux()
	for path, asset := range map[string]struct{ file, kind string }{
		"/assets/style.css": {"dist/style.css", "text/css; charset=utf-8"},
		"/assets/home.js":   {"dist/home.js", "text/javascript; charset=utf-8"},
		"/assets/icon.svg":  {"icon.svg", "image/svg+xml"},
	} {
		text, err := fs.ReadFile(files, asset.file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", asset.file, err)
		}
		sum := sha256.Sum256(text)
		tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", asset.kind)
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("ETag", tag)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
		})
	}
	return mux, nil
}

// signedIn returns who is at the browser, or sends the sign-in page.
func (p *Portal) signedIn(w http.ResponseWriter, r *http.Request) (user, bool) {
	u, err := p.user(r)
	if err != nil {
		p.render(w, http.StatusUnauthorized, "signin", signInPage{Title: "Sign in"})
		return user{}, false
	}
	return u, true
}

type user struct {
	studio.Principal
	name string
}

var errNobody = errors.New("nobody is signed in")

func (p *Portal) user(r *http.Request) (user, error) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return user{}, errNobody
	}
	who, name, err := p.Identity.Login(r.Context(), cookie.Value)
	if err != nil {
		return user{}, err
	}
	return user{who, name}, nil
}

type signInPage struct {
	Title string
	Used  bool
}

func (p *Portal) signIn(w http.ResponseWriter, r *http.Request) {
	cookie, err := p.Identity.Redeem(r.Context(), r.URL.Query().Get("token"))
	if err != nil {
		// A link opened again in the browser that it signed in leads home.
		if _, err := p.user(r); err == nil {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		p.render(w, http.StatusForbidden, "signin", signInPage{Title: "Sign in", Used: true})
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: cookie, Path: "/", HttpOnly: true,
		Secure: p.Public.Scheme == "https", SameSite: http.SameSiteLaxMode,
		MaxAge: int((30 * 24 * time.Hour).Seconds()), // the server ends it sooner
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (p *Portal) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		if err := p.Identity.Logout(r.Context(), cookie.Value); err != nil {
			p.Log.Error("login cannot be ended", "err", err)
		}
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, Secure: p.Public.Scheme == "https", SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
