package studio_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/backlot/backlot/internal/studio"
)

// catalogue is a studio to which anything happens, and what must hold in it.
type catalogue struct {
	*world
	studioID                     string
	components, images, profiles []string
	sessions                     []string
	states                       map[string]studio.State // as last seen
}

// TestCatalogueModel lets administrators do anything, and the loop lag behind.
func TestCatalogueModel(t *testing.T) {
	t.Parallel()
	w := open(t, t, t.TempDir(), func(c *studio.Config) { c.Quotas.Studios, c.Capacity = 1<<20, studio.Capacity{} })
	studios := 0
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		studios++
		a, err := w.CreateStudio(ctx, admin, &studio.CreateStudioRequest{StudioName: fmt.Sprintf("studio%d", studios), AdminRoleARN: role, UserRoleARN: role})
		must(rt, err)
		w.finish(rt, ctx, studio.TableStudios, a.Studio.StudioID)
		m := &catalogue{world: w, studioID: a.Studio.StudioID, states: map[string]studio.State{}}
		rt.Repeat(map[string]func(*rapid.T){
			"": func(rt *rapid.T) { m.check(rt, ctx) },
			"create component": func(rt *rapid.T) {
				kind := rapid.SampledFrom([]string{"CUSTOM", "ACTIVE_DIRECTORY"}).Draw(rt, "type")
				a, err := m.CreateStudioComponent(ctx, admin, &studio.CreateStudioComponentRequest{StudioID: m.studioID, Name: "c", Type: kind})
				if m.answered(rt, err) {
					m.components = append(m.components, a.StudioComponent.StudioComponentID)
				}
			},
			"create image": func(rt *rapid.T) {
				ami := rapid.SampledFrom([]string{hostAMI, hostAMI, "ami-bad"}).Draw(rt, "ami")
				a, err := m.CreateStreamingImage(ctx, admin, &studio.CreateStreamingImageRequest{StudioID: m.studioID, Name: "i", EC2ImageID: ami})
				if m.answered(rt, err) {
					m.images = append(m.images, a.StreamingImage.StreamingImageID)
				}
			},
			"create profile": func(rt *rapid.T) {
				a, err := m.CreateLaunchProfile(ctx, admin, m.profile(func(r *studio.CreateLaunchProfileRequest) {
					r.StudioID, r.StudioComponentIDs = m.studioID, []string{pick(rt, m.components)}
					r.StreamConfiguration.StreamingImageIDs = []string{pick(rt, m.images)}
				}))
				if m.answered(rt, err) {
					m.profiles = append(m.profiles, a.LaunchProfile.LaunchProfileID)
				}
			},
			"create session": func(rt *rapid.T) {
				a, err := m.CreateStreamingSession(ctx, admin, &studio.CreateStreamingSessionRequest{StudioID: m.studioID, LaunchProfileID: pick(rt, m.profiles)})
				if m.answered(rt, err) {
					m.sessions = append(m.sessions, a.Session.SessionID)
				}
			},
			"delete session": func(rt *rapid.T) {
				_, err := m.DeleteStreamingSession(ctx, admin, &studio.DeleteStreamingSessionRequest{StudioID: m.studioID, SessionID: pick(rt, m.sessions)})
				m.answered(rt, err)
			},
			"update studio": func(rt *rapid.T) {
				arn := rapid.SampledFrom([]string{role, "bad"}).Draw(rt, "role")
				_, err := m.UpdateStudio(ctx, admin, &studio.UpdateStudioRequest{StudioID: m.studioID, UserRoleARN: &arn})
				m.answered(rt, err)
			},
			"update component": func(rt *rapid.T) {
				kind := rapid.SampledFrom([]string{"CUSTOM", "ACTIVE_DIRECTORY"}).Draw(rt, "type")
				_, err := m.UpdateStudioComponent(ctx, admin, &studio.UpdateStudioComponentRequest{StudioID: m.studioID, StudioComponentID: pick(rt, m.components), Type: &kind})
				m.answered(rt, err)
			},
			"update image": func(rt *rapid.T) {
				_, err := m.UpdateStreamingImage(ctx, admin, &studio.UpdateStreamingImageRequest{StudioID: m.studioID, StreamingImageID: pick(rt, m.images)})
				m.answered(rt, err)
			},
			"update profile": func(rt *rapid.T) {
				stream := m.profile().StreamConfiguration
				stream.StreamingImageIDs = []string{pick(rt, m.images)}
				_, err := m.UpdateLaunchProfile(ctx, admin, &studio.UpdateLaunchProfileRequest{
					StudioID: m.studioID, LaunchProfileID: pick(rt, m.profiles), StudioComponentIDs: []string{pick(rt, m.components)}, StreamConfiguration: &stream,
				})
				m.answered(rt, err)
			},
			"delete studio": func(rt *rapid.T) {
				_, err := m.DeleteStudio(ctx, admin, &studio.DeleteStudioRequest{StudioID: m.studioID})
				m.answered(rt, err)
			},
			"delete component": func(rt *rapid.T) {
				_, err := m.DeleteStudioComponent(ctx, admin, &studio.DeleteStudioComponentRequest{StudioID: m.studioID, StudioComponentID: pick(rt, m.components)})
				m.answered(rt, err)
			},
			"delete image": func(rt *rapid.T) {
				_, err := m.DeleteStreamingImage(ctx, admin, &studio.DeleteStreamingImageRequest{StudioID: m.studioID, StreamingImageID: pick(rt, m.images)})
				m.answered(rt, err)
			},
			"delete profile": func(rt *rapid.T) {
				_, err := m.DeleteLaunchProfile(ctx, admin, &studio.DeleteLaunchProfileRequest{StudioID: m.studioID, LaunchProfileID: pick(rt, m.profiles)})
				m.answered(rt, err)
			},
			"settle one": func(rt *rapid.T) {
				all := map[studio.Table][]string{
					studio.TableStudios: {m.studioID}, studio.TableComponents: m.components, studio.TableImages: m.images, studio.TableProfiles: m.profiles,
				}
				table := rapid.SampledFrom([]studio.Table{studio.TableStudios, studio.TableComponents, studio.TableImages, studio.TableProfiles}).Draw(rt, "table")
				if id := pick(rt, all[table]); id != "nothing" {
					m.finish(rt, ctx, table, id)
				}
			},
			"settle all": func(rt *rapid.T) { m.settle(rt, ctx) },
		})
		m.settle(rt, ctx)
		m.check(rt, ctx)
	})
}

// pick is one of some ids; where there are none, of nothing.
func pick(rt *rapid.T, ids []string) string {
	if len(ids) == 0 {
		return "nothing"
	}
	return rapid.SampledFrom(ids).Draw(rt, "id")
}

// answered tells whether a call went through; that the server failed is never the answer.
func (m *catalogue) answered(rt *rapid.T, err error) bool {
	if err != nil && studio.KindOf(err) == studio.Internal {
		rt.Fatal(err)
	}
	return err == nil
}

// check looks whether all holds together.
func (m *catalogue) check(rt *rapid.T, ctx context.Context) {
	h, err := m.GetStudio(ctx, admin, &studio.GetStudioRequest{StudioID: m.studioID})
	must(rt, err)
	m.saw(rt, m.studioID, h.Studio.State, h.Studio.StatusCode)
	left, directories := 0, 0
	there := func(s studio.State) bool { return s != studio.Deleted && s != studio.CreateFailed }
	for _, id := range m.components {
		c, err := m.GetStudioComponent(ctx, admin, &studio.GetStudioComponentRequest{StudioID: m.studioID, StudioComponentID: id})
		must(rt, err)
		m.saw(rt, id, c.StudioComponent.State, c.StudioComponent.StatusCode)
		if there(c.StudioComponent.State) {
			left++
			if c.StudioComponent.Type == "ACTIVE_DIRECTORY" && c.StudioComponent.State != studio.CreateInProgress {
				directories++
			}
		}
	}
	for _, id := range m.images {
		i, err := m.GetStreamingImage(ctx, admin, &studio.GetStreamingImageRequest{StudioID: m.studioID, StreamingImageID: id})
		must(rt, err)
		m.saw(rt, id, i.StreamingImage.State, i.StreamingImage.StatusCode)
		if there(i.StreamingImage.State) {
			left++
		}
	}
	for _, id := range m.profiles {
		f, err := m.GetLaunchProfile(ctx, admin, &studio.GetLaunchProfileRequest{StudioID: m.studioID, LaunchProfileID: id})
		must(rt, err)
		p := f.LaunchProfile
		m.saw(rt, id, p.State, p.StatusCode)
		if !there(p.State) {
			continue
		}
		left++
		for _, named := range slices.Concat(p.StudioComponentIDs, p.StreamConfiguration.StreamingImageIDs) {
			if s := m.states[named]; named != "nothing" && p.State != studio.CreateInProgress && (!there(s) || s == studio.DeleteInProgress) {
				rt.Fatalf("launch profile %s is %s, but %s is %s", id, p.State, named, s)
			}
		}
	}
	for _, id := range m.sessions {
		s := m.stored(rt, id)
		if s.State != studio.Deleted && m.states[s.LaunchProfileID] == studio.Deleted {
			rt.Fatalf("session %s is %s without its launch profile", id, s.State)
		}
	}
	if directories > 1 || h.Studio.State == studio.Deleted && left > 0 {
		rt.Fatalf("the studio is %s, with %d directories and %d things", h.Studio.State, directories, left)
	}
}

// saw holds a state against the one before, and the code against the state.
func (m *catalogue) saw(rt *rapid.T, id string, state studio.State, code studio.StatusCode) {
	if before, known := m.states[id]; known && !studio.CatalogueMoved(before, state) {
		rt.Fatalf("%s went from %s to %s", id, before, state)
	}
	m.states[id] = state
	fits := map[studio.State][]string{
		studio.Ready: {"_CREATED", "_UPDATED", "_READY"}, studio.Deleted: {"_DELETED"}, studio.CreateInProgress: {"_CREATE_IN_PROGRESS"},
		studio.UpdateInProgress: {"_UPDATE_IN_PROGRESS"}, studio.DeleteInProgress: {"_DELETE_IN_PROGRESS"},
	}[state]
	failed := strings.HasSuffix(string(state), "_FAILED")
	if fit := slices.ContainsFunc(fits, func(s string) bool { return strings.HasSuffix(string(code), s) }); fit == failed && !strings.HasSuffix(string(code), "NOT_DELETED") {
		rt.Fatalf("%s is %s with %s", id, state, code)
	}
}
