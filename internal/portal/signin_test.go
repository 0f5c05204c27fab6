package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/portal"
)

const spent = "This link does not sign you in any more"

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.newBrowser(t)
	b.get("/").shows(t, http.StatusUnauthorized, "<h1>Sign in</h1>", "backlot sign-in-link")

	link := w.link(t, w.artist.Principal())
	// What shows a preview of a link does not use it up, and neither does looking at it.
	b.send(http.MethodHead, link, nil).shows(t, http.StatusOK)
	for range 2 {
		look := w.newBrowser(t).get(link)
		look.shows(t, http.StatusOK, `<form method="post" action="/sign-in">`, "autofocus")
		if look.header.Get("Set-Cookie") != "" {
			t.Error("a look at a link signs in")
		}
	}
	in := b.signIn(link)
	in.leads(t, "/")
	cookie := in.header.Get("Set-Cookie")
	for _, want := range []string{"backlot_login_", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("no %s in the cookie %s", want, cookie)
		}
	}
	b.get("/").shows(t, http.StatusOK, `<span class="who">artist</span>`, "<h3 id=\"name-"+w.profileID+"\">Desktop</h3>")

	// A link works once; where it has signed in, it leads home all the same.
	b.signIn(link).leads(t, "/")
	w.newBrowser(t).signIn(link).shows(t, http.StatusForbidden, spent)
}

func TestLinksThatDoNotSignIn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	old := w.link(t, w.artist.Principal())
	w.clock.advance(15 * time.Minute)
	b := w.newBrowser(t)
	for name, a := range map[string]answer{
		"too old":             b.signIn(old),
		"made up":             b.signIn("/sign-in?token=made-up"),
		"without a token":     b.post("/sign-in"),
		"a token in the path": b.post(w.link(t, w.artist.Principal())),
	} {
		a.shows(t, http.StatusForbidden, spent)
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("a link that is %s sets a cookie", name)
		}
	}
	b.get("/sign-in").shows(t, http.StatusOK, "Ask whoever runs this server for one.")
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	site, err := url.Parse(w.site.URL)
	must(t, err)
	before := b.client.Jar.Cookies(site)
	b.post("/sign-out").leads(t, "/")
	if left := b.client.Jar.Cookies(site); len(left) != 0 {
		t.Errorf("cookies after signing out: %v", left)
	}
	b.get("/").shows(t, http.StatusUnauthorized)
	b.client.Jar.SetCookies(site, before)
	b.get("/").shows(t, http.StatusUnauthorized)
	b.post("/sign-out").leads(t, "/") // again is fine
}

func TestLoginsEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	w.clock.advance(12 * time.Hour)
	b.get("/").shows(t, http.StatusUnauthorized, "<h1>Sign in</h1>")
	b.post("/sessions/launch", "studio", w.studioID, "profile", w.profileID).shows(t, http.StatusUnauthorized)
	if made := w.mine(); len(made) != 0 {
		t.Errorf("launched by nobody: %v", made)
	}
}

// TestCookieNames: installations on one host do not sign each other out.
func TestCookieNames(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]string{
		"http://127.0.0.1:8017":       "backlot_login_8017",
		"http://127.0.0.1:8018":       "backlot_login_8018",
		"https://studio.example":      "__Host-backlot_login",
		"https://studio.example:8443": "__Host-backlot_login_8443",
	} {
		u, err := url.Parse(public)
		must(t, err)
		if got := portal.CookieName(u); got != want {
			t.Errorf("%s: %s, want %s", public, got, want)
		}
	}
}
