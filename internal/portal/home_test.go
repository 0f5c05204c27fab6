package portal_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/studio"
)

// golden compares the main part of a page with a file in testdata.
func golden(t *testing.T, name string, a answer) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d\n%s", name, a.status, a.body)
	}
	_, main, _ := strings.Cut(a.body, "<main")
	main, _, ok := strings.Cut(main, "</main>")
	if !ok {
		t.Fatalf("%s has no main part:\n%s", name, a.body)
	}
	main = "<main" + main + "</main>\n"
	file := filepath.Join("testdata", name+".html")
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(file, []byte(main), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), main); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// TestPages compares what the home page shows in each state of a workstation.
func TestPages(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	golden(t, "nothing-shared", w.signedIn(t, w.other.Principal()).get("/"))
	golden(t, "no-workstation", b.get("/"))
	id := b.launch()
	golden(t, "being-made", b.get("/"))
	w.work(t)
	golden(t, "ready", b.get("/"))
	b.do("stop", id).leads(t, "/")
	w.work(t)
	golden(t, "stopped", b.get("/"))
	w.broken = &studio.Failure{Code: studio.InternalFailure, Final: true, Err: http.ErrServerClosed}
	b.do("start", id).leads(t, "/")
	w.work(t)
	golden(t, "failed", b.get("/"))
}

// TestStates looks at the words and the deeds of the other states.
func TestStates(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	fails := &studio.Failure{Code: studio.InternalFailure, Final: true, Err: http.ErrServerClosed}
	deeds := func(page answer) string {
		var found []string
		for _, m := range regexp.MustCompile(`action="/sessions/(open|start|stop|delete)"( target="[^"]*")?( data-confirm)?`).FindAllStringSubmatch(page.body, -1) {
			found = append(found, m[1]+strings.TrimPrefix(m[3], " data-"))
		}
		return strings.Join(found, " ")
	}
	shows := func(want string, words ...string) {
		t.Helper()
		page := b.get("/")
		page.shows(t, http.StatusOK, words...)
		if got := deeds(page); got != want {
			t.Errorf("deeds %q, want %q", got, want)
		}
	}

	id := b.launch()
	w.work(t)
	b.do("stop", id).leads(t, "/")
	shows("", ">Stopping<", "Everything on it is kept.")
	w.broken = fails
	w.work(t)
	shows("stop deleteconfirm", ">Could not stop<", "Something went wrong on the server. Stop it once more.")
	b.do("delete", id).leads(t, "/")
	shows("", ">Being deleted<")
	w.work(t)
	shows("deleteconfirm", ">Could not be deleted<", "Delete it once more.")
	w.broken = nil
	b.do("delete", id).leads(t, "/")
	w.work(t)
	shows("", "No workstation yet")

	// Of what never ran there is nothing to lose, so it goes without a question.
	w.broken = &studio.Failure{Code: studio.InsufficientCapacity, Message: "There is no room.", Final: true, Err: http.ErrServerClosed}
	b.launch()
	w.work(t)
	shows("delete", ">Could not be made<", "There is no room. Delete this one, then launch again.")
	w.broken = nil
	b.do("delete", b.mine()[0].SessionID).leads(t, "/")
	w.work(t)

	fleeting := w.newProfile(t, w.studioID, "Fleeting", passing)
	b.post("/sessions/launch", "studio", w.studioID, "profile", fleeting).leads(t, "/")
	w.work(t)
	shows("open deleteconfirm", ">Ready<", "Deleted by itself <time", ", with everything on it.", "Keeps nothing: what is on it goes with it")
}

// TestManyThings: no page of a list is missed, and deleted workstations, which
// are listed for days, hide none that are there.
func TestManyThings(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	first := b.launch()
	w.work(t)
	for range 55 {
		b.launch()
		w.work(t)
		b.do("delete", b.mine()[0].SessionID).leads(t, "/")
		w.work(t)
	}
	for i := range 55 {
		w.newProfile(t, w.studioID, fmt.Sprintf("Profile %d", i), nil)
	}
	page := b.get("/")
	if n := strings.Count(page.body, "data-session="); n != 1 || !strings.Contains(page.body, first) {
		t.Errorf("%d workstations show, want the first one only", n)
	}
	if n := strings.Count(page.body, `action="/sessions/launch"`); n != 56 {
		t.Errorf("%d launch profiles show, want 56", n)
	}
}

// TestStudios: where there are several, things say which they belong to.
func TestStudios(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	b.launch()
	if page := b.get("/"); strings.Contains(page.body, "Demo") {
		t.Errorf("the only studio is named:\n%s", page.body)
	}
	second, image, component := w.newStudio(t, "second", "Second unit")
	w.imageID, w.componentID = image, component
	profile := w.newProfile(t, second, "Desktop", nil)
	b.post("/sessions/launch", "studio", second, "profile", profile).leads(t, "/")
	b.get("/").shows(t, http.StatusOK, "Demo · g4dn.xlarge", "Second unit · g4dn.xlarge", `<p class="facts">Demo</p>`, `<p class="facts">Second unit</p>`)
}

// TestAdministrator may launch from every profile, and sees what is his own only.
func TestAdministrator(t *testing.T) {
	t.Parallel()
	w := setup(t)
	artist, administrator := w.signedIn(t, w.artist.Principal()), w.signedIn(t, admin)
	artist.launch()
	administrator.get("/").shows(t, http.StatusOK, `<span class="who">administrator</span>`, "No workstation yet", "launch-"+w.profileID)
	administrator.post("/sessions/launch", "studio", w.studioID, "profile", w.profileID).leads(t, "/")
	page := administrator.get("/")
	if n := strings.Count(page.body, "data-session="); n != 1 || strings.Contains(page.body, artist.mine()[0].SessionID) {
		t.Errorf("%d workstations show, want his own only:\n%s", n, page.body)
	}
}

// TestNames: what people call things is text, whatever it holds.
func TestNames(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const evil = `"><script>alert(1)</script>'{{.}}`
	evilID := w.newProfile(t, w.studioID, evil, func(req *studio.CreateLaunchProfileRequest) {
		about := evil
		req.Description = &about
	})
	mallory, err := w.AddUser(t.Context(), `<img src=x onerror=alert(1)>`)
	must(t, err)
	b := w.signedIn(t, w.artist.Principal())
	b.post("/sessions/launch", "studio", w.studioID, "profile", evilID).leads(t, "/")
	w.work(t)
	for _, page := range []answer{b.get("/"), w.signedIn(t, mallory.Principal()).get("/")} {
		page.shows(t, http.StatusOK)
		for _, raw := range []string{"<script>alert", "<img src=x", `Delete "`} {
			if strings.Contains(page.body, raw) {
				t.Errorf("%s stands raw in\n%s", raw, page.body)
			}
		}
	}
	b.get("/").shows(t, http.StatusOK, "Delete &#34;&gt;&lt;script&gt;")
}
