package studio_test

import (
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

func TestTokenOfEveryCreate(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	s := w.launch(t)
	for name, call := range map[string]func() (string, error){
		"studio": func() (string, error) {
			a, err := w.CreateStudio(ctx, admin, &studio.CreateStudioRequest{StudioName: "two", AdminRoleARN: role, UserRoleARN: role, ClientToken: "x"})
			return a.Studio.StudioID, err
		},
		"component": func() (string, error) {
			a, err := w.CreateStudioComponent(ctx, admin, &studio.CreateStudioComponentRequest{StudioID: w.studioID, Name: "c", Type: "CUSTOM", ClientToken: "x"})
			return a.StudioComponent.StudioComponentID, err
		},
		"image": func() (string, error) {
			a, err := w.CreateStreamingImage(ctx, admin, &studio.CreateStreamingImageRequest{StudioID: w.studioID, Name: "i", EC2ImageID: hostAMI, ClientToken: "x"})
			return a.StreamingImage.StreamingImageID, err
		},
		"profile": func() (string, error) {
			a, err := w.CreateLaunchProfile(ctx, admin, w.profile(func(r *studio.CreateLaunchProfileRequest) { r.ClientToken = "x" }))
			return a.LaunchProfile.LaunchProfileID, err
		},
		"stream": func() (string, error) {
			a, err := w.CreateStreamingSessionStream(ctx, artist, &studio.CreateStreamingSessionStreamRequest{StudioID: w.studioID, SessionID: s.SessionID, ClientToken: "x"})
			return a.Stream.StreamID, err
		},
	} {
		one, err := call()
		must(t, err)
		two, err := call()
		must(t, err)
		if one == "" || one != two {
			t.Errorf("%s: %q and %q", name, one, two)
		}
	}
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
