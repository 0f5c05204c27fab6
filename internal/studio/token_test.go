package studio_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

func TestClientTokens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	create := func(p studio.Principal, token string, kind *string) (*studio.StreamingSession, error) {
		answer, err := w.CreateStreamingSession(ctx, p, &studio.CreateStreamingSessionRequest{
			StudioID: w.studioID, LaunchProfileID: w.profileID, ClientToken: token, EC2InstanceType: kind, OwnedBy: &artist.ID,
		})
		if err != nil {
			return nil, err
		}
		return answer.Session, nil
	}
	first, err := create(artist, "a", nil)
	must(t, err)
	w.settle(t, ctx)
	again, err := create(artist, "a", nil)
	must(t, err)
	if again.SessionID != first.SessionID || again.State != studio.Ready {
		t.Fatalf("replay: %+v", again)
	}
	_, err = create(artist, "a", new("g4dn.xlarge"))
	wants(t, err, studio.Validation, studio.CodeClientToken)
	for name, call := range map[string]func() (*studio.StreamingSession, error){
		"another's":     func() (*studio.StreamingSession, error) { return create(admin, "a", nil) },
		"capital":       func() (*studio.StreamingSession, error) { return create(artist, "A", nil) },
		"without token": func() (*studio.StreamingSession, error) { return create(artist, "", nil) },
	} {
		if s, err := call(); err != nil || s.SessionID == first.SessionID {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}

	// A failed call keeps no token.
	stop := func(token string) error {
		_, err := w.StopStreamingSession(ctx, artist, &studio.StopStreamingSessionRequest{StudioID: w.studioID, SessionID: first.SessionID, ClientToken: token})
		return err
	}
	must(t, stop("s"))
	must(t, stop("s"))
	wants(t, stop("t"), studio.Conflict, studio.CodeState)
	w.settle(t, ctx)
	w.start(t, first.SessionID, nil)
	must(t, stop("t"))
	w.settle(t, ctx)

	w.clock.advance(24 * time.Hour)
	if s, err := create(artist, "a", nil); err != nil || s.SessionID == first.SessionID {
		t.Errorf("after a day: %+v, %v", s, err)
	}
}

// TestTokenOfEveryCreate makes one of each kind by eight twins at once, again, and
// with other parameters; what has tags has those that it was made with.
func TestTokenOfEveryCreate(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	s := w.launch(t)
	tags := map[string]string{"made": "so"}
	for kind, create := range map[string]func(other bool) (string, error){
		"studio": func(other bool) (string, error) {
			a, err := w.CreateStudio(ctx, admin, &studio.CreateStudioRequest{
				StudioName: "two", DisplayName: either(other, "a", "b"), AdminRoleARN: role, UserRoleARN: role, Tags: tags, ClientToken: "x",
			})
			if err != nil {
				return "", err
			}
			return a.Studio.StudioID, nil
		},
		"studio-component": func(other bool) (string, error) {
			a, err := w.CreateStudioComponent(ctx, admin, &studio.CreateStudioComponentRequest{
				StudioID: w.studioID, Name: either(other, "a", "b"), Type: "CUSTOM", Tags: tags, ClientToken: "x",
			})
			if err != nil {
				return "", err
			}
			return a.StudioComponent.StudioComponentID, nil
		},
		"streaming-image": func(other bool) (string, error) {
			a, err := w.CreateStreamingImage(ctx, admin, &studio.CreateStreamingImageRequest{
				StudioID: w.studioID, Name: either(other, "a", "b"), EC2ImageID: hostAMI, Tags: tags, ClientToken: "x",
			})
			if err != nil {
				return "", err
			}
			return a.StreamingImage.StreamingImageID, nil
		},
		"launch-profile": func(other bool) (string, error) {
			a, err := w.CreateLaunchProfile(ctx, admin, w.profile(func(r *studio.CreateLaunchProfileRequest) {
				r.Name, r.Tags, r.ClientToken = either(other, "a", "b"), tags, "x"
			}))
			if err != nil {
				return "", err
			}
			return a.LaunchProfile.LaunchProfileID, nil
		},
		"streaming-session": func(other bool) (string, error) {
			a, err := w.CreateStreamingSession(ctx, artist, &studio.CreateStreamingSessionRequest{
				StudioID: w.studioID, LaunchProfileID: w.profileID, EC2InstanceType: new(either(other, "g4dn.xlarge", "g5.xlarge")), Tags: tags, ClientToken: "x",
			})
			if err != nil {
				return "", err
			}
			return a.Session.SessionID, nil
		},
		"stream": func(other bool) (string, error) {
			a, err := w.CreateStreamingSessionStream(ctx, artist, &studio.CreateStreamingSessionStreamRequest{
				StudioID: w.studioID, SessionID: s.SessionID, ExpirationInSeconds: new(either(other, 60, 61)), ClientToken: "x",
			})
			if err != nil {
				return "", err
			}
			return a.Stream.StreamID, nil
		},
	} {
		ids := make([]string, 8)
		var twins sync.WaitGroup
		for i := range ids {
			twins.Go(func() {
				var err error
				if ids[i], err = create(false); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			})
		}
		twins.Wait()
		again, err := create(false)
		must(t, err)
		if ids = slices.Compact(append(ids, again)); len(ids) != 1 || again == "" {
			t.Errorf("%s: made %q", kind, ids)
		}
		_, err = create(true)
		wants(t, err, studio.Validation, studio.CodeClientToken)
		if kind == "stream" {
			continue
		}
		of := w.ARN(kind, strings.TrimPrefix(again, region+":"))
		a, err := w.ListTagsForResource(ctx, admin, &studio.ListTagsForResourceRequest{ResourceARN: of})
		must(t, err)
		if !maps.Equal(a.Tags, tags) {
			t.Errorf("%s: tags %v", kind, a.Tags)
		}
	}
}

func either[T any](other bool, one, another T) T {
	if other {
		return another
	}
	return one
}

func TestTwinsMakeOneThing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := make([]string, 20)
	var twins sync.WaitGroup
	for i := range ids {
		twins.Go(func() {
			answer, err := w.CreateStreamingSession(t.Context(), artist, &studio.CreateStreamingSessionRequest{
				StudioID: w.studioID, LaunchProfileID: w.profileID, ClientToken: "twin",
			})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = answer.Session.SessionID
		})
	}
	twins.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("made %v", ids)
		}
	}
	list, err := w.ListStreamingSessions(t.Context(), admin, &studio.ListStreamingSessionsRequest{StudioID: w.studioID})
	must(t, err)
	if len(list.Sessions) != 1 {
		t.Fatalf("%d sessions", len(list.Sessions))
	}
}
