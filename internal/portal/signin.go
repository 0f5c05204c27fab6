package portal

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/backlot/backlot/internal/identity"
	"github.com/backlot/backlot/internal/studio"
)

// user is who is at the browser.
type user struct {
	studio.Principal
	name string
}

// user returns identity.ErrNoLogin when nobody is signed in.
func (p *Portal) user(r *http.Request) (user, error) {
	cookie, err := r.Cookie(p.cookie)
	if err != nil {
		return user{}, identity.ErrNoLogin
	}
	who, name, err := p.cfg.Identity.Login(r.Context(), cookie.Value)
	return user{who, name}, err
}

// signedIn returns who is at the browser, or answers in the place of the caller.
func (p *Portal) signedIn(w http.ResponseWriter, r *http.Request) (user, bool) {
	u, err := p.user(r)
	switch {
	case errors.Is(err, identity.ErrNoLogin):
		p.render(w, http.StatusUnauthorized, "signin", signInPage{})
	case err != nil:
		p.fail(w, r, err)
	}
	return u, err == nil
}

type signInPage struct {
	// Token is what a link carries.
	Token string
	// Spent tells that a link was of no use.
	Spent bool
}

func (signInPage) Title() string { return "Sign in" }

// showLink shows where a link leads. Whatever looks at links, such as a chat that
// shows a preview, gets links like any browser does: only the button uses one up.
func (p *Portal) showLink(w http.ResponseWriter, r *http.Request) {
	p.render(w, http.StatusOK, "signin", signInPage{Token: r.URL.Query().Get("token")})
}

func (p *Portal) signIn(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.say(w, http.StatusBadRequest, "Nothing was done", "What the page sent cannot be read. Go back and try again.")
		return
	}
	value, err := p.cfg.Identity.Redeem(r.Context(), r.PostForm.Get("token"))
	if errors.Is(err, identity.ErrNoLink) {
		// A link opened again in the browser that it signed in leads home.
		if _, err := p.user(r); err == nil {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		p.render(w, http.StatusForbidden, "signin", signInPage{Spent: true})
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if err := p.endLogin(r); err != nil { // so that no tab goes on as somebody else
		p.fail(w, r, err)
		return
	}
	who, _, err := p.cfg.Identity.Login(r.Context(), value)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.cfg.Log.InfoContext(r.Context(), "signed in", "user_id", who.ID)
	p.setCookie(w, value, int((30 * 24 * time.Hour).Seconds())) // the server ends it sooner
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (p *Portal) signOut(w http.ResponseWriter, r *http.Request) {
	if err := p.endLogin(r); err != nil {
		p.fail(w, r, err) // to seem signed out would be worse
		return
	}
	p.setCookie(w, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// endLogin makes the browser's cookie worthless, for all its tabs.
func (p *Portal) endLogin(r *http.Request) error {
	cookie, err := r.Cookie(p.cookie)
	if err != nil {
		return nil //nolint:nilerr // nobody is signed in
	}
	if u, err := p.user(r); err == nil {
		p.cfg.Log.InfoContext(r.Context(), "signed out", "user_id", u.ID)
	}
	return p.cfg.Identity.Logout(r.Context(), cookie.Value)
}

// setCookie must be Lax, not Strict: sign-in links come from elsewhere.
func (p *Portal) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // plain http is served on loopback only
		Name: p.cookie, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: p.cfg.Public.Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
}

// cookieName tells installations on one host apart, which cookies do not by themselves.
func cookieName(public *url.URL) string {
	name := "backlot_login"
	if port := public.Port(); port != "" {
		name += "_" + port
	}
	if public.Scheme == "https" {
		name = "__Host-" + name // browsers then keep other hosts from setting it
	}
	return name
}
