package portal_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/internal/portal"
	"github.com/backlot/backlot/internal/studio"
)

// deeds are all paths that a form is sent to.
var deeds = []string{"/sign-in", "/sign-out", "/sessions/launch", "/sessions/open", "/sessions/start", "/sessions/stop", "/sessions/delete"}

// TestNoDeedForOthers: whatever changes something takes a POST, and one from here.
func TestNoDeedForOthers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	id := b.launch()
	w.work(t)
	token := w.link(t, w.other.Principal())[len("/sign-in?token="):]
	form := url.Values{"studio": {w.studioID}, "session": {id}, "profile": {w.profileID}, "token": {token}}
	for _, path := range deeds {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Origin", "https://evil.example"},
			{"Origin", "null"},
			{"Sec-Fetch-Site", "cross-site", "Origin", "null", "Content-Type", "text/plain"},
		} {
			b.send(http.MethodPost, path, form, headers...).shows(t, http.StatusForbidden, "Nothing was done")
		}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
			a := b.send(method, path+"?"+form.Encode(), nil, "X-HTTP-Method-Override", "POST")
			if a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s sets a cookie", method, path)
			}
			if a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s is for other sites", method, path)
			}
		}
	}
	b.get("/").shows(t, http.StatusOK, `<span class="who">artist</span>`)
	if s := w.mine(); len(s) != 1 || s[0].State != studio.Ready {
		t.Errorf("others did something: %+v", s)
	}
	b.post("/sign-in", "token", token).leads(t, "/") // it is still good
}

// TestCookieBehindTLS: it never leaves the encrypted connection, and no other host sets it.
func TestCookieBehindTLS(t *testing.T) {
	t.Parallel()
	w := setup(t)
	public := &url.URL{Scheme: "https", Host: "studio.example"}
	pages, err := portal.New(portal.Config{Service: w.Service, Identity: w.Directory, Changes: w.store.Changes, Public: public, Log: w.log})
	must(t, err)
	token := w.link(t, w.artist.Principal())[len("/sign-in?token="):]
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://studio.example/sign-in", strings.NewReader(url.Values{"token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	out := httptest.NewRecorder()
	pages.Handler().ServeHTTP(out, r)
	cookies := out.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d: cookies %v", out.Code, cookies)
	}
	if c := cookies[0]; c.Name != "__Host-backlot_login" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %+v", c)
	}
}

// TestNoFixation: a cookie that was there before is worth nothing after signing in.
func TestNoFixation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	site, err := url.Parse(w.site.URL)
	must(t, err)
	b := w.newBrowser(t)
	planted := &http.Cookie{Name: portal.CookieName(site), Value: "planted"}
	b.client.Jar.SetCookies(site, []*http.Cookie{planted})
	b.get("/").shows(t, http.StatusUnauthorized)
	b.signIn(w.link(t, w.other.Principal())).leads(t, "/")
	first := b.client.Jar.Cookies(site)
	if len(first) != 1 || first[0].Value == planted.Value || len(first[0].Value) < 43 {
		t.Fatalf("cookies %v", first)
	}
	b.signIn(w.link(t, w.artist.Principal())).leads(t, "/")
	b.get("/").shows(t, http.StatusOK, `<span class="who">artist</span>`)

	// Whoever kept a copy of a cookie that another has taken the place of has nothing.
	for _, old := range [][]*http.Cookie{{planted}, first} {
		thief := w.newBrowser(t)
		thief.client.Jar.SetCookies(site, old)
		thief.get("/").shows(t, http.StatusUnauthorized)
		thief.get("/events").shows(t, http.StatusOK, "event: signed-out")
	}
	for _, value := range []string{"", "\"", "a b", strings.Repeat("x", 5000), "%00", "../.."} {
		b := w.newBrowser(t)
		b.send(http.MethodGet, "/", nil, "Cookie", planted.Name+"="+value).shows(t, http.StatusUnauthorized)
	}
}

// TestOthersWorkstations: by no address and no form does one user reach what is another's.
func TestOthersWorkstations(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b, other := w.signedIn(t, w.artist.Principal()), w.signedIn(t, w.other.Principal())
	id := b.launch()
	w.work(t)
	b.do("stop", id).leads(t, "/")
	w.work(t)
	backups, err := w.ListStreamingSessionBackups(t.Context(), admin, &studio.ListStreamingSessionBackupsRequest{StudioID: w.studioID})
	must(t, err)
	backup := backups.StreamingSessionBackups[0].BackupID
	before := w.mine()[0]

	// What is another's looks just like what there is not.
	problem := func(a answer) string {
		t.Helper()
		if a.status != http.StatusForbidden {
			t.Errorf("status %d", a.status)
		}
		_, text, _ := strings.Cut(a.body, `role="alert"><p>`)
		text, _, _ = strings.Cut(text, "</p>")
		return text
	}
	for _, verb := range []string{"open", "start", "stop", "delete"} {
		if theirs, nobodys := problem(other.do(verb, id)), problem(other.do(verb, w.studioID+".gone")); theirs != nobodys || theirs == "" {
			t.Errorf("%s tells whether there is one: %q, %q", verb, theirs, nobodys)
		}
		other.do(verb, id, "backup", backup, "owner", w.other.PrincipalID, "ownedBy", w.other.PrincipalID).shows(t, http.StatusForbidden)
	}
	other.post("/sessions/launch", "studio", w.studioID, "profile", w.profileID, "ownedBy", w.artist.PrincipalID).shows(t, http.StatusForbidden)
	for _, path := range []string{"/", "/?session=" + id, "/?user=" + w.artist.PrincipalID, "/sessions/" + id, "/sessions/open?session=" + id, "/events/" + id} {
		if a := other.get(path); strings.Contains(a.body, before.SessionID+`"`) || strings.Contains(a.body, backup) {
			t.Errorf("%s shows it", path)
		}
	}
	after := w.mine()
	if len(after) != 1 || after[0].State != before.State || !after[0].UpdatedAt.Equal(before.UpdatedAt) {
		t.Errorf("it has changed: %+v", after)
	}
	// An artist's launch is the artist's own, whatever else the form says.
	b.post("/sessions/launch", "studio", w.studioID, "profile", w.profileID, "ownedBy", w.other.PrincipalID, "owner", w.other.PrincipalID).leads(t, "/")
	if now := w.mine(); len(now) != 2 {
		t.Errorf("the artist has %d", len(now))
	}
	// There is nothing for administrators here that an artist could find.
	for _, path := range []string{"/admin", "/users", "/studios", "/sign-in-link", "/settings", "/debug/pprof/", "/metrics", "/assets/", "/assets/../signin.tmpl", "/dist/home.js"} {
		if a := other.get(path); a.status != http.StatusNotFound && a.status != http.StatusTemporaryRedirect && a.status != http.StatusMovedPermanently {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// TestNowhereElse: no address and no form leads to another site, or puts a header
// into an answer.
func TestNowhereElse(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	const evil = "x\r\nSet-Cookie: evil=1\r\nLocation: https://evil.example/"
	answers := map[string]answer{
		"spent token": b.post("/sign-in", "token", evil, "next", "https://evil.example"),
		"sign-out":    w.signedIn(t, w.artist.Principal()).post("/sign-out", "next", "//evil.example"),
		"launch":      b.post("/sessions/launch", "studio", w.studioID, "profile", w.profileID, "type", evil),
		"fine launch": b.post("/sessions/launch", "studio", w.studioID, "profile", w.profileID, "next", "https://evil.example"),
		"open":        b.post("/sessions/open", "studio", evil, "session", evil),
		"start":       b.post("/sessions/start", "studio", w.studioID, "session", evil, "backup", evil),
	}
	for _, path := range []string{
		"//evil.example", "//evil.example/..", "/%5cevil.example", "/%2f%2fevil.example", "/sessions//evil.example", "/x/..//evil.example/",
		"/sign-in?token=" + url.QueryEscape(evil), "/sign-in?next=//evil.example", "/?next=//evil.example", "/%0d%0aSet-Cookie:%20evil=1",
		"/sessions/%0d%0aLocation:%20https:%2f%2fevil.example",
	} {
		answers[path] = b.get(path)
	}
	for name, a := range answers {
		at, err := url.Parse(a.header.Get("Location"))
		if err != nil || at.Host != "" || strings.HasPrefix(at.Path, "//") || strings.HasPrefix(at.Path, `/\`) || strings.Contains(at.String(), "\n") {
			t.Errorf("%s leads to %q", name, a.header.Get("Location"))
		}
		if strings.Contains(a.header.Get("Set-Cookie"), "evil") {
			t.Errorf("%s sets a cookie: %v", name, a.header)
		}
		if a.status >= http.StatusInternalServerError {
			t.Errorf("%s: %d", name, a.status)
		}
	}
}

// TestStrangeForms are refused in words, whatever is in them.
func TestStrangeForms(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b, nobody := w.signedIn(t, w.artist.Principal()), w.newBrowser(t)
	id := b.launch()
	w.work(t)
	for _, strange := range []string{"", "\x00", "a\x00b", "\xff\xfe", "\u202e", strings.Repeat("x", 12<<10), "../../x", "' OR 1=1 --", "<script>"} {
		for _, path := range deeds {
			if path == "/sign-out" {
				continue
			}
			for _, field := range []string{"studio", "session", "profile", "backup", "type", "token"} {
				form := url.Values{"studio": {w.studioID}, "session": {id}, "profile": {"none"}, "token": {"none"}}
				if strange == "" && (field == "backup" || field == "type") || path == "/sessions/stop" || path == "/sessions/delete" || path == "/sessions/open" {
					form.Set("session", strange) // or it would be done
				}
				form.Set(field, strange)
				from := b
				if path == "/sign-in" {
					from = nobody // who is signed in is led home
				}
				a := from.send(http.MethodPost, path, form, "Sec-Fetch-Site", "same-origin")
				if a.status < 400 || a.status >= 500 {
					t.Errorf("%s with %s %.10q: %d", path, field, strange, a.status)
				}
			}
		}
	}
	if s := b.state(id); s != studio.Ready {
		t.Errorf("it is %s", s)
	}
}

// TestHeadersOfEveryAnswer: nothing may be framed, kept or run that is not ours.
func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b, nobody := w.signedIn(t, w.artist.Principal()), w.newBrowser(t)
	foreign := b.send(http.MethodPost, "/sign-out", url.Values{}, "Sec-Fetch-Site", "cross-site")
	for name, a := range map[string]answer{
		"home": b.get("/"), "signed out": nobody.get("/"), "link": nobody.get("/sign-in?token=x"), "spent": nobody.post("/sign-in", "token", "x"),
		"not there": b.get("/none"), "problem": b.do("open", "none"), "foreign": foreign, "led": b.get("/sessions/open"),
		"launch": b.post("/sessions/launch", "studio", w.studioID, "profile", w.profileID), "events": nobody.get("/events"),
		"style": b.get("/assets/style.css"), "script": b.get("/assets/home.js"), "icon": b.get("/assets/icon.svg"), "no asset": b.get("/assets/none"),
	} {
		policy := map[string]string{}
		for rule := range strings.SplitSeq(a.header.Get("Content-Security-Policy"), ";") {
			what, from, _ := strings.Cut(strings.TrimSpace(rule), " ")
			policy[what] = from
		}
		for rule, want := range map[string]string{
			"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'",
			"form-action": "'self' " + w.site.URL,
		} {
			if policy[rule] != want {
				t.Errorf("%s: %s %q, want %q", name, rule, policy[rule], want)
			}
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Referrer-Policy") != "no-referrer" || a.header.Get("Cross-Origin-Opener-Policy") != "same-origin" {
			t.Errorf("%s: %v", name, a.header)
		}
		keep := "no-store"
		if slices.Contains([]string{"style", "script", "icon"}, name) {
			keep = "no-cache"
		}
		if got := a.header.Get("Cache-Control"); got != keep {
			t.Errorf("%s: Cache-Control %q, want %s", name, got, keep)
		}
		if strings.Contains(a.body, " style=") || strings.Contains(a.body, " onclick=") || strings.Contains(a.body, "<script>") {
			t.Errorf("%s has script or style of its own", name)
		}
	}
}

// TestNamesAreText: whatever people call things, it is shown and never run.
func TestNamesAreText(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const evil = `"'><img src=x onerror=pwned=1><script>pwned=1</script>` // 55 characters
	user, err := w.AddUser(t.Context(), evil)
	must(t, err)
	studioID, imageID, componentID := w.newStudio(t, "second", evil)
	w.imageID, w.componentID, w.artist = imageID, componentID, user
	about := evil + "{{.}}${pwned=1}javascript:pwned=1"
	w.newProfile(t, studioID, evil, func(r *studio.CreateLaunchProfileRequest) { r.Description = &about })
	tab := w.open(t)
	tab.click(".launch button")
	tab.awaitState("CREATE_IN_PROGRESS") // drawn by the script
	w.broken = &studio.Failure{Code: studio.InternalFailure, Message: evil, Final: true, Err: http.ErrServerClosed}
	w.work(t)
	tab.awaitState("CREATE_FAILED")
	for range 2 {
		var seen struct {
			Names   []string
			Foreign int
			Pwned   bool
		}
		tab.eval(`return {
			names: [".who", "#profiles h3", "#profiles .facts", "#sessions h3", "#sessions .note", "#sessions .facts"].map((s) => document.querySelector(s)?.textContent ?? ""),
			foreign: document.querySelectorAll("main img, main script, [onerror]").length,
			pwned: "pwned" in window,
		}`, &seen)
		if seen.Foreign != 0 || seen.Pwned {
			t.Errorf("a name is run: %+v", seen)
		}
		for i, name := range seen.Names {
			if !strings.Contains(name, evil) {
				t.Errorf("name %d is shown as %q", i, name)
			}
		}
		tab.do(chromedp.Reload()) // drawn by the server
	}
	// The question before a deletion has the name in it, too.
	w.broken = nil
	tab.click(`form[action="/sessions/delete"] button`)
	tab.awaitState("DELETE_IN_PROGRESS")
	w.work(t)
	tab.await(`document.getElementById("no-sessions")`)
	tab.click(".launch button")
	tab.awaitState("CREATE_IN_PROGRESS")
	w.work(t)
	tab.awaitState("READY")
	tab.click(`form[action="/sessions/delete"] button`)
	tab.await(`document.getElementById("confirm-title").textContent.includes("onerror")`)
	tab.await(`!("pwned" in window) && !document.querySelector("dialog img")`)
}

// TestSignOutEndsAllTabs of the browser, at once.
func TestSignOutEndsAllTabs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tab := w.open(t)
	ctx, cancel := chromedp.NewContext(tab.ctx)
	t.Cleanup(cancel)
	second := &window{t, ctx}
	second.do(chromedp.Navigate(w.site.URL))
	second.await(`document.querySelector(".who")`)
	second.click(`form[action="/sign-out"] button`)
	second.await(`document.querySelector("h1").textContent === "Sign in"`)
	tab.do(chromedp.ActionFunc(func(ctx context.Context) error {
		return target.ActivateTarget(chromedp.FromContext(ctx).Target.TargetID).Do(ctx)
	}))
	tab.await(`document.querySelector("h1").textContent === "Sign in"`)
}
