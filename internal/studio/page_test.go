package studio_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

func TestPages(t *testing.T) {
	t.Parallel()
	w := open(t, t, t.TempDir(), func(c *studio.Config) {
		c.Quotas = studio.Quotas{Sessions: 200, Components: 200}
		c.Capacity = studio.Capacity{}
	})
	ctx := t.Context()
	w.furnish(t, ctx)
	var made []string
	for range 101 {
		answer, err := w.CreateStreamingSession(ctx, admin, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, OwnedBy: &artist.ID})
		must(t, err)
		made = append(made, answer.Session.SessionID)
		w.clock.advance(time.Millisecond)
	}
	slices.Reverse(made) // the newest come first

	var seen []string
	var tokens []string
	req := &studio.ListStreamingSessionsRequest{StudioID: w.studioID, OwnedBy: artist.ID}
	for {
		answer, err := w.ListStreamingSessions(ctx, artist, req)
		must(t, err)
		for _, s := range answer.Sessions {
			seen = append(seen, s.SessionID)
		}
		if answer.NextToken == "" {
			break
		}
		tokens = append(tokens, answer.NextToken)
		req.NextToken = answer.NextToken
	}
	if !slices.Equal(seen, made) || len(tokens) != 2 {
		t.Fatalf("saw %d in %d pages, want %d", len(seen), len(tokens)+1, len(made))
	}

	for name, bad := range map[string]studio.ListStreamingSessionsRequest{
		"garbage":       {StudioID: w.studioID, OwnedBy: artist.ID, NextToken: "garbage"},
		"bent":          {StudioID: w.studioID, OwnedBy: artist.ID, NextToken: "A" + tokens[0][1:]},
		"cut":           {StudioID: w.studioID, OwnedBy: artist.ID, NextToken: tokens[0][:10]},
		"other filters": {StudioID: w.studioID, NextToken: tokens[0]},
	} {
		_, err := w.ListStreamingSessions(ctx, admin, &bad)
		if studio.KindOf(err) != studio.Validation {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.ListStreamingSessionBackups(ctx, artist, &studio.ListStreamingSessionBackupsRequest{StudioID: w.studioID, OwnedBy: artist.ID, NextToken: tokens[0]})
	wants(t, err, studio.Validation, studio.CodePageToken)

	some, err := w.ListStreamingSessions(ctx, admin, &studio.ListStreamingSessionsRequest{
		StudioID: w.studioID, SessionIDs: made[3] + ", " + made[1] + ",unknown", CreatedBy: admin.ID,
	})
	must(t, err)
	if len(some.Sessions) != 2 || some.Sessions[0].SessionID != made[1] || some.Sessions[1].SessionID != made[3] {
		t.Errorf("by ids: %+v", some.Sessions)
	}
	some, err = w.ListStreamingSessions(ctx, admin, &studio.ListStreamingSessionsRequest{StudioID: w.studioID, SessionIDs: " ,"})
	must(t, err)
	if len(some.Sessions) != 0 {
		t.Errorf("by no ids: %+v", some.Sessions)
	}

	// Who is in no launch profile has an empty list, whose tokens are as good as any.
	nobody := &studio.ListLaunchProfilesRequest{StudioID: w.studioID, PrincipalID: "nobody"}
	profiles, err := w.ListLaunchProfiles(ctx, admin, nobody)
	must(t, err)
	if profiles.LaunchProfiles == nil || len(profiles.LaunchProfiles) != 0 {
		t.Errorf("launch profiles of nobody: %+v", profiles.LaunchProfiles)
	}
	nobody.NextToken = "garbage"
	_, err = w.ListLaunchProfiles(ctx, admin, nobody)
	wants(t, err, studio.Validation, studio.CodePageToken)
}

func TestPagesOfAskedSize(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	for i := range 6 {
		kind := "CUSTOM"
		if i%2 == 0 {
			kind = "COMPUTE_FARM"
		}
		_, err := w.CreateStudioComponent(ctx, admin, &studio.CreateStudioComponentRequest{StudioID: w.studioID, Name: fmt.Sprint(i), Type: kind})
		must(t, err)
		w.clock.advance(time.Millisecond)
	}
	var names []string
	req := &studio.ListStudioComponentsRequest{StudioID: w.studioID, MaxResults: new(2), Types: []string{"COMPUTE_FARM"}}
	for pages := 1; ; pages++ {
		answer, err := w.ListStudioComponents(ctx, admin, req)
		must(t, err)
		for _, c := range answer.StudioComponents {
			names = append(names, c.Name)
		}
		if len(answer.StudioComponents) > 2 || pages > 10 {
			t.Fatalf("page %d has %d", pages, len(answer.StudioComponents))
		}
		if answer.NextToken == "" {
			break
		}
		// The size of a page may change from one to the next.
		req.NextToken, req.MaxResults = answer.NextToken, new(3)
	}
	if !slices.Equal(names, []string{"0", "2", "4"}) {
		t.Errorf("names: %v", names)
	}

	images, err := w.ListStreamingImages(ctx, admin, &studio.ListStreamingImagesRequest{StudioID: w.studioID, Owner: "AMAZON"})
	must(t, err)
	if images.StreamingImages == nil || len(images.StreamingImages) != 0 {
		t.Errorf("provided images: %v", images.StreamingImages)
	}
	studios, err := w.ListStudios(ctx, admin, &studio.ListStudiosRequest{})
	must(t, err)
	if len(studios.Studios) != 1 || studios.Studios[0].StudioID != w.studioID {
		t.Errorf("studios: %+v", studios.Studios)
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{21}$`)
	if !regexp.MustCompile(`^us-west-2:stid-[a-z0-9]{16}$`).MatchString(w.studioID) {
		t.Errorf("studio id %q", w.studioID)
	}
	for range 200 {
		answer, err := w.CreateLaunchProfile(t.Context(), admin, w.profile(func(r *studio.CreateLaunchProfileRequest) { r.LaunchProfileProtocolVersions = []string{"2021-03-31"} }))
		if studio.KindOf(err) == studio.QuotaExceeded {
			break
		}
		must(t, err)
		if !id.MatchString(answer.LaunchProfile.LaunchProfileID) {
			t.Errorf("id %q", answer.LaunchProfile.LaunchProfileID)
		}
	}
	s := w.launch(t)
	rest, ok := strings.CutPrefix(s.SessionID, w.studioID+".")
	if !ok || !id.MatchString(rest) {
		t.Errorf("session id %q", s.SessionID)
	}
	if key := w.stored(t, s.SessionID).Workstation(); !regexp.MustCompile(`^[a-z0-9]{16}r1$`).MatchString(key) {
		t.Errorf("workstation %q", key)
	}
}

// FuzzWords feeds ids and page tokens that may be anything.
func FuzzWords(f *testing.F) {
	w := open(f, f, f.TempDir(), nil)
	w.furnish(f, f.Context())
	f.Add(w.studioID, w.studioID+".x", "")
	f.Add("", "\x00", "AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("us-west-2:stid-'; drop table", "\xff", "=")
	f.Fuzz(func(t *testing.T, studioID, id, token string) {
		ctx := t.Context()
		_, one := w.GetStreamingSession(ctx, admin, &studio.GetStreamingSessionRequest{StudioID: studioID, SessionID: id})
		_, two := w.ListStreamingSessions(ctx, admin, &studio.ListStreamingSessionsRequest{StudioID: studioID, SessionIDs: id, NextToken: token})
		_, three := w.RedeemTicket(ctx, id, token)
		_, four := w.StartStreamingSession(ctx, artist, &studio.StartStreamingSessionRequest{StudioID: studioID, SessionID: id, BackupID: &token, ClientToken: token})
		five := w.DesktopReady(ctx, id)
		for _, err := range []error{one, two, three, four, five} {
			if err != nil && studio.KindOf(err) == studio.Internal {
				t.Error(err)
			}
		}
		if one == nil || three == nil || four == nil {
			t.Error("something was found")
		}
	})
}

// TestPagesOfTheCatalogue reads whole lists by pages while more comes to them.
func TestPagesOfTheCatalogue(t *testing.T) {
	t.Parallel()
	w := open(t, t, t.TempDir(), func(c *studio.Config) {
		c.Quotas = studio.Quotas{Studios: 1000, LaunchProfiles: 1000, StreamingImages: 1000, Components: 1000}
		for i := range 120 {
			c.Eulas = append(c.Eulas, studio.Eula{EulaID: fmt.Sprintf("eula%03d", i)})
		}
	})
	ctx := t.Context()
	w.furnish(t, ctx)
	n := 0
	for name, list := range map[string]struct {
		make func() (string, error)
		page func(token string) (ids []string, next string, err error)
	}{
		"studios": {
			func() (string, error) {
				a, err := w.CreateStudio(ctx, admin, &studio.CreateStudioRequest{StudioName: fmt.Sprintf("studio%d", n), AdminRoleARN: role, UserRoleARN: role})
				return a.Studio.StudioID, err
			},
			func(token string) (ids []string, next string, err error) {
				a, err := w.ListStudios(ctx, admin, &studio.ListStudiosRequest{NextToken: token})
				for _, s := range a.Studios {
					ids = append(ids, s.StudioID)
				}
				return ids, a.NextToken, err
			},
		},
		"components": {
			func() (string, error) {
				a, err := w.CreateStudioComponent(ctx, admin, &studio.CreateStudioComponentRequest{StudioID: w.studioID, Name: "c", Type: "CUSTOM"})
				return a.StudioComponent.StudioComponentID, err
			},
			func(token string) (ids []string, next string, err error) {
				a, err := w.ListStudioComponents(ctx, admin, &studio.ListStudioComponentsRequest{StudioID: w.studioID, NextToken: token, MaxResults: new(100)})
				for _, c := range a.StudioComponents {
					ids = append(ids, c.StudioComponentID)
				}
				return ids, a.NextToken, err
			},
		},
		"images": {
			func() (string, error) {
				a, err := w.CreateStreamingImage(ctx, admin, &studio.CreateStreamingImageRequest{StudioID: w.studioID, Name: "i", EC2ImageID: hostAMI})
				return a.StreamingImage.StreamingImageID, err
			},
			func(token string) (ids []string, next string, err error) {
				a, err := w.ListStreamingImages(ctx, admin, &studio.ListStreamingImagesRequest{StudioID: w.studioID, NextToken: token})
				for _, i := range a.StreamingImages {
					ids = append(ids, i.StreamingImageID)
				}
				return ids, a.NextToken, err
			},
		},
		"launch profiles": {
			func() (string, error) {
				a, err := w.CreateLaunchProfile(ctx, admin, w.profile())
				return a.LaunchProfile.LaunchProfileID, err
			},
			func(token string) (ids []string, next string, err error) {
				a, err := w.ListLaunchProfiles(ctx, admin, &studio.ListLaunchProfilesRequest{StudioID: w.studioID, NextToken: token, MaxResults: new(30)})
				for _, f := range a.LaunchProfiles {
					ids = append(ids, f.LaunchProfileID)
				}
				return ids, a.NextToken, err
			},
		},
		"acceptances": {
			func() (string, error) {
				a, err := w.AcceptEulas(ctx, admin, &studio.AcceptEulasRequest{StudioID: w.studioID, EulaIDs: []string{fmt.Sprintf("eula%03d", n%120)}})
				return a.EulaAcceptances[0].EulaAcceptanceID, err
			},
			func(token string) (ids []string, next string, err error) {
				a, err := w.ListEulaAcceptances(ctx, admin, &studio.ListEulaAcceptancesRequest{StudioID: w.studioID, NextToken: token})
				for _, a := range a.EulaAcceptances {
					ids = append(ids, a.EulaAcceptanceID)
				}
				return ids, a.NextToken, err
			},
		},
	} {
		var made []string
		create := func() {
			n++
			id, err := list.make()
			must(t, err)
			made = append(made, id)
			w.clock.advance(time.Duration(n%2) * time.Microsecond)
		}
		for range 110 {
			create()
		}
		made = made[:110]
		var seen []string
		for token := ""; ; {
			ids, next, err := list.page(token)
			must(t, err)
			if len(ids) > 50 {
				t.Errorf("%s: a page of %d", name, len(ids))
			}
			seen = append(seen, ids...)
			if token = next; token == "" {
				break
			}
			if len(made) < 115 {
				create()
			}
		}
		count := map[string]int{}
		for _, id := range seen {
			count[id]++
		}
		for _, id := range made[:110] {
			if count[id] != 1 {
				t.Errorf("%s: %s was seen %d times", name, id, count[id])
			}
		}
		if len(count) != len(seen) {
			t.Errorf("%s: %d of %d were seen again", name, len(seen)-len(count), len(seen))
		}
	}
}
