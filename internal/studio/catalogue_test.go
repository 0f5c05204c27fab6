package studio_test

import (
	"slices"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

func TestWhatAStudioIsMadeOf(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	state := func(kind, id string) (studio.State, error) {
		switch kind {
		case "studio":
			a, err := w.GetStudio(ctx, admin, &studio.GetStudioRequest{StudioID: id})
			return a.Studio.State, err
		case "component":
			a, err := w.GetStudioComponent(ctx, admin, &studio.GetStudioComponentRequest{StudioID: w.studioID, StudioComponentID: id})
			if err != nil {
				return "", err
			}
			return a.StudioComponent.State, nil
		case "image":
			a, err := w.GetStreamingImage(ctx, admin, &studio.GetStreamingImageRequest{StudioID: w.studioID, StreamingImageID: id})
			if err != nil {
				return "", err
			}
			return a.StreamingImage.State, nil
		default:
			a, err := w.GetLaunchProfile(ctx, admin, &studio.GetLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: id})
			if err != nil {
				return "", err
			}
			return a.LaunchProfile.State, nil
		}
	}
	good := map[string]string{"studio": w.studioID, "component": w.componentID, "image": w.imageID, "profile": w.profileID}
	for kind, id := range good {
		if s, err := state(kind, id); err != nil || s != studio.Ready {
			t.Errorf("%s: %s, %v", kind, s, err)
		}
		_, err := state(kind, "nothing")
		wants(t, err, studio.NotFound, studio.CodeNotFound)
	}

	// What failed to be created is shown for a day, and then forgotten.
	failed := map[string]string{}
	failed["studio"] = w.newStudio(t, &studio.CreateStudioRequest{StudioName: "bad", AdminRoleARN: "no role", UserRoleARN: role}).StudioID
	for range 2 {
		failed["component"] = w.newComponent(t, "ad", "ACTIVE_DIRECTORY").StudioComponentID
	}
	failed["image"] = w.newImage(t, "ami-bad").StreamingImageID
	f, err := w.CreateLaunchProfile(ctx, admin, w.profile(streamConfiguration(func(c *studio.StreamConfigurationCreate) {
		c.StreamingImageIDs = []string{failed["image"]}
	})))
	must(t, err)
	failed["profile"] = w.theProfile(t, f.LaunchProfile.LaunchProfileID).LaunchProfileID

	_, err = w.CreateStreamingImage(ctx, admin, &studio.CreateStreamingImageRequest{StudioID: failed["studio"], Name: "x", EC2ImageID: hostAMI})
	wants(t, err, studio.NotFound, studio.CodeNotFound)
	w.clock.advance(23 * time.Hour)
	w.settle(t, ctx)
	for kind, id := range failed {
		if s, err := state(kind, id); err != nil || s != studio.CreateFailed {
			t.Errorf("%s: %s, %v", kind, s, err)
		}
	}
	w.clock.advance(time.Hour)
	w.settle(t, ctx)
	for kind, id := range failed {
		_, err := state(kind, id)
		wants(t, err, studio.NotFound, studio.CodeNotFound)
	}
	for kind, id := range good {
		if s, err := state(kind, id); err != nil || s != studio.Ready {
			t.Errorf("%s: %s, %v", kind, s, err)
		}
	}
}

func TestAdviceOnALaunchProfile(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c, err := w.CreateStudioComponent(t.Context(), admin, &studio.CreateStudioComponentRequest{
		StudioID: w.studioID, Name: "ad", Type: "ACTIVE_DIRECTORY", EC2SecurityGroupIDs: []string{"sg-1"},
	})
	must(t, err)
	w.theComponent(t, c.StudioComponent.StudioComponentID)
	made, err := w.CreateLaunchProfile(t.Context(), admin, w.profile(func(r *studio.CreateLaunchProfileRequest) {
		r.StudioComponentIDs, r.EC2SubnetIDs = []string{c.StudioComponent.StudioComponentID}, []string{"subnet-1"}
	}))
	must(t, err)
	f := w.theProfile(t, made.LaunchProfile.LaunchProfileID)
	var states []studio.State
	for _, r := range f.ValidationResults {
		states = append(states, r.State)
		for _, shape := range []struct{ name, value string }{
			{"LaunchProfileValidationState", string(r.State)}, {"LaunchProfileValidationStatusCode", string(r.StatusCode)}, {"LaunchProfileValidationType", r.Type},
		} {
			if s, _ := studio.ShapeOf(shape.name); !slices.Contains(s.Enum, shape.value) {
				t.Errorf("%s has no %q", shape.name, shape.value)
			}
		}
	}
	if f.State != studio.Ready || len(states) != 4 || states[0] != "VALIDATION_NOT_STARTED" || states[1] != "VALIDATION_FAILED" ||
		states[2] != "VALIDATION_SUCCESS" || states[3] != "VALIDATION_FAILED" {
		t.Errorf("%s with %v", f.State, states)
	}
}
