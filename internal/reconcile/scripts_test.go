package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/workstation"
	workstationfake "github.com/backlot/backlot/internal/workstation/fake"
)

// script gives the profile's component scripts, and returns its id.
func (w *world) script(t *testing.T) string {
	t.Helper()
	all, err := w.ListStudioComponents(t.Context(), admin, &studio.ListStudioComponentsRequest{StudioID: w.studioID})
	must(t, err)
	id := all.StudioComponents[0].StudioComponentID
	script := func(when, text string) studio.StudioComponentInitializationScript {
		return studio.StudioComponentInitializationScript{
			LaunchProfileProtocolVersion: "2021-03-31", Platform: "LINUX", RunContext: when + "_INITIALIZATION", Script: text,
		}
	}
	_, err = w.UpdateStudioComponent(t.Context(), admin, &studio.UpdateStudioComponentRequest{
		StudioID: w.studioID, StudioComponentID: id,
		InitializationScripts: []studio.StudioComponentInitializationScript{script("USER", "user"), script("SYSTEM", "system")},
		ScriptParameters:      []studio.ScriptParameterKeyValue{{Key: "KEY", Value: "value"}},
	})
	must(t, err)
	w.finish(t, studio.TableComponents, id)
	return id
}

func TestScriptsReachTheWorkstation(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		component := w.script(t)
		w.run(t)
		id := w.create(t)
		w.wait(t, id, studio.Ready)
		got, _ := w.workstations.Spec(w.desktop(t, id))
		want := workstation.Scripts{
			System: []workstation.Script{{Name: component, Text: "export KEY='value'\nsystem"}},
			User:   []workstation.Script{{Name: component, Text: "export KEY='value'\nuser"}},
			Within: 10 * time.Minute,
		}
		if diff := cmp.Diff(want, got.Scripts); diff != "" {
			t.Error(diff)
		}
	})
}

// TestAScriptThatFails ends creation and start, at once when it is known, in words
// that name the component and nothing secret; the volume stays.
func TestAScriptThatFails(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		component := w.script(t)
		w.run(t)
		id := w.create(t)
		w.wait(t, id, studio.Ready)
		w.write(t, id, "precious")
		w.stop(t, id, "RETAIN")
		w.wait(t, id, studio.Stopped)

		w.workstations.Fault = func(c workstationfake.Call) error {
			if c.Verb != "ensure" {
				return nil
			}
			return workstation.Permanent(&workstation.ScriptError{Name: component, How: "exit status 3"})
		}
		fails := func(id string, wanted studio.State) {
			t.Helper()
			began := time.Now()
			for w.get(t, id).State != wanted && time.Since(began) < time.Minute {
				time.Sleep(100 * time.Millisecond)
			}
			s := w.get(t, id)
			if s.State != wanted || s.StatusCode != "INITIALIZATION_SCRIPT_ERROR" ||
				!strings.Contains(s.StatusMessage, component+" failed: exit status 3.") {
				t.Fatalf("after %s: %+v", time.Since(began), s)
			}
		}
		created := w.create(t)
		fails(created, studio.CreateFailed)
		w.start(t, id, nil)
		fails(id, studio.StartFailed)

		w.workstations.Fault = nil
		w.start(t, id, nil)
		if w.wait(t, id, studio.Ready); w.read(t, id) != "precious" {
			t.Errorf("came back with %q", w.read(t, id))
		}
	})
}
