package studio_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// failing fails one kind of action: for good, or as long as it is tried.
func failing(a studio.Action, final bool) func(studio.Action) *studio.Failure {
	return func(b studio.Action) *studio.Failure {
		if a != b {
			return nil
		}
		return &studio.Failure{Code: studio.ImageInvalid, Message: "It does not work.", Final: final, Err: errors.New("test")}
	}
}

func streamConfiguration(change func(*studio.StreamConfigurationCreate)) func(*studio.CreateLaunchProfileRequest) {
	return func(r *studio.CreateLaunchProfileRequest) { change(&r.StreamConfiguration) }
}

func TestEveryActionMayFail(t *testing.T) {
	t.Parallel()
	for _, final := range []bool{true, false} {
		for _, tt := range []struct {
			action studio.Action
			do     func(t *testing.T, w *world, id string)
			state  studio.State
			then   func(t *testing.T, w *world, id string) // once it works again
		}{
			{studio.CreateVolume, nil, studio.CreateFailed, nil},
			{studio.EnsureWorkstation, nil, studio.CreateFailed, nil},
			{studio.StopWorkstation, func(t *testing.T, w *world, id string) { w.stop(t, id, "RETAIN") }, studio.StopFailed, func(t *testing.T, w *world, id string) {
				if s := w.stop(t, id, "RETAIN"); s.State != studio.Stopped || len(w.backups(t)) != 1 {
					t.Errorf("stop again: %+v, %+v", s, w.backups(t))
				}
			}},
			{studio.TakeSnapshot, func(t *testing.T, w *world, id string) { w.stop(t, id, "RETAIN") }, studio.Stopped, func(t *testing.T, w *world, id string) {
				if b := w.backups(t)[0]; b.State != studio.CreateFailed || b.StatusCode != studio.ImageInvalid || b.StatusMessage != "It does not work." {
					t.Errorf("backup: %+v", b)
				}
				if s := w.start(t, id, nil); s.State != studio.Ready || w.content(t, s) != "work" {
					t.Errorf("start: %+v", s)
				}
			}},
			{studio.TakeSnapshot, func(t *testing.T, w *world, id string) { w.stop(t, id, "DELETE") }, studio.Stopped, func(t *testing.T, w *world, id string) {
				if s := w.get(t, id); s.VolumeRetentionMode != "RETAIN" {
					t.Errorf("stop without backup: %+v", s)
				}
				if s := w.start(t, id, nil); s.State != studio.Ready || w.content(t, s) != "work" {
					t.Errorf("start: %+v", s)
				}
			}},
			{studio.DeleteVolume, func(t *testing.T, w *world, id string) { w.stop(t, id, "DELETE") }, studio.StopFailed, func(t *testing.T, w *world, id string) {
				if s := w.stop(t, id, "DELETE"); s.State != studio.Stopped || len(w.volumes) != 0 {
					t.Errorf("stop again: %+v, %v", s, w.volumes)
				}
				if s := w.start(t, id, nil); s.State != studio.Ready || w.content(t, s) != "work" || s.StartedFromBackupID == "" {
					t.Errorf("start: %+v", s)
				}
			}},
			{studio.RemoveWorkstation, remove, studio.DeleteFailed, remove},
			{studio.DeleteVolume, remove, studio.DeleteFailed, remove},
			{studio.DeleteSnapshots, remove, studio.DeleteFailed, remove},
			{studio.EnsureWorkstation, func(t *testing.T, w *world, id string) {
				w.broken = nil
				w.stop(t, id, "RETAIN")
				w.broken = failing(studio.EnsureWorkstation, final)
				w.start(t, id, nil)
			}, studio.StartFailed, func(t *testing.T, w *world, id string) {
				if s := w.start(t, id, nil); s.State != studio.Ready || w.content(t, s) != "work" {
					t.Errorf("start again: %+v", s)
				}
			}},
			{studio.CreateVolume, func(t *testing.T, w *world, id string) {
				w.stop(t, id, "RETAIN")
				w.start(t, id, &w.backups(t)[0].BackupID)
			}, studio.StartFailed, func(t *testing.T, w *world, id string) {
				if s := w.start(t, id, nil); s.State != studio.Ready || w.content(t, s) != "work" || s.StartedFromBackupID != "" {
					t.Errorf("start from the kept volume: %+v", s)
				}
			}},
		} {
			name := string(tt.action) + ", " + string(tt.state)
			if final {
				name += ", for good"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := setup(t)
				if tt.do == nil {
					w.broken = failing(tt.action, final)
				}
				s := w.launch(t)
				if tt.do != nil {
					w.write(t, s, "work")
					w.broken = failing(tt.action, final)
					tt.do(t, w, s.SessionID)
				}
				if s = w.get(t, s.SessionID); s.State != tt.state || s.StatusMessage == "" {
					t.Fatalf("session: %+v", s)
				}
				if tt.action != studio.TakeSnapshot && (s.StatusCode != studio.ImageInvalid || s.StatusMessage != "It does not work.") {
					t.Errorf("session: %+v", s)
				}
				w.broken = nil
				if tt.then != nil {
					tt.then(t, w, s.SessionID)
				}
				if w.get(t, s.SessionID).State != studio.Deleted {
					remove(t, w, s.SessionID)
				}
				if s = w.get(t, s.SessionID); s.State != studio.Deleted || len(w.running)+len(w.volumes)+len(w.snapshots) != 0 {
					t.Errorf("after delete: %+v, left behind %v %v %v", s, w.running, w.volumes, w.snapshots)
				}
			})
		}
	}
}

func remove(t *testing.T, w *world, id string) {
	t.Helper()
	_, err := w.DeleteStreamingSession(t.Context(), artist, &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
	must(t, err)
	w.settle(t, t.Context())
}

func TestDesktopThatDoesNotComeUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.silent = true
	s := w.launch(t)
	if s.State != studio.CreateFailed || s.StatusCode != studio.InternalFailure || len(w.running) != 0 {
		t.Fatalf("%+v, running %v", s, w.running)
	}
	// A late word of it changes nothing.
	must(t, w.DesktopReady(t.Context(), w.stored(t, s.SessionID).Workstation()))
	if s = w.get(t, s.SessionID); s.State != studio.CreateFailed {
		t.Fatalf("%+v", s)
	}
	// What never came to be goes by itself.
	w.clock.advance(25 * time.Hour)
	w.settle(t, t.Context())
	if s = w.get(t, s.SessionID); s.State != studio.Deleted || len(w.volumes) != 0 {
		t.Fatalf("%+v, volumes %v", s, w.volumes)
	}
}

// A desktop that is left of a start that was cut short may be made again.
func TestEarlyWord(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.create(t)
	key := w.stored(t, id).Workstation()
	if err := w.DesktopReady(t.Context(), key); !errors.Is(err, studio.ErrEarly) {
		t.Errorf("word of a workstation that is still being made: %v", err)
	}
	if s := w.get(t, id); s.State != studio.CreateInProgress {
		t.Fatalf("%+v", s)
	}
	w.settle(t, t.Context())
	if s := w.get(t, id); s.State != studio.Ready {
		t.Fatalf("%+v", s)
	}
}

func TestLateWordOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	before := w.stored(t, s.SessionID).Workstation()
	w.stop(t, s.SessionID, "RETAIN")
	_, err := w.StartStreamingSession(t.Context(), artist, &studio.StartStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
	must(t, err)
	must(t, w.DesktopReady(t.Context(), before))
	must(t, w.DesktopReady(t.Context(), "unknown"))
	if s = w.get(t, s.SessionID); s.State != studio.StartInProgress {
		t.Fatalf("%+v", s)
	}
}

func TestNoRoom(t *testing.T) {
	t.Parallel()
	w := setup(t)
	create := &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, EC2InstanceType: new("g5.xlarge")}
	launch := func() *studio.StreamingSession {
		answer, err := w.CreateStreamingSession(t.Context(), artist, create)
		must(t, err)
		if answer.Session.State != studio.CreateInProgress {
			t.Fatalf("%+v", answer.Session)
		}
		w.settle(t, t.Context())
		return w.get(t, answer.Session.SessionID)
	}
	first, second := launch(), launch()
	if first.State != studio.Ready || second.State != studio.CreateFailed || second.StatusCode != studio.InsufficientCapacity ||
		!strings.Contains(second.StatusMessage, "3 are needed, 3 of 4 are taken") {
		t.Fatalf("%+v and %+v", first, second)
	}
	w.stop(t, first.SessionID, "RETAIN")
	third := launch()
	if third.State != studio.Ready {
		t.Fatalf("%+v", third)
	}
	backup := w.backups(t)[0].BackupID
	if s := w.start(t, first.SessionID, &backup); s.State != studio.StartFailed || s.StatusCode != studio.InsufficientCapacity {
		t.Fatalf("%+v", s)
	}
	remove(t, w, third.SessionID)
	if s := w.start(t, first.SessionID, nil); s.State != studio.Ready {
		t.Fatalf("%+v", s)
	}
}

func TestStopWithoutVolume(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	w.write(t, s, "work")
	s = w.stop(t, s.SessionID, "DELETE")
	if s.State != studio.Stopped || s.VolumeRetentionMode != "DELETE" || len(w.volumes) != 0 || len(w.snapshots) != 1 {
		t.Fatalf("%+v with %v, %v", s, w.volumes, w.snapshots)
	}
	s = w.start(t, s.SessionID, nil)
	if s.State != studio.Ready || s.StartedFromBackupID != w.backups(t)[0].BackupID || w.content(t, s) != "work" {
		t.Fatalf("%+v", s)
	}
}

// TestNothingToStartFrom takes a session's only backup out of the store: no
// operation leads there, but a store may have been put back from an older copy.
func TestNothingToStartFrom(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	w.stop(t, s.SessionID, "DELETE")
	must(t, w.store.Write(t.Context(), w.clock.Now(), func(tx studio.Tx) error {
		backups, err := studio.List[studio.Backup](t.Context(), tx, studio.Query{ParentID: s.SessionID})
		must(t, err)
		return tx.Remove(t.Context(), backups[0])
	}))
	_, err := w.StartStreamingSession(t.Context(), artist, &studio.StartStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
	wants(t, err, studio.Conflict, studio.CodeNothingToStart)
	if s = w.get(t, s.SessionID); s.State != studio.Stopped {
		t.Errorf("%+v", s)
	}
}

func TestStopRules(t *testing.T) {
	t.Parallel()
	w := setup(t, streamConfiguration(func(c *studio.StreamConfigurationCreate) { c.SessionBackup = nil }))
	s := w.launch(t)
	stop := func(retention string) error {
		_, err := w.StopStreamingSession(t.Context(), artist, &studio.StopStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID, VolumeRetentionMode: &retention})
		return err
	}
	wants(t, stop("DELETE"), studio.Validation, studio.CodeNoBackup)
	must(t, stop("RETAIN"))
	wants(t, stop("RETAIN"), studio.Conflict, studio.CodeState)
	w.settle(t, t.Context())
	wants(t, stop("RETAIN"), studio.Conflict, studio.CodeState)
	if len(w.backups(t)) != 0 {
		t.Error("a backup was made of a session without backups")
	}

	for name, change := range map[string]func(*studio.StreamConfigurationCreate){
		"not persistent": func(c *studio.StreamConfigurationCreate) {
			c.SessionPersistenceMode, c.VolumeConfiguration = "DEACTIVATED", nil
		},
		"terminated at once": func(c *studio.StreamConfigurationCreate) { c.AutomaticTerminationMode = "ACTIVATED" },
	} {
		w.profileID = w.newProfile(t, t.Context(), streamConfiguration(change))
		s = w.launch(t)
		if s.State != studio.Ready || !s.TerminateAt.Equal(w.clock.Now().Add(690*time.Minute)) || !s.StopAt.IsZero() {
			t.Errorf("%s: %+v", name, s)
		}
		wants(t, stop("RETAIN"), studio.Validation, studio.CodeStop)
		w.clock.advance(690 * time.Minute)
		w.settle(t, t.Context())
		if s = w.get(t, s.SessionID); s.State != studio.Deleted || s.UpdatedBy != artist.ID {
			t.Errorf("%s: at its end: %+v", name, s)
		}
	}
}

func TestLimitsOfTime(t *testing.T) {
	t.Parallel()
	w := setup(t, streamConfiguration(func(c *studio.StreamConfigurationCreate) {
		c.AutomaticTerminationMode, c.MaxStoppedSessionLengthInMinutes, c.MaxSessionLengthInMinutes = "ACTIVATED", 60, 120
	}))
	s := w.launch(t)
	if !s.StopAt.Equal(w.clock.Now().Add(2*time.Hour)) || !s.TerminateAt.IsZero() {
		t.Fatalf("READY: %+v", s)
	}
	w.clock.advance(2 * time.Hour)
	w.settle(t, t.Context())
	s = w.get(t, s.SessionID)
	if s.State != studio.Stopped || s.StoppedBy != "" || s.StoppedAt.IsZero() || s.VolumeRetentionMode != "RETAIN" || !s.StopAt.IsZero() ||
		!s.TerminateAt.Equal(w.clock.Now().Add(time.Hour)) || len(w.backups(t)) != 1 {
		t.Fatalf("stopped in time: %+v", s)
	}
	// A start gives a fresh length; the clock of STOPPED begins anew after it.
	s = w.start(t, s.SessionID, nil)
	if !s.TerminateAt.IsZero() || !s.StopAt.Equal(w.clock.Now().Add(2*time.Hour)) {
		t.Fatalf("started: %+v", s)
	}
	w.stop(t, s.SessionID, "RETAIN")
	w.clock.advance(time.Hour)
	w.settle(t, t.Context())
	if s = w.get(t, s.SessionID); s.State != studio.Deleted {
		t.Fatalf("terminated in time: %+v", s)
	}
}

func TestBackupsAreRetained(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	ready := func() (ids []string) {
		for _, b := range w.backups(t) {
			if b.State == studio.Ready {
				ids = append(ids, b.BackupID)
			}
		}
		return ids
	}
	// While it runs, one every four hours; stopping makes the next.
	w.clock.advance(4 * time.Hour)
	w.settle(t, t.Context())
	w.clock.advance(4 * time.Hour)
	w.settle(t, t.Context())
	if n := len(ready()); n != 2 {
		t.Fatalf("%d backups while READY", n)
	}
	w.stop(t, s.SessionID, "RETAIN")
	three := ready()
	w.start(t, s.SessionID, nil)
	w.stop(t, s.SessionID, "RETAIN")
	if now := ready(); len(now) != 3 || now[1] != three[0] || now[2] != three[1] || len(w.snapshots) != 3 {
		t.Fatalf("after a fourth: %v, before %v, snapshots %v", now, three, w.snapshots)
	}

	// Nothing holds what this run wrote: a restore makes a backup of it first, and
	// that takes nobody's place until the next stop.
	s = w.start(t, s.SessionID, nil)
	w.write(t, s, "precious")
	w.broken = failing(studio.TakeSnapshot, true)
	w.stop(t, s.SessionID, "RETAIN")
	w.broken = nil
	oldest := ready()[2]
	s = w.start(t, s.SessionID, &oldest)
	if now := ready(); s.State != studio.Ready || len(now) != 4 || w.content(t, s) != "" {
		t.Fatalf("restored: %+v, %v", s, now)
	}
	safety := ready()[0]
	w.clock.advance(4 * time.Hour)
	w.settle(t, t.Context())
	if now := ready(); len(now) != 4 || !slices.Contains(now, safety) || slices.Contains(now, oldest) {
		t.Fatalf("after a backup in READY: %v", now)
	}
	w.stop(t, s.SessionID, "RETAIN")
	if now := ready(); len(now) != 3 || !slices.Contains(now, safety) {
		t.Fatalf("after the next stop: %v", now)
	}
	s = w.start(t, s.SessionID, &safety)
	if w.content(t, s) != "precious" {
		t.Fatalf("restored from the safety backup: %q", w.content(t, s))
	}
}

func TestBackupThatCannotBeDeleted(t *testing.T) {
	t.Parallel()
	w := setup(t, func(r *studio.CreateLaunchProfileRequest) { r.StreamConfiguration.SessionBackup.MaxBackupsToRetain = 1 })
	s := w.launch(t)
	w.stop(t, s.SessionID, "RETAIN")
	first := w.backups(t)[0].BackupID
	is := func(state studio.State, code studio.StatusCode) {
		t.Helper()
		a, err := w.GetStreamingSessionBackup(t.Context(), artist, &studio.GetStreamingSessionBackupRequest{StudioID: w.studioID, BackupID: first})
		must(t, err)
		if b := a.StreamingSessionBackup; b.State != state || b.StatusCode != code {
			t.Errorf("%+v; want %s, %s", b, state, code)
		}
		sentence(t, a.StreamingSessionBackup.StatusMessage)
	}
	is(studio.Ready, "STREAMING_SESSION_READY")
	w.broken = failing(studio.DeleteSnapshot, false)
	w.start(t, s.SessionID, nil)
	w.stop(t, s.SessionID, "RETAIN")
	is(studio.DeleteFailed, studio.InternalFailure)

	// The next backup gives it another chance.
	w.broken = nil
	w.start(t, s.SessionID, nil)
	w.stop(t, s.SessionID, "RETAIN")
	is(studio.Deleted, "STREAMING_SESSION_DELETED")
	if len(w.snapshots) != 1 {
		t.Errorf("snapshots: %v", w.snapshots)
	}
}

func TestStartRules(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	start := func(p studio.Principal, backup *string) error {
		_, err := w.StartStreamingSession(t.Context(), p, &studio.StartStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID, BackupID: backup})
		return err
	}
	wants(t, start(artist, nil), studio.Conflict, studio.CodeState)
	w.stop(t, s.SessionID, "RETAIN")
	wants(t, start(admin, new("nothing")), studio.NotFound, studio.CodeNotFound)

	w.clock.advance(time.Second)
	second := w.launch(t)
	w.stop(t, second.SessionID, "RETAIN")
	wants(t, start(artist, &w.backups(t)[0].BackupID), studio.Validation, studio.CodeReference)

	// Who is no member any more may not start, but an administrator may.
	owned, err := w.CreateStreamingSession(t.Context(), admin, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, OwnedBy: &other.ID})
	must(t, err)
	w.settle(t, t.Context())
	s = owned.Session
	_, err = w.StopStreamingSession(t.Context(), other, &studio.StopStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
	must(t, err)
	w.settle(t, t.Context())
	wants(t, start(other, nil), studio.AccessDenied, studio.CodeNotAllowed)
	must(t, start(admin, nil))
}

func TestDeleteRules(t *testing.T) {
	t.Parallel()
	w := setup(t)
	created, err := w.CreateStreamingSession(t.Context(), artist, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	must(t, err)
	request := &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: created.Session.SessionID}
	_, err = w.DeleteStreamingSession(t.Context(), artist, request)
	wants(t, err, studio.Conflict, studio.CodeState)
	var e *studio.Error
	if errors.As(err, &e); e.Context["state"] != "CREATE_IN_PROGRESS" || e.Context["resourceId"] != created.Session.SessionID {
		t.Errorf("context: %v", e.Context)
	}
	w.settle(t, t.Context())
	_, err = w.DeleteStreamingSession(t.Context(), artist, request)
	must(t, err)
	_, err = w.DeleteStreamingSession(t.Context(), artist, request)
	wants(t, err, studio.Conflict, studio.CodeState)
	w.settle(t, t.Context())
	_, err = w.DeleteStreamingSession(t.Context(), artist, request)
	wants(t, err, studio.NotFound, studio.CodeNotFound)
}

func TestDesktopLost(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	key := w.key(t, s)
	delete(w.running, key)
	must(t, w.DesktopLost(t.Context(), key))
	w.settle(t, t.Context())
	if s = w.get(t, s.SessionID); s.State != studio.Ready || w.key(t, s) != key {
		t.Fatalf("%+v", s)
	}
	// It goes on being tried, and the session can still be stopped.
	w.broken = failing(studio.EnsureWorkstation, true)
	must(t, w.DesktopLost(t.Context(), key))
	w.settle(t, t.Context())
	if s = w.get(t, s.SessionID); s.State != studio.Ready {
		t.Fatalf("%+v", s)
	}
	if s = w.stop(t, s.SessionID, "RETAIN"); s.State != studio.Stopped {
		t.Fatalf("%+v", s)
	}
}

func TestRecoverGivesAFreshBudget(t *testing.T) {
	t.Parallel()
	w := setup(t)
	created, err := w.CreateStreamingSession(t.Context(), artist, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	must(t, err)
	w.silent = true
	for range 4 {
		w.step(t, t.Context())
	}
	w.clock.advance(time.Hour) // the server was down
	must(t, w.Recover(t.Context()))
	w.silent = false
	w.settle(t, t.Context())
	if s := w.get(t, created.Session.SessionID); s.State != studio.Ready {
		t.Fatalf("%+v", s)
	}
}

// TestClockSetBack lets an attempt fail, and the clock be set back by a day: it is
// made again all the same.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	w.broken = failing(studio.EnsureWorkstation, false)
	must(t, w.DesktopLost(t.Context(), w.key(t, s)))
	w.step(t, t.Context())
	w.clock.advance(-24 * time.Hour)
	w.broken = nil
	must(t, w.Recover(t.Context()))
	now := w.clock.Now()
	if due, any, err := w.store.NextDue(t.Context(), now); err != nil || !any || due.After(now.Add(time.Minute)) {
		t.Errorf("next due at %v, now is %v (%v, %v)", due, now, any, err)
	}
}

// TestStopTakesItsOwnBackup lets a backup of the running session be taken, the
// server die before it knows, and the session be stopped after more work.
func TestStopTakesItsOwnBackup(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	w.write(t, s, "before")
	w.clock.advance(4 * time.Hour)
	w.step(t, t.Context()) // the backup is begun
	now := w.clock.Now()
	leases, err := w.store.Claim(t.Context(), now, "doomed", now.Add(time.Second), 1)
	must(t, err)
	task, err := w.Task(t.Context(), leases[0].Table, leases[0].ID)
	must(t, err)
	if task.Action != studio.TakeSnapshot || w.do(t, t.Context(), task) != nil {
		t.Fatalf("%+v", task)
	}
	w.clock.advance(2 * time.Second)
	w.write(t, s, "after")
	w.stop(t, s.SessionID, "DELETE")
	s = w.start(t, s.SessionID, nil)
	if got := w.content(t, s); got != "after" {
		t.Fatalf("came back with %q", got)
	}
	if len(w.snapshots) != 1 {
		t.Errorf("snapshots: %v", w.snapshots)
	}
}
