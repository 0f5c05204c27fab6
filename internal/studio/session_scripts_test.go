package studio_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/studio"
)

// ensuring lets a session come to where its workstation is to be made, and returns that task.
func (w *world) ensuring(t *testing.T, id string) studio.Task {
	t.Helper()
	for range 10 {
		task, err := w.Task(t.Context(), studio.TableSessions, id)
		must(t, err)
		if task.Action == studio.EnsureWorkstation {
			return task
		}
		w.step(t, t.Context())
	}
	t.Fatal("no workstation is made")
	return studio.Task{}
}

func (w *world) create(t *testing.T) string {
	t.Helper()
	s, err := w.CreateStreamingSession(t.Context(), artist, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	must(t, err)
	return s.Session.SessionID
}

// TestDesktopsRunTheirScripts: at creation and at each start, what the API tells
// machines that join.
func TestDesktopsRunTheirScripts(t *testing.T) {
	t.Parallel()
	w, ids := joined(t)
	id := w.create(t)
	compare := func(task studio.Task, first string) {
		t.Helper()
		want, err := w.initialize(t, artist, "LINUX", nil)
		must(t, err)
		want.LaunchPurpose = ""
		if diff := cmp.Diff(want, task.Initialization); diff != "" || !task.Scripted() || task.ScriptTime != 10*time.Minute {
			t.Errorf("%s within %s", diff, task.ScriptTime)
		}
		if got := task.Initialization.SystemInitializationScripts; len(got) != 2 || got[0].Script != first || got[0].StudioComponentID != ids[1] {
			t.Errorf("system scripts %+v", got)
		}
	}
	compare(w.ensuring(t, id), "export FARM='it'\\''s'\nfarm system")
	w.settle(t, t.Context())
	w.stop(t, id, "RETAIN")

	_, err := w.UpdateStudioComponent(t.Context(), admin, &studio.UpdateStudioComponentRequest{
		StudioID: w.studioID, StudioComponentID: ids[1], ScriptParameters: []studio.ScriptParameterKeyValue{{Key: "FARM", Value: "new"}},
	})
	must(t, err)
	w.theComponent(t, ids[1])
	_, err = w.StartStreamingSession(t.Context(), artist, &studio.StartStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
	must(t, err)
	compare(w.ensuring(t, id), "export FARM='new'\nfarm system")

	plain := setup(t)
	if task := plain.ensuring(t, plain.create(t)); task.Scripted() {
		t.Errorf("scripts out of nothing: %+v", task.Initialization)
	}
}

func TestScriptFails(t *testing.T) {
	t.Parallel()
	w, _ := joined(t)
	w.broken = func(a studio.Action) *studio.Failure {
		if a != studio.EnsureWorkstation {
			return nil
		}
		return &studio.Failure{Code: studio.ScriptFailed, Message: "The script of x failed: exit status 1.", Final: true, Err: errors.New("test")}
	}
	s := w.launch(t)
	if s.State != studio.CreateFailed || s.StatusCode != "INITIALIZATION_SCRIPT_ERROR" || s.StatusMessage != "The script of x failed: exit status 1." {
		t.Fatalf("%+v", s)
	}
	fails := w.broken
	w.broken = nil
	s = w.launch(t)
	w.write(t, s, "precious")
	w.stop(t, s.SessionID, "RETAIN")
	w.broken = fails
	if s = w.start(t, s.SessionID, nil); s.State != studio.StartFailed || s.StatusCode != studio.ScriptFailed {
		t.Fatalf("%+v", s)
	}
	w.broken = nil
	if s = w.start(t, s.SessionID, nil); s.State != studio.Ready || w.content(t, s) != "precious" {
		t.Fatalf("%+v", s)
	}
}

// TestScriptsHaveTheirTime: as long as they may run, a session waits for them,
// also under a new server; and no longer.
func TestScriptsHaveTheirTime(t *testing.T) {
	t.Parallel()
	w, _ := joined(t)
	w.silent = true
	id := w.create(t)
	for range 2 {
		w.settle(t, t.Context()) // what is due within ten minutes
		if s := w.get(t, id); s.State != studio.CreateInProgress {
			t.Fatalf("after %s: %+v", w.clock.Now().Sub(s.CreatedAt), s)
		}
		must(t, w.Recover(t.Context()))
	}
	for range 2 {
		w.settle(t, t.Context())
	}
	if s := w.get(t, id); s.State != studio.CreateFailed || s.StatusCode != studio.InternalFailure {
		t.Fatalf("after %s: %+v", w.clock.Now().Sub(s.CreatedAt), s)
	}
}
