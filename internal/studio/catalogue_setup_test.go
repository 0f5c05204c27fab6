package studio_test

import (
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/studio"
)

// theStudio is a studio at rest.
func (w *world) theStudio(t *testing.T, id string) studio.Studio {
	t.Helper()
	w.finish(t, t.Context(), studio.TableStudios, id)
	a, err := w.GetStudio(t.Context(), admin, &studio.GetStudioRequest{StudioID: id})
	must(t, err)
	must(t, studio.Check(&a.Studio)) // the model knows every code
	sentence(t, a.Studio.StatusMessage)
	return a.Studio
}

// theComponent is a component of the world's studio at rest.
func (w *world) theComponent(t *testing.T, id string) studio.StudioComponent {
	t.Helper()
	w.finish(t, t.Context(), studio.TableComponents, id)
	a, err := w.GetStudioComponent(t.Context(), admin, &studio.GetStudioComponentRequest{StudioID: w.studioID, StudioComponentID: id})
	must(t, err)
	must(t, studio.Check(a.StudioComponent))
	sentence(t, a.StudioComponent.StatusMessage)
	return *a.StudioComponent
}

// theImage is a streaming image of the world's studio at rest.
func (w *world) theImage(t *testing.T, id string) studio.StreamingImage {
	t.Helper()
	w.finish(t, t.Context(), studio.TableImages, id)
	a, err := w.GetStreamingImage(t.Context(), admin, &studio.GetStreamingImageRequest{StudioID: w.studioID, StreamingImageID: id})
	must(t, err)
	must(t, studio.Check(a.StreamingImage))
	sentence(t, a.StreamingImage.StatusMessage)
	return *a.StreamingImage
}

// theProfile is a launch profile of the world's studio at rest.
func (w *world) theProfile(t *testing.T, id string) studio.LaunchProfile {
	t.Helper()
	w.finish(t, t.Context(), studio.TableProfiles, id)
	a, err := w.GetLaunchProfile(t.Context(), admin, &studio.GetLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: id})
	must(t, err)
	must(t, studio.Check(a.LaunchProfile))
	sentence(t, a.LaunchProfile.StatusMessage)
	return *a.LaunchProfile
}

func (w *world) newComponent(t *testing.T, name, kind string) studio.StudioComponent {
	t.Helper()
	a, err := w.CreateStudioComponent(t.Context(), admin, &studio.CreateStudioComponentRequest{StudioID: w.studioID, Name: name, Type: kind})
	must(t, err)
	if a.StudioComponent.State != studio.CreateInProgress {
		t.Errorf("new component: %+v", a.StudioComponent)
	}
	return w.theComponent(t, a.StudioComponent.StudioComponentID)
}

func (w *world) newImage(t *testing.T, ami string) studio.StreamingImage {
	t.Helper()
	a, err := w.CreateStreamingImage(t.Context(), admin, &studio.CreateStreamingImageRequest{StudioID: w.studioID, Name: ami, EC2ImageID: ami})
	must(t, err)
	if a.StreamingImage.State != studio.CreateInProgress {
		t.Errorf("new image: %+v", a.StreamingImage)
	}
	return w.theImage(t, a.StreamingImage.StreamingImageID)
}

func (w *world) newStudio(t *testing.T, req *studio.CreateStudioRequest) studio.Studio {
	t.Helper()
	a, err := w.CreateStudio(t.Context(), admin, req)
	must(t, err)
	if a.Studio.State != studio.CreateInProgress {
		t.Errorf("new studio: %+v", a.Studio)
	}
	return w.theStudio(t, a.Studio.StudioID)
}

// sentence fails unless a status message is one that can be shown to people.
func sentence(t *testing.T, s string) {
	t.Helper()
	if !strings.HasSuffix(s, ".") || s[:1] != strings.ToUpper(s[:1]) {
		t.Errorf("%q is no sentence", s)
	}
}
