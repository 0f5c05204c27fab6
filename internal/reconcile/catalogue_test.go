package reconcile_test

import (
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// TestCatalogue lets the loop bring on what administrators make, as scripts see it.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	inside(t, func(t *testing.T, w *world) {
		w.run(t)
		ctx := t.Context()
		reaches := func(wanted studio.State, get func() (studio.State, error)) {
			t.Helper()
			for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
				state, err := get()
				must(t, err)
				if state == wanted {
					return
				}
				if time.Since(began) > time.Second {
					t.Fatalf("%s, and never %s", state, wanted)
				}
			}
		}
		made, err := w.CreateStudioComponent(ctx, admin, &studio.CreateStudioComponentRequest{StudioID: w.studioID, Name: "c", Type: "CUSTOM"})
		must(t, err)
		id := made.StudioComponent.StudioComponentID
		component := func() (studio.State, error) {
			a, err := w.GetStudioComponent(ctx, admin, &studio.GetStudioComponentRequest{StudioID: w.studioID, StudioComponentID: id})
			if err != nil {
				return "", err
			}
			return a.StudioComponent.State, nil
		}
		profile := func() (studio.State, error) {
			a, err := w.GetLaunchProfile(ctx, admin, &studio.GetLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
			if err != nil {
				return "", err
			}
			return a.LaunchProfile.State, nil
		}
		reaches(studio.Ready, component)
		_, err = w.UpdateLaunchProfile(ctx, admin, &studio.UpdateLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, StudioComponentIDs: []string{id}})
		must(t, err)
		reaches(studio.Ready, profile)
		session := w.create(t)
		w.wait(t, session, studio.Ready)
		deleteProfile := func() {
			_, err = w.DeleteLaunchProfile(ctx, admin, &studio.DeleteLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
			must(t, err)
		}
		deleteProfile()
		reaches(studio.DeleteFailed, profile)
		w.remove(t, session)
		w.wait(t, session, studio.Deleted)
		deleteProfile()
		reaches(studio.Deleted, profile)
		_, err = w.DeleteStudioComponent(ctx, admin, &studio.DeleteStudioComponentRequest{StudioID: w.studioID, StudioComponentID: id})
		must(t, err)
		reaches(studio.Deleted, component)
		time.Sleep(25 * time.Hour)
		_, err = component()
		if studio.KindOf(err) != studio.NotFound {
			t.Errorf("after a day: %v", err)
		}
	})
}
