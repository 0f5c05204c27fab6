package studio_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// crowd is an identity store in which everybody is.
type crowd struct{}

func (crowd) Known(context.Context, string, string) (bool, error) { return true, nil }

// membership is that of a studio, or of a launch profile.
type membership struct {
	put    func(ids ...string) error
	get    func(p studio.Principal, id string) (string, error)
	list   func(size *int, token string) (ids []string, next string, err error)
	remove func(id, token string) error
}

func (w *world) memberships(t *testing.T) map[string]membership {
	t.Helper()
	ctx := t.Context()
	return map[string]membership{
		"studio": {
			func(ids ...string) error {
				var members []studio.NewStudioMember
				for _, id := range ids {
					members = append(members, studio.NewStudioMember{Persona: "ADMINISTRATOR", PrincipalID: id})
				}
				_, err := w.PutStudioMembers(ctx, admin, &studio.PutStudioMembersRequest{StudioID: w.studioID, IdentityStoreID: identity, Members: members})
				return err
			},
			func(p studio.Principal, id string) (string, error) {
				a, err := w.GetStudioMember(ctx, p, &studio.GetStudioMemberRequest{StudioID: w.studioID, PrincipalID: id})
				if err != nil {
					return "", err
				}
				return a.Member.IdentityStoreID + " " + a.Member.Persona + " " + a.Member.PrincipalID, nil
			},
			func(size *int, token string) (ids []string, next string, err error) {
				a, err := w.ListStudioMembers(ctx, admin, &studio.ListStudioMembersRequest{StudioID: w.studioID, MaxResults: size, NextToken: token})
				for _, m := range a.Members {
					ids = append(ids, m.PrincipalID)
				}
				return ids, a.NextToken, err
			},
			func(id, token string) error {
				_, err := w.DeleteStudioMember(ctx, admin, &studio.DeleteStudioMemberRequest{StudioID: w.studioID, PrincipalID: id, ClientToken: token})
				return err
			},
		},
		"launch profile": {
			func(ids ...string) error {
				var members []studio.NewLaunchProfileMember
				for _, id := range ids {
					members = append(members, studio.NewLaunchProfileMember{Persona: "USER", PrincipalID: id})
				}
				_, err := w.PutLaunchProfileMembers(ctx, admin, &studio.PutLaunchProfileMembersRequest{
					StudioID: w.studioID, LaunchProfileID: w.profileID, IdentityStoreID: identity, Members: members,
				})
				return err
			},
			func(p studio.Principal, id string) (string, error) {
				a, err := w.GetLaunchProfileMember(ctx, p, &studio.GetLaunchProfileMemberRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, PrincipalID: id})
				if err != nil {
					return "", err
				}
				return a.Member.IdentityStoreID + " " + a.Member.Persona + " " + a.Member.PrincipalID, nil
			},
			func(size *int, token string) (ids []string, next string, err error) {
				a, err := w.ListLaunchProfileMembers(ctx, admin, &studio.ListLaunchProfileMembersRequest{
					StudioID: w.studioID, LaunchProfileID: w.profileID, MaxResults: size, NextToken: token,
				})
				for _, m := range a.Members {
					ids = append(ids, m.PrincipalID)
				}
				return ids, a.NextToken, err
			},
			func(id, token string) error {
				_, err := w.DeleteLaunchProfileMember(ctx, admin, &studio.DeleteLaunchProfileMemberRequest{
					StudioID: w.studioID, LaunchProfileID: w.profileID, PrincipalID: id, ClientToken: token,
				})
				return err
			},
		},
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, m := range w.memberships(t) {
		must(t, m.put(artist.ID, boss.ID))
		must(t, m.put(boss.ID)) // once more changes nothing
		got, err := m.get(artist, boss.ID)
		must(t, err)
		persona := map[string]string{"studio": "ADMINISTRATOR", "launch profile": "USER"}[name]
		if want := identity + " " + persona + " " + boss.ID; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		ids, next, err := m.list(nil, "")
		must(t, err)
		if slices.Sort(ids); !slices.Equal(ids, []string{artist.ID, boss.ID}) || next != "" {
			t.Errorf("%s: %v, %q", name, ids, next)
		}
		_, err = m.get(admin, other.ID)
		wants(t, err, studio.NotFound, studio.CodeNotFound)
		wants(t, m.remove(other.ID, "d"), studio.NotFound, studio.CodeNotFound)
		must(t, m.remove(boss.ID, "d"))
		must(t, m.remove(boss.ID, "d"))
		wants(t, m.remove(boss.ID, ""), studio.NotFound, studio.CodeNotFound)
		wants(t, m.remove(artist.ID, "d"), studio.Validation, studio.CodeClientToken)
		_, err = m.get(admin, boss.ID)
		wants(t, err, studio.NotFound, studio.CodeNotFound)
	}
}

func TestUpdateLaunchProfileMember(t *testing.T) {
	t.Parallel()
	w := setup(t)
	update := func(id string) (*studio.UpdateLaunchProfileMemberResponse, error) {
		return w.UpdateLaunchProfileMember(t.Context(), admin, &studio.UpdateLaunchProfileMemberRequest{
			StudioID: w.studioID, LaunchProfileID: w.profileID, PrincipalID: id, Persona: "USER", ClientToken: "u" + id,
		})
	}
	for range 2 {
		a, err := update(artist.ID)
		must(t, err)
		if a.Member.PrincipalID != artist.ID || a.Member.Persona != "USER" || a.Member.IdentityStoreID != identity {
			t.Errorf("%+v", a.Member)
		}
	}
	_, err := update(other.ID)
	wants(t, err, studio.NotFound, studio.CodeNotFound)
}

// TestWhoIsNoMemberAnyMore keeps what runs, and starts nothing more.
func TestWhoIsNoMemberAnyMore(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	s := w.launch(t)
	must(t, w.memberships(t)["launch profile"].remove(artist.ID, ""))
	w.settle(t, ctx)
	if s := w.get(t, s.SessionID); s.State != studio.Ready {
		t.Errorf("%+v", s)
	}
	_, err := w.CreateStreamingSession(ctx, artist, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	w.stop(t, s.SessionID, "RETAIN")
	_, err = w.StartStreamingSession(ctx, artist, &studio.StartStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
}

// TestPagesOfMembers reads pages while members come and go: whoever is there all
// the time is seen once.
func TestPagesOfMembers(t *testing.T) {
	t.Parallel()
	w := open(t, t, t.TempDir(), func(c *studio.Config) { c.Users = crowd{} })
	w.furnish(t, t.Context())
	for name, m := range w.memberships(t) {
		for i := range 70 {
			must(t, m.put(fmt.Sprintf("stays-%02d", i), fmt.Sprintf("goes-%02d", i)))
			w.clock.advance(time.Duration(i%3) * time.Millisecond) // some come at the same time
		}
		seen := map[string]int{}
		for token, pages := "", 0; ; pages++ {
			size := new(1 + pages%100)
			if pages%3 == 0 {
				size = nil
			}
			ids, next, err := m.list(size, token)
			must(t, err)
			if len(ids) > 20 || size != nil && len(ids) > *size {
				t.Fatalf("%s: a page of %d", name, len(ids))
			}
			for _, id := range ids {
				seen[id]++
			}
			if next == "" {
				break
			}
			token = next
			must(t, m.put(fmt.Sprintf("comes-%d", pages)))
			if pages < 70 {
				must(t, m.remove(fmt.Sprintf("goes-%02d", pages), ""))
			}
		}
		for i := range 70 {
			if n := seen[fmt.Sprintf("stays-%02d", i)]; n != 1 {
				t.Errorf("%s: member %d was seen %d times", name, i, n)
			}
		}
		for id, n := range seen {
			if n > 1 {
				t.Errorf("%s: %s was seen %d times", name, id, n)
			}
		}
		_, _, err := m.list(nil, strings.Repeat("A", 40))
		wants(t, err, studio.Validation, studio.CodePageToken)
	}
}

// TestTwinsOfChanges asks twenty times at once with one token: one change is made.
func TestTwinsOfChanges(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, a := range w.things(t) {
		for what, call := range []func() (shown, error){
			func() (shown, error) { return a.update("twin", "twin") },
			func() (shown, error) { return a.remove("twin") },
		} {
			answers := make([]shown, 20)
			var twins sync.WaitGroup
			for i := range answers {
				twins.Go(func() {
					var err error
					if answers[i], err = call(); err != nil {
						t.Errorf("%s, call %d: %v", name, what, err)
					}
				})
			}
			twins.Wait()
			for _, got := range answers {
				if got != answers[0] {
					t.Errorf("%s, call %d: %+v and %+v", name, what, got, answers[0])
				}
			}
			a.get() // at rest
		}
	}
}
