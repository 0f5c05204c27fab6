package reconcile_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backlot/backlot/internal/image"
	"github.com/backlot/backlot/internal/reconcile"
	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
	volumefake "github.com/backlot/backlot/internal/volume/fake"
	"github.com/backlot/backlot/internal/workstation"
	workstationfake "github.com/backlot/backlot/internal/workstation/fake"
)

const (
	role    = "arn:aws:iam::123456789012:role/studio"
	hostAMI = "ami-0123456789abcdef0"
)

var (
	admin  = studio.Principal{ID: "AKIAADMIN", Administrator: true}
	artist = studio.Principal{ID: "90677b1c2d-artist"}
)

// anybody may do anything; everybody is known.
type anybody struct{}

func (anybody) Allowed(context.Context, studio.Question) (bool, error)      { return true, nil }
func (anybody) Known(context.Context, string, string) (bool, error)         { return true, nil }
func (anybody) Platform(context.Context, string) (string, bool, error)      { return "LINUX", true, nil }
func (anybody) Lower(_ context.Context, id string) (dirs []string, _ error) { return lower(id) }

func lower(id string) ([]string, error) {
	if id != hostAMI {
		return nil, fmt.Errorf("%s: %w", id, image.ErrNotFound)
	}
	return []string{"/"}, nil
}

// viewers remember which desktops they were parted from.
type viewers struct {
	mu     sync.Mutex
	parted []string
}

func (v *viewers) Disconnect(key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.parted = append(v.parted, key)
}

// world is a server on fake machines, in a bubble of its own time.
type world struct {
	*studio.Service
	store        *store.Store
	workstations *workstationfake.Driver
	volumes      *volumefake.Driver
	viewers      *viewers
	studioID     string
	profileID    string
	cfg          reconcile.Config
}

// inside runs a test in a bubble of its own time.
func inside(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, setup(t))
	})
}

func setup(t *testing.T) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "store"), Log: log})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	w := &world{
		store: s, workstations: &workstationfake.Driver{}, viewers: &viewers{},
		volumes: &volumefake.Driver{Dir: t.TempDir(), FreeBytes: 1 << 40},
	}
	w.Service, err = studio.New(studio.Config{
		Store: s, Access: anybody{}, Users: anybody{}, Images: anybody{}, Account: "123456789012", Region: "us-west-2",
		StudioURL: func(string) string { return "" }, StreamURL: func(id, ticket, _ string) string { return id + "?" + ticket },
		Secret: []byte("0123456789abcdef"), Clock: time.Now, Random: rand.Reader, Log: log,
		InstanceTypes: []studio.InstanceType{{Name: "g4dn.xlarge", CPUs: 2, MemoryBytes: 1 << 30}},
		Timing:        studio.Timing{BackUpEvery: 12 * time.Minute},
	})
	must(t, err)
	w.cfg = reconcile.Config{
		Studio: w, Leases: s, Workstations: w.workstations, Volumes: w.volumes, Images: anybody{}, Viewers: w.viewers,
		Holder: "one", StateDir: t.TempDir(), Credential: func(key string) string { return "secret of " + key }, SocketDir: "/run/gateway",
		User: workstation.User{Name: "artist", ID: 1000}, Screen: workstation.Screen{Width: 1280, Height: 720}, Reserve: 1 << 30, Log: log,
	}
	w.furnish(t)
	return w
}

func (w *world) furnish(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	st, err := w.CreateStudio(ctx, admin, &studio.CreateStudioRequest{StudioName: "demo", AdminRoleARN: role, UserRoleARN: role})
	must(t, err)
	w.studioID = st.Studio.StudioID
	w.finish(t, studio.TableStudios, w.studioID)
	c, err := w.CreateStudioComponent(ctx, admin, &studio.CreateStudioComponentRequest{StudioID: w.studioID, Name: "tools", Type: "CUSTOM"})
	must(t, err)
	w.finish(t, studio.TableComponents, c.StudioComponent.StudioComponentID)
	i, err := w.CreateStreamingImage(ctx, admin, &studio.CreateStreamingImageRequest{StudioID: w.studioID, Name: "host", EC2ImageID: hostAMI})
	must(t, err)
	w.finish(t, studio.TableImages, i.StreamingImage.StreamingImageID)
	missing, err := w.CreateStreamingImage(ctx, admin, &studio.CreateStreamingImageRequest{StudioID: w.studioID, Name: "gone", EC2ImageID: "ami-gone"})
	must(t, err)
	w.finish(t, studio.TableImages, missing.StreamingImage.StreamingImageID)
	f, err := w.CreateLaunchProfile(ctx, admin, &studio.CreateLaunchProfileRequest{
		StudioID: w.studioID, Name: "Desktop", EC2SubnetIDs: []string{}, LaunchProfileProtocolVersions: []string{"2021-03-31"},
		StudioComponentIDs: []string{c.StudioComponent.StudioComponentID},
		StreamConfiguration: studio.StreamConfigurationCreate{
			ClipboardMode: "ENABLED", EC2InstanceTypes: []string{"g4dn.xlarge"}, MaxSessionLengthInMinutes: 30,
			StreamingImageIDs:      []string{i.StreamingImage.StreamingImageID, missing.StreamingImage.StreamingImageID},
			SessionPersistenceMode: "ACTIVATED",
			SessionBackup:          &studio.StreamConfigurationSessionBackup{Mode: "AUTOMATIC", MaxBackupsToRetain: 3},
			VolumeConfiguration:    &studio.VolumeConfiguration{IOPS: 3000, Size: 100, Throughput: 125},
		},
	})
	must(t, err)
	w.profileID = f.LaunchProfile.LaunchProfileID
	w.finish(t, studio.TableProfiles, w.profileID)
	_, err = w.PutLaunchProfileMembers(ctx, admin, &studio.PutLaunchProfileMembersRequest{
		StudioID: w.studioID, LaunchProfileID: w.profileID, IdentityStoreID: "d-1234567890",
		Members: []studio.NewLaunchProfileMember{{Persona: "USER", PrincipalID: artist.ID}},
	})
	must(t, err)
}

// finish brings one noun to rest, as a loop would.
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

// run starts a loop; what it returns ends it.
func (w *world) run(t *testing.T) (end func()) {
	t.Helper()
	return w.runLoop(t, w.cfg)
}

func (w *world) runLoop(t *testing.T, cfg reconcile.Config) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := reconcile.New(cfg).Run(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	running.Go(func() { w.streamers(ctx, t) })
	end = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(end)
	return end
}

// streamers tell of every desktop that comes up, half a second after it does.
func (w *world) streamers(ctx context.Context, t *testing.T) {
	told := map[string]int{}
	for ctx.Err() == nil {
		time.Sleep(500 * time.Millisecond)
		all, err := w.workstations.List(ctx)
		if err != nil {
			continue
		}
		for _, s := range all {
			n := w.workstations.Process(s.ID, "streamer")
			if s.State != workstation.Running || told[s.ID] == n {
				continue
			}
			if err := w.DesktopReady(ctx, s.ID); err == nil {
				told[s.ID] = n
			} else if ctx.Err() == nil && !errors.Is(err, studio.ErrEarly) {
				t.Error(err)
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) create(t *testing.T) string {
	t.Helper()
	s, err := w.CreateStreamingSession(t.Context(), artist, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	must(t, err)
	return s.Session.SessionID
}

func (w *world) stop(t *testing.T, id, retention string) {
	t.Helper()
	_, err := w.StopStreamingSession(t.Context(), artist, &studio.StopStreamingSessionRequest{StudioID: w.studioID, SessionID: id, VolumeRetentionMode: &retention})
	must(t, err)
}

func (w *world) start(t *testing.T, id string, backup *string) {
	t.Helper()
	_, err := w.StartStreamingSession(t.Context(), artist, &studio.StartStreamingSessionRequest{StudioID: w.studioID, SessionID: id, BackupID: backup})
	must(t, err)
}

func (w *world) remove(t *testing.T, id string) {
	t.Helper()
	_, err := w.DeleteStreamingSession(t.Context(), artist, &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
	must(t, err)
}

func (w *world) get(t *testing.T, id string) *studio.StreamingSession {
	t.Helper()
	s, err := w.GetStreamingSession(t.Context(), artist, &studio.GetStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
	must(t, err)
	return s.Session
}

// wait waits as the stock waiters do, and longer than any of them would.
func (w *world) wait(t *testing.T, id string, wanted studio.State) *studio.StreamingSession {
	t.Helper()
	for began := time.Now(); time.Since(began) < 30*time.Minute; time.Sleep(100 * time.Millisecond) {
		s := w.get(t, id)
		if s.State == wanted {
			return s
		}
		if slices.Contains([]studio.State{studio.CreateFailed, studio.StartFailed, studio.StopFailed, studio.DeleteFailed}, s.State) {
			t.Fatalf("instead of %s: %+v", wanted, s)
		}
	}
	t.Fatalf("never %s: %+v", wanted, w.get(t, id))
	return nil
}

// backups are those of all sessions, the newest first.
func (w *world) backups(t *testing.T) []studio.StreamingSessionBackup {
	t.Helper()
	l, err := w.ListStreamingSessionBackups(t.Context(), artist, &studio.ListStreamingSessionBackupsRequest{StudioID: w.studioID, OwnedBy: artist.ID})
	must(t, err)
	return l.StreamingSessionBackups
}

// desktop is the workstation of a session that runs.
func (w *world) desktop(t *testing.T, id string) string {
	t.Helper()
	var s studio.Session
	must(t, w.store.Read(t.Context(), func(tx studio.Tx) error { return tx.Find(t.Context(), id, &s) }))
	return s.Workstation()
}

func (w *world) write(t *testing.T, id, content string) {
	t.Helper()
	must(t, w.workstations.Write(w.desktop(t, id), "file", content))
}

func (w *world) read(t *testing.T, id string) string {
	t.Helper()
	content, err := w.workstations.Read(w.desktop(t, id), "file")
	must(t, err)
	return content
}

// nothingLeft fails when anything stays on the machine.
func (w *world) nothingLeft(t *testing.T) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Second) {
		there, err := w.workstations.List(t.Context())
		must(t, err)
		disks, err := w.volumes.List(t.Context())
		must(t, err)
		if len(there)+len(disks.Volumes)+len(disks.Snapshots) == 0 {
			return
		}
		// What a loop that died could not take away any more is an orphan first.
		if time.Since(began) > 2*time.Minute {
			t.Errorf("left behind: %v, %+v", there, disks)
			return
		}
	}
}
