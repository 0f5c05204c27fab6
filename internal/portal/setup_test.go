package portal_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/access"
	"github.com/backlot/backlot/internal/identity"
	"github.com/backlot/backlot/internal/portal"
	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

const (
	role    = "arn:aws:iam::123456789012:role/studio"
	hostAMI = "ami-0123456789abcdef0"
)

var admin = studio.Principal{ID: "administrator", Administrator: true}

// images know one machine image.
type images struct{}

func (images) Platform(_ context.Context, id string) (string, bool, error) {
	return "LINUX", id == hostAMI, nil
}

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is the pages, on a real store and domain, with a machine that does what
// it is told only when a test says so.
type world struct {
	*studio.Service
	*identity.Directory
	store *store.Store
	clock *clock
	site  *httptest.Server
	// stop ends what the site is at, as the end of a server does.
	stop context.CancelFunc
	// down makes the site end every connection without an answer.
	down atomic.Bool
	// listeners is how many pages listen to events.
	listeners atomic.Int32
	logged    logged
	log       *slog.Logger

	studioID, imageID, componentID, profileID string
	// artist is a member of the launch profile, other of nothing.
	artist, other identity.User

	// broken, if set, is what becomes of everything the machine is told.
	broken *studio.Failure
}

// logged keeps what is logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// has tells whether a line has all these words.
func (l *logged) has(words ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return true
		}
	}
	return false
}

func setup(t *testing.T) *world {
	t.Helper()
	return setupWith(t, func(s *studio.Service) portal.Service { return s })
}

// setupWith lets the pages have another service, made of the real one.
func setupWith(t *testing.T, service func(*studio.Service) portal.Service) *world {
	t.Helper()
	w := &world{clock: &clock{now: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)}}
	log := slog.New(slog.NewTextHandler(io.MultiWriter(t.Output(), &w.logged), nil))
	w.log = log
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "store"), Log: log})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	w.store = s
	// The same bytes in every run, for pages to be compared.
	random := &lockedReader{from: rand.NewChaCha8([32]byte{})}
	w.Directory, err = identity.New(identity.Config{Store: s, Key: make([]byte, 32), Clock: w.clock.Now, Random: random})
	must(t, err)
	policies, err := access.New(access.Config{})
	must(t, err)

	w.site = httptest.NewUnstartedServer(nil)
	ctx, stop := context.WithCancel(t.Context())
	w.stop, w.site.Config.BaseContext = stop, func(net.Listener) context.Context { return ctx }
	public := &url.URL{Scheme: "http", Host: w.site.Listener.Addr().String()}
	w.Service, err = studio.New(studio.Config{
		Store: s, Access: policies, Users: w.Directory, Images: images{}, Account: "123456789012", Region: "us-west-2",
		StudioURL: func(string) string { return public.String() },
		StreamURL: func(id, ticket, _ string) string { return public.String() + "/stream/" + id + "?authToken=" + ticket },
		ShareURL:  func(token string) string { return public.String() + "/share/" + token },
		Secret:    make([]byte, 32), Clock: w.clock.Now, Random: random,
		InstanceTypes: []studio.InstanceType{{Name: "g4dn.xlarge"}, {Name: "g5.xlarge"}},
		Quotas:        studio.Quotas{Sessions: 100, LaunchProfiles: 100}, Log: log,
	})
	must(t, err)
	pages, err := portal.New(portal.Config{Service: service(w.Service), Identity: w.Directory, Changes: s.Changes, Public: public, Log: log})
	must(t, err)
	mux := http.NewServeMux()
	mux.Handle("/", pages.Handler())
	mux.HandleFunc("GET /stream/{id}", func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Cross-Origin-Opener-Policy", "same-origin") // as the gateway does
		_, _ = io.WriteString(out, "<!doctype html><title>A desktop</title>")
	})
	w.site.Config.Handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if w.down.Load() {
			panic(http.ErrAbortHandler)
		}
		if r.URL.Path == "/events" {
			w.listeners.Add(1)
			defer w.listeners.Add(-1)
		}
		mux.ServeHTTP(out, r)
	})
	w.site.Start()
	t.Cleanup(w.site.Close)
	t.Cleanup(stop)
	w.furnish(t)
	return w
}

// lockedReader lets several goroutines read.
type lockedReader struct {
	mu   sync.Mutex
	from io.Reader
}

func (r *lockedReader) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.from.Read(b)
}

func (w *world) furnish(t *testing.T) {
	t.Helper()
	var err error
	w.artist, err = w.AddUser(t.Context(), "artist")
	must(t, err)
	w.other, err = w.AddUser(t.Context(), "other")
	must(t, err)
	w.studioID, w.imageID, w.componentID = w.newStudio(t, "demo", "Demo")
	w.profileID = w.newProfile(t, w.studioID, "Desktop", nil)
}

func (w *world) newStudio(t *testing.T, name, display string) (studioID, imageID, componentID string) {
	t.Helper()
	st, err := w.CreateStudio(t.Context(), admin, &studio.CreateStudioRequest{
		StudioName: name, DisplayName: display, AdminRoleARN: role, UserRoleARN: role,
	})
	must(t, err)
	w.finish(t, studio.TableStudios, st.Studio.StudioID)
	i, err := w.CreateStreamingImage(t.Context(), admin, &studio.CreateStreamingImageRequest{StudioID: st.Studio.StudioID, Name: "host", EC2ImageID: hostAMI})
	must(t, err)
	c, err := w.CreateStudioComponent(t.Context(), admin, &studio.CreateStudioComponentRequest{StudioID: st.Studio.StudioID, Name: "tools", Type: "CUSTOM"})
	must(t, err)
	w.finish(t, studio.TableImages, i.StreamingImage.StreamingImageID)
	w.finish(t, studio.TableComponents, c.StudioComponent.StudioComponentID)
	return st.Studio.StudioID, i.StreamingImage.StreamingImageID, c.StudioComponent.StudioComponentID
}

// newProfile makes a launch profile that the artist is a member of.
func (w *world) newProfile(t *testing.T, studioID, name string, change func(*studio.CreateLaunchProfileRequest)) string {
	t.Helper()
	about := "A Linux desktop with the programs of this machine"
	req := &studio.CreateLaunchProfileRequest{
		StudioID: studioID, Name: name, Description: &about, EC2SubnetIDs: []string{},
		LaunchProfileProtocolVersions: []string{"2021-03-31"}, StudioComponentIDs: []string{w.componentID},
		StreamConfiguration: studio.StreamConfigurationCreate{
			ClipboardMode: "ENABLED", EC2InstanceTypes: []string{"g4dn.xlarge", "g5.xlarge"}, StreamingImageIDs: []string{w.imageID},
			MaxSessionLengthInMinutes: 690, SessionPersistenceMode: "ACTIVATED",
			SessionBackup:       &studio.StreamConfigurationSessionBackup{Mode: "AUTOMATIC", MaxBackupsToRetain: 3},
			VolumeConfiguration: &studio.VolumeConfiguration{IOPS: 3000, Size: 100, Throughput: 125},
		},
	}
	if change != nil {
		change(req)
	}
	f, err := w.CreateLaunchProfile(t.Context(), admin, req)
	must(t, err)
	w.finish(t, studio.TableProfiles, f.LaunchProfile.LaunchProfileID)
	store, err := w.StoreID(t.Context())
	must(t, err)
	_, err = w.PutLaunchProfileMembers(t.Context(), admin, &studio.PutLaunchProfileMembersRequest{
		StudioID: studioID, LaunchProfileID: f.LaunchProfile.LaunchProfileID, IdentityStoreID: store,
		Members: []studio.NewLaunchProfileMember{{Persona: "USER", PrincipalID: w.artist.PrincipalID}},
	})
	must(t, err)
	return f.LaunchProfile.LaunchProfileID
}

// passing makes sessions that keep nothing.
func passing(req *studio.CreateLaunchProfileRequest) {
	req.StreamConfiguration.SessionPersistenceMode = "DEACTIVATED"
	req.StreamConfiguration.SessionBackup = nil
	req.StreamConfiguration.VolumeConfiguration = nil
}

// finish brings one noun to rest that needs nothing of the machine.
func (w *world) finish(t *testing.T, table studio.Table, id string) {
	t.Helper()
	for {
		task, err := w.Task(t.Context(), table, id)
		must(t, err)
		if task.Action == studio.None {
			return
		}
		must(t, w.Record(t.Context(), task, nil))
	}
}

// work does everything that is due, as the machine would.
func (w *world) work(t *testing.T) {
	t.Helper()
	for range 1000 {
		now := w.clock.Now()
		leases, err := w.store.Claim(t.Context(), now, "test", now.Add(time.Second), 1)
		must(t, err)
		if len(leases) == 0 {
			return
		}
		task, err := w.Task(t.Context(), leases[0].Table, leases[0].ID)
		must(t, err)
		if task.Action != studio.None {
			failed := w.do(t, task)
			if err := w.Record(t.Context(), task, failed); !errors.Is(err, studio.ErrStale) {
				must(t, err)
			}
			if task.Action == studio.EnsureWorkstation && failed == nil {
				must(t, w.DesktopReady(t.Context(), task.Session.Workstation()))
			}
		}
		if err := w.store.Release(t.Context(), leases[0]); !errors.Is(err, studio.ErrStale) { // stale: it was forgotten
			must(t, err)
		}
	}
	t.Fatal("there is always something to do")
}

func (w *world) do(t *testing.T, task studio.Task) *studio.Failure {
	t.Helper()
	switch task.Action {
	case studio.EnsureWorkstation, studio.StopWorkstation, studio.RemoveWorkstation, studio.TakeSnapshot, studio.CreateVolume:
		if w.broken != nil {
			return w.broken
		}
	default:
	}
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// browser keeps cookies, follows no redirects and sends what browsers send.
type browser struct {
	*world
	t      *testing.T
	client http.Client
}

type answer struct {
	status int
	header http.Header
	body   string
}

// newBrowser is one that nobody is signed in with.
func (w *world) newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{w, t, http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signedIn is a browser that somebody is signed in with.
func (w *world) signedIn(t *testing.T, who studio.Principal) *browser {
	t.Helper()
	b := w.newBrowser(t)
	if a := b.signIn(w.link(t, who)); a.status != http.StatusSeeOther {
		t.Fatalf("sign-in: %d %s", a.status, a.body)
	}
	return b
}

// signIn opens a sign-in link and presses its button.
func (b *browser) signIn(link string) answer {
	b.t.Helper()
	a := b.get(link)
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(a.body)
	if token == nil {
		b.t.Fatalf("nothing to sign in with: %d\n%s", a.status, a.body)
	}
	return b.post("/sign-in", "token", token[1])
}

// link is the path of a fresh sign-in link.
func (w *world) link(t *testing.T, who studio.Principal) string {
	t.Helper()
	token, err := w.OneTimeLink(t.Context(), who)
	must(t, err)
	return "/sign-in?token=" + token
}

func (b *browser) get(path string) answer { return b.send(http.MethodGet, path, nil) }

// post sends a form of names and values, as one of the page does.
func (b *browser) post(path string, form ...string) answer {
	values := url.Values{}
	for pair := range slices.Chunk(form, 2) {
		values.Set(pair[0], pair[1])
	}
	return b.send(http.MethodPost, path, values, "Origin", b.site.URL, "Sec-Fetch-Site", "same-origin")
}

func (b *browser) send(method, path string, form url.Values, headers ...string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.site.URL+path, strings.NewReader(form.Encode()))
	must(b.t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	out, err := b.client.Do(r)
	must(b.t, err)
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	must(b.t, err)
	return answer{out.StatusCode, out.Header, string(body)}
}

// shows fails unless the page has that status and these words.
func (a answer) shows(t *testing.T, status int, words ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d", a.status, status)
	}
	for _, w := range words {
		if !strings.Contains(a.body, w) {
			t.Errorf("no %q in\n%s", w, a.body)
		}
	}
}

// leads fails unless the answer sends the browser there.
func (a answer) leads(t *testing.T, to string) {
	t.Helper()
	if at := a.header.Get("Location"); a.status != http.StatusSeeOther || !strings.HasPrefix(at, to) {
		t.Errorf("%d to %q, want to %q\n%s", a.status, at, to, a.body)
	}
}

// launch makes a session by the page and returns its id.
func (b *browser) launch() string {
	b.t.Helper()
	b.clock.advance(time.Second) // so that lists tell which came later
	b.post("/sessions/launch", "studio", b.studioID, "profile", b.profileID).leads(b.t, "/")
	return b.mine()[0].SessionID
}

// mine are the artist's sessions, the newest first.
func (w *world) mine() []studio.StreamingSession {
	out, err := w.ListStreamingSessions(context.Background(), admin, &studio.ListStreamingSessionsRequest{
		StudioID: w.studioID, OwnedBy: w.artist.PrincipalID,
	})
	if err != nil {
		panic(err)
	}
	return out.Sessions
}

func (b *browser) do(verb, session string, more ...string) answer {
	b.t.Helper()
	return b.post("/sessions/"+verb, append([]string{"studio", b.studioID, "session", session}, more...)...)
}

// state is that of a session.
func (b *browser) state(id string) studio.State {
	b.t.Helper()
	s, err := b.GetStreamingSession(b.t.Context(), admin, &studio.GetStreamingSessionRequest{StudioID: b.studioID, SessionID: id})
	must(b.t, err)
	return s.Session.State
}
