package studio_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/access"
	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

const (
	account  = "123456789012"
	region   = "us-west-2"
	identity = "d-1234567890"
	hostAMI  = "ami-0123456789abcdef0"
	role     = "arn:aws:iam::" + account + ":role/studio"
)

var (
	admin  = studio.Principal{ID: "AKIAADMIN", Administrator: true}
	artist = studio.Principal{ID: "90677b1c2d-artist"}
	other  = studio.Principal{ID: "90677b1c2d-other"}
	boss   = studio.Principal{ID: "90677b1c2d-boss"}
)

type users struct{}

func (users) Known(_ context.Context, store, principal string) (bool, error) {
	return store == identity && slices.Contains([]string{artist.ID, other.ID, boss.ID}, principal), nil
}

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

// errorer is what is needed of a test.
type errorer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// world is a Service on a real store, with a machine that exists in this test only.
type world struct {
	*studio.Service
	store *store.Store
	clock *clock

	studioID, imageID, componentID, profileID string

	mu sync.Mutex
	// running are the workstations that run, with the volume they run on.
	running map[string]string
	// volumes and snapshots hold what was written to them.
	volumes, snapshots map[string]string
	// broken fails actions; silent desktops never become ready.
	broken func(studio.Action) *studio.Failure
	silent bool

	fences fences
	leases leases
}

// setup makes a world with a studio and, of what change leaves of the default,
// a launch profile whose member the artist is.
func setup(t *testing.T, change ...func(*studio.CreateLaunchProfileRequest)) *world {
	t.Helper()
	w := open(t, t, t.TempDir(), nil)
	w.furnish(t, t.Context(), change...)
	return w
}

func open(t errorer, tb testing.TB, dir string, configure func(*studio.Config)) *world {
	t.Helper()
	s, err := store.Open(tb.Context(), store.Config{Path: filepath.Join(dir, "store"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	w := &world{
		store: s, clock: &clock{now: time.Date(2026, 5, 1, 8, 0, 0, 123456000, time.UTC)},
		running: map[string]string{}, volumes: map[string]string{}, snapshots: map[string]string{},
		fences: fences{}, leases: leases{},
	}
	policies, err := access.New(access.Config{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := studio.Config{
		Store: watched{s, tb.Name()}, Access: policies, Users: users{}, Images: images{}, Account: account, Region: region,
		StudioURL: func(name string) string { return "http://localhost/studios/" + name },
		StreamURL: func(id, ticket, key string) string {
			return "http://localhost/stream/" + id + "?authToken=" + ticket + "#" + key
		},
		ShareURL: func(token string) string { return "http://localhost/share/" + token },
		Secret:   []byte("0123456789abcdef"), Clock: w.clock.Now, Random: rand.NewChaCha8([32]byte{}),
		InstanceTypes: []studio.InstanceType{
			{Name: "g4dn.xlarge", Reserved: studio.Capacity{CPUs: 1, MemoryBytes: 1 << 30}},
			{Name: "g5.xlarge", Reserved: studio.Capacity{CPUs: 3, MemoryBytes: 1 << 30}},
		},
		Capacity: studio.Capacity{CPUs: 4, MemoryBytes: 64 << 30},
		Log:      slog.New(slog.DiscardHandler),
	}
	cfg.Vault = vault{w}
	if configure != nil {
		configure(&cfg)
	}
	if w.Service, err = studio.New(cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) furnish(t errorer, ctx context.Context, change ...func(*studio.CreateLaunchProfileRequest)) {
	t.Helper()
	st, err := w.CreateStudio(ctx, admin, &studio.CreateStudioRequest{StudioName: "demo", DisplayName: "Demo", AdminRoleARN: role, UserRoleARN: role})
	must(t, err)
	w.studioID = st.Studio.StudioID
	w.finish(t, ctx, studio.TableStudios, w.studioID)
	c, err := w.CreateStudioComponent(ctx, admin, &studio.CreateStudioComponentRequest{StudioID: w.studioID, Name: "tools", Type: "CUSTOM"})
	must(t, err)
	w.componentID = c.StudioComponent.StudioComponentID
	w.finish(t, ctx, studio.TableComponents, w.componentID)
	i, err := w.CreateStreamingImage(ctx, admin, &studio.CreateStreamingImageRequest{StudioID: w.studioID, Name: "host", EC2ImageID: hostAMI})
	must(t, err)
	w.imageID = i.StreamingImage.StreamingImageID
	w.finish(t, ctx, studio.TableImages, w.imageID)
	w.profileID = w.newProfile(t, ctx, change...)
}

// profile is a request that is complete but for what change leaves of it:
// persistent, stoppable for good, backups kept.
func (w *world) profile(change ...func(*studio.CreateLaunchProfileRequest)) *studio.CreateLaunchProfileRequest {
	req := &studio.CreateLaunchProfileRequest{
		StudioID: w.studioID, Name: "Desktop", EC2SubnetIDs: []string{}, LaunchProfileProtocolVersions: []string{"2021-03-31"},
		StudioComponentIDs: []string{w.componentID},
		StreamConfiguration: studio.StreamConfigurationCreate{
			ClipboardMode: "ENABLED", EC2InstanceTypes: []string{"g4dn.xlarge", "g5.xlarge"}, StreamingImageIDs: []string{w.imageID},
			MaxSessionLengthInMinutes: 690, SessionPersistenceMode: "ACTIVATED",
			SessionBackup:       &studio.StreamConfigurationSessionBackup{Mode: "AUTOMATIC", MaxBackupsToRetain: 3},
			VolumeConfiguration: &studio.VolumeConfiguration{IOPS: 3000, Size: 100, Throughput: 125},
		},
	}
	for _, c := range change {
		c(req)
	}
	return req
}

func (w *world) newProfile(t errorer, ctx context.Context, change ...func(*studio.CreateLaunchProfileRequest)) string {
	t.Helper()
	f, err := w.CreateLaunchProfile(ctx, admin, w.profile(change...))
	must(t, err)
	w.finish(t, ctx, studio.TableProfiles, f.LaunchProfile.LaunchProfileID)
	_, err = w.PutLaunchProfileMembers(ctx, admin, &studio.PutLaunchProfileMembersRequest{
		StudioID: w.studioID, LaunchProfileID: f.LaunchProfile.LaunchProfileID, IdentityStoreID: identity,
		Members: []studio.NewLaunchProfileMember{{Persona: "USER", PrincipalID: artist.ID}},
	})
	must(t, err)
	return f.LaunchProfile.LaunchProfileID
}

func must(t errorer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// claim has a server take the lease of one thing that is due, and look what there
// is to do.
func (w *world) claim(t errorer, ctx context.Context, holder string) (tasks []studio.Task) {
	t.Helper()
	now := w.clock.Now()
	claimed, err := w.store.Claim(ctx, now, holder, now.Add(time.Second), 1)
	must(t, err)
	for _, lease := range claimed {
		w.leases.taken(t, lease, now)
		task, err := w.Task(ctx, lease.Table, lease.ID)
		must(t, err)
		task.Table, task.ID, task.Lease = lease.Table, lease.ID, lease
		tasks = append(tasks, task)
	}
	return tasks
}

// step does one thing that is due and tells whether there was one.
func (w *world) step(t errorer, ctx context.Context) bool {
	t.Helper()
	tasks := w.claim(t, ctx, "test")
	for _, task := range tasks {
		if task.Action != studio.None {
			if !w.fences.pass(task) {
				t.Fatalf("who holds %+v comes too late", task.Lease)
			}
			failed := w.do(t, ctx, task)
			if err := w.Record(ctx, task, failed); !errors.Is(err, studio.ErrStale) {
				must(t, err)
			}
			if task.Action == studio.EnsureWorkstation && failed == nil && !w.silent {
				if err := w.DesktopReady(ctx, task.Session.Workstation()); !errors.Is(err, studio.ErrEarly) {
					must(t, err)
				}
			}
		}
		if err := w.store.Release(ctx, task.Lease); !errors.Is(err, studio.ErrStale) { // stale: it was forgotten
			must(t, err)
		}
		w.leases.released(task.Lease)
	}
	return len(tasks) > 0
}

// finish brings one noun to rest that needs nothing of the machine.
func (w *world) finish(t errorer, ctx context.Context, table studio.Table, id string) {
	t.Helper()
	for {
		task, err := w.Task(ctx, table, id)
		must(t, err)
		if task.Action == studio.None {
			return
		}
		must(t, w.Record(ctx, task, nil))
	}
}

// settle does what is due until nothing is, moving the time to what is due
// within the next few minutes.
func (w *world) settle(t errorer, ctx context.Context) {
	t.Helper()
	end := w.clock.Now().Add(10 * time.Minute)
	for range 1000 {
		if w.step(t, ctx) {
			continue
		}
		due, any, err := w.store.NextDue(ctx, w.clock.Now())
		must(t, err)
		if !any || due.After(end) {
			return
		}
		w.clock.advance(due.Sub(w.clock.Now()))
	}
	t.Fatal("nothing settles")
}

// do does to the machine what a task asks.
func (w *world) do(t errorer, ctx context.Context, task studio.Task) *studio.Failure {
	t.Helper()
	if w.broken != nil && outside(task.Action) {
		if f := w.broken(task.Action); f != nil {
			return f
		}
	}
	s := task.Session
	missing := func(what string) *studio.Failure {
		return &studio.Failure{Code: studio.InternalFailure, Message: "It is missing.", Final: true, Err: errors.New("no " + what)}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch task.Action {
	case studio.CreateVolume:
		content, ok := w.snapshots[s.From]
		if s.From != "" && !ok {
			return missing("snapshot " + s.From)
		}
		if _, ok := w.volumes[s.Volume]; !ok {
			w.volumes[s.Volume] = content
		}
		if s.Compare != "" {
			w.snapshots[s.Compare] = content
		}
	case studio.EnsureWorkstation:
		if _, ok := w.volumes[s.Volume]; !ok {
			return missing("volume " + s.Volume)
		}
		for key, volume := range w.running {
			if volume == s.Volume && key != s.Workstation() {
				t.Fatalf("%s is started on %s, on which %s runs", s.Workstation(), volume, key)
			}
		}
		w.running[s.Workstation()] = s.Volume
	case studio.StopWorkstation, studio.RemoveWorkstation:
		delete(w.running, s.Leftover)
	case studio.TakeSnapshot:
		content, ok := w.volumes[task.SnapshotOf]
		if !ok {
			return missing("volume " + task.SnapshotOf)
		}
		if _, ok := w.snapshots[task.Snapshot]; !ok {
			w.snapshots[task.Snapshot] = content
		}
	case studio.DeleteVolume:
		for key, volume := range w.running {
			if volume == s.Trash[0] {
				t.Fatalf("volume %s of %s is deleted while it runs", volume, key)
			}
		}
		delete(w.volumes, s.Trash[0])
	case studio.DeleteSnapshots, studio.DeleteSnapshot:
		for _, id := range task.Volumes {
			delete(w.volumes, id)
		}
		for _, id := range task.Snapshots {
			if by := w.needed(t, ctx, id); by != "" {
				t.Fatalf("snapshot %s is deleted while the volume of %s is still to be made from it", id, by)
			}
			delete(w.snapshots, id)
		}
	default:
	}
	return nil
}

// outside tells whether an action is one that drivers carry out.
func outside(a studio.Action) bool {
	switch a {
	case studio.GiveUp, studio.Settle, studio.StopInTime, studio.DeleteInTime, studio.BackUpInTime, studio.Expire, studio.Forget:
		return false
	default:
		return true
	}
}

// write lets the desktop of a READY session write a file.
func (w *world) write(t errorer, s *studio.StreamingSession, content string) {
	t.Helper()
	w.volumes[w.running[w.key(t, s)]] = content
}

// content is what the desktop of a READY session sees.
func (w *world) content(t errorer, s *studio.StreamingSession) string {
	t.Helper()
	return w.volumes[w.running[w.key(t, s)]]
}

// key is the workstation of a READY session, as the machine knows it.
func (w *world) key(t errorer, s *studio.StreamingSession) string {
	t.Helper()
	stored := w.stored(t, s.SessionID)
	if _, ok := w.running[stored.Workstation()]; !ok {
		t.Fatalf("%s does not run; running are %v", stored.Workstation(), slices.Collect(maps.Keys(w.running)))
	}
	return stored.Workstation()
}

func (w *world) stored(t errorer, id string) *studio.Session {
	t.Helper()
	var s studio.Session
	must(t, w.store.Read(context.Background(), func(tx studio.Tx) error { return tx.Find(context.Background(), id, &s) }))
	return &s
}

// launch makes a session and lets it become what it becomes.
func (w *world) launch(t *testing.T) *studio.StreamingSession {
	t.Helper()
	s, err := w.CreateStreamingSession(t.Context(), artist, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	must(t, err)
	w.settle(t, t.Context())
	return w.get(t, s.Session.SessionID)
}

func (w *world) get(t *testing.T, id string) *studio.StreamingSession {
	t.Helper()
	s, err := w.GetStreamingSession(t.Context(), admin, &studio.GetStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
	must(t, err)
	return s.Session
}

func (w *world) stop(t *testing.T, id, retention string) *studio.StreamingSession {
	t.Helper()
	s, err := w.StopStreamingSession(t.Context(), artist, &studio.StopStreamingSessionRequest{StudioID: w.studioID, SessionID: id, VolumeRetentionMode: &retention})
	must(t, err)
	if s.Session.State != studio.StopInProgress {
		t.Fatalf("stop: %+v", s.Session)
	}
	w.settle(t, t.Context())
	return w.get(t, id)
}

func (w *world) start(t *testing.T, id string, backup *string) *studio.StreamingSession {
	t.Helper()
	s, err := w.StartStreamingSession(t.Context(), artist, &studio.StartStreamingSessionRequest{StudioID: w.studioID, SessionID: id, BackupID: backup})
	must(t, err)
	if s.Session.State != studio.StartInProgress {
		t.Fatalf("start: %+v", s.Session)
	}
	w.settle(t, t.Context())
	return w.get(t, id)
}

func (w *world) backups(t *testing.T) []studio.StreamingSessionBackup {
	t.Helper()
	l, err := w.ListStreamingSessionBackups(t.Context(), artist, &studio.ListStreamingSessionBackupsRequest{StudioID: w.studioID, OwnedBy: artist.ID})
	must(t, err)
	w.clock.advance(time.Second) // so that the list tells which came later
	return l.StreamingSessionBackups
}

// wants fails unless err is of that kind and code, and as the table of codes says.
func wants(t errorer, err error, kind studio.ErrorKind, code string) {
	t.Helper()
	var e *studio.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Code != code {
		t.Fatalf("err = %v, want %s %s", err, kind, code)
	}
	if tb, ok := t.(testing.TB); ok {
		reach(tb.Name(), string(kind)+" "+code)
	}
	i := slices.IndexFunc(studio.Codes(), func(c studio.Code) bool { return c.Name == code })
	if i < 0 || studio.Codes()[i].Kind != kind {
		t.Fatalf("%s %s is not in the table of codes", kind, code)
	}
	keys := slices.Sorted(maps.Keys(e.Context))
	if want := slices.Sorted(slices.Values(studio.Codes()[i].Context)); !slices.Equal(keys, want) {
		t.Fatalf("context of %v has %v, want %v", err, keys, want)
	}
	if !strings.HasSuffix(e.Message, ".") {
		t.Fatalf("%q is no sentence", e.Message)
	}
}
