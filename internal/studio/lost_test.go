package studio_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// lost lists what is lost, a page at a time.
func (w *world) lost(t *testing.T) (all []studio.Lost) {
	t.Helper()
	for token, first := "", true; first || token != ""; first = false {
		l, err := w.ListLost(t.Context(), admin, &studio.ListLostRequest{NextToken: token, MaxResults: new(2)})
		must(t, err)
		all, token = append(all, l.Lost...), l.NextToken
	}
	return all
}

func (w *world) lostIDs(t *testing.T) string {
	t.Helper()
	var ids []string
	for _, l := range w.lost(t) {
		ids = append(ids, l.LostID)
	}
	return strings.Join(ids, " ")
}

func (w *world) adopt(t *testing.T, id, token string) (*studio.StreamingSession, error) {
	t.Helper()
	a, err := w.AdoptLost(t.Context(), admin, &studio.AdoptLostRequest{
		StudioID: w.studioID, LostID: id, LaunchProfileID: w.profileID, OwnedBy: &artist.ID, ClientToken: token,
	})
	if err != nil {
		return nil, err
	}
	return a.Session, nil
}

func (w *world) deleteLost(t *testing.T, id string) error {
	t.Helper()
	_, err := w.DeleteLost(t.Context(), admin, &studio.DeleteLostRequest{LostID: id})
	return err
}

func TestLost(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	b := w.backUp(t, s.SessionID)
	must(t, w.deleteBackup(t, b.BackupID))
	w.settle(t, t.Context())
	late := w.backUp(t, s.SessionID)
	stored := w.stored(t, s.SessionID)
	key := stored.Key
	for _, id := range []string{key + "v9", "strange"} {
		w.volumes[id] = "work"
	}
	w.volumes["bare"] = ""
	w.snapshots[key+"b1"] = "of a deleted backup"
	w.snapshots[key+"v1c"] = "to be compared"
	w.snapshots["another"] = "work"
	all := w.lost(t)
	if got, want := w.lostIDs(t), strings.Join(slices.Sorted(slices.Values([]string{"another", key + "v9", "strange"})), " "); got != want {
		t.Fatalf("lost are %s, want %s", got, want)
	}
	for _, l := range all {
		kind, session := studio.LostVolume, ""
		if l.LostID == "another" {
			kind = studio.LostSnapshot
		}
		if strings.HasPrefix(l.LostID, key) {
			session = s.SessionID
		}
		if l.Kind != kind || l.SessionID != session || l.UsedBytes != 4 || l.ChangedAt.IsZero() || l.Reason == "" {
			t.Errorf("%+v", l)
		}
	}
	// What is wanted, or the loop's to remove, is never deleted by this.
	for _, id := range []string{stored.Volume, key + "b2", "bare", key + "b1", "nothing"} {
		wants(t, w.deleteLost(t, id), studio.NotFound, studio.CodeNotFound)
		_, err := w.adopt(t, id, "")
		wants(t, err, studio.NotFound, studio.CodeNotFound)
	}
	must(t, w.deleteLost(t, "strange"))
	wants(t, w.deleteLost(t, "strange"), studio.NotFound, studio.CodeNotFound)
	if _, there := w.volumes["strange"]; there || w.backup(t, late.BackupID).State != studio.Ready || len(w.volumes) != 3 {
		t.Errorf("left are %v", w.volumes)
	}
}

func TestAdoptedVolumes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.volumes["lostvolume"] = "monday"
	// However often it is asked for: one session.
	var made sync.Map
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			s, err := w.adopt(t, "lostvolume", "")
			if err == nil {
				made.Store(s.SessionID, s)
			} else if studio.KindOf(err) != studio.NotFound {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	var s *studio.StreamingSession
	n := 0
	made.Range(func(_, v any) bool {
		n++
		s = v.(*studio.StreamingSession)
		return true
	})
	if n != 1 || s.State != studio.CreateInProgress || s.OwnedBy != artist.ID {
		t.Fatalf("%d sessions, %+v", n, s)
	}
	wants(t, w.deleteLost(t, "lostvolume"), studio.NotFound, studio.CodeNotFound)
	w.settle(t, t.Context())
	if s = w.get(t, s.SessionID); s.State != studio.Ready || w.content(t, s) != "monday" {
		t.Fatalf("%+v", s)
	}
	w.write(t, s, "tuesday")
	if s = w.stop(t, s.SessionID, "DELETE"); s.State != studio.Stopped || len(w.volumes) != 0 {
		t.Fatalf("%+v %v", s, w.volumes)
	}
	if s = w.start(t, s.SessionID, nil); w.content(t, s) != "tuesday" {
		t.Errorf("%+v", s)
	}
	_, err := w.DeleteStreamingSession(t.Context(), admin, &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
	must(t, err)
	w.settle(t, t.Context())
	if len(w.volumes)+len(w.snapshots) != 0 || len(w.lost(t)) != 0 {
		t.Errorf("left: %v %v", w.volumes, w.snapshots)
	}
}

func TestAdoptedSnapshots(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.snapshots["lostsnapshot"] = "monday"
	s, err := w.adopt(t, "lostsnapshot", "once")
	must(t, err)
	if again, err := w.adopt(t, "lostsnapshot", "once"); err != nil || again.SessionID != s.SessionID {
		t.Errorf("again: %+v, %v", again, err)
	}
	_, err = w.adopt(t, "lostsnapshot", "")
	wants(t, err, studio.NotFound, studio.CodeNotFound)
	w.settle(t, t.Context())
	if s = w.get(t, s.SessionID); s.State != studio.Ready || w.content(t, s) != "monday" {
		t.Fatalf("%+v", s)
	}
	list := w.backups(t)
	if len(list) != 1 || s.StartedFromBackupID != list[0].BackupID || w.backup(t, list[0].BackupID).Origin != "ADOPTED" {
		t.Errorf("%+v", list)
	}
	must(t, w.deleteBackup(t, list[0].BackupID))
	w.settle(t, t.Context())
	if len(w.snapshots) != 0 || len(w.volumes) != 1 {
		t.Errorf("left: %v %v", w.volumes, w.snapshots)
	}
}

// TestLostAgain: what a session was to be made of is not deleted with the session
// that never came to be, by whomever.
func TestLostAgain(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(*world, *studio.StreamingSession){
		"in time": func(w *world, _ *studio.StreamingSession) { w.clock.advance(25 * time.Hour) },
		"by somebody": func(w *world, s *studio.StreamingSession) {
			_, err := w.DeleteStreamingSession(t.Context(), admin, &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
			must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.volumes["lostvolume"], w.snapshots["lostsnapshot"] = "monday", "tuesday"
			w.broken = func(a studio.Action) *studio.Failure {
				if a != studio.EnsureWorkstation {
					return nil
				}
				return &studio.Failure{Code: studio.InternalFailure, Final: true, Err: errors.New("test")}
			}
			for _, id := range []string{"lostvolume", "lostsnapshot"} {
				s, err := w.adopt(t, id, "")
				must(t, err)
				w.settle(t, t.Context())
				if s = w.get(t, s.SessionID); s.State != studio.CreateFailed || strings.Contains(w.lostIDs(t), id) {
					t.Fatalf("%+v; lost are %s", s, w.lostIDs(t))
				}
				remove(w, s)
				w.settle(t, t.Context())
			}
			if got := w.lostIDs(t); got != "lostsnapshot lostvolume" || w.volumes["lostvolume"] != "monday" || w.snapshots["lostsnapshot"] != "tuesday" || len(w.volumes)+len(w.snapshots) != 2 {
				t.Fatalf("lost are %s; there are %v %v", got, w.volumes, w.snapshots)
			}
			w.broken = nil
			s, err := w.adopt(t, "lostvolume", "")
			must(t, err)
			w.settle(t, t.Context())
			if s = w.get(t, s.SessionID); s.State != studio.Ready || w.content(t, s) != "monday" {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestAdoptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.volumes["lostvolume"] = "monday"
	fleeting := w.newProfile(t, t.Context(), func(r *studio.CreateLaunchProfileRequest) {
		r.StreamConfiguration.SessionPersistenceMode = ""
		r.StreamConfiguration.SessionBackup, r.StreamConfiguration.VolumeConfiguration = nil, nil
	})
	for profile, want := range map[string]string{fleeting: studio.CodeCombination, "nothing": studio.CodeNotFound} {
		_, err := w.AdoptLost(t.Context(), admin, &studio.AdoptLostRequest{StudioID: w.studioID, LostID: "lostvolume", LaunchProfileID: profile})
		var e *studio.Error
		if !errors.As(err, &e) || e.Code != want {
			t.Errorf("%s: %v, want %s", profile, err, want)
		}
	}
	if w.lostIDs(t) != "lostvolume" {
		t.Errorf("lost are %s", w.lostIDs(t))
	}
}
