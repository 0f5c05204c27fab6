package portal

import (
	"context"
	"net/http"
	"slices"

	"github.com/backlot/backlot/internal/studio"
)

// homePage is what the home page shows.
type homePage struct {
	Title    string
	User     string
	Problem  string
	Sessions []sessionCard
	Profiles []profileCard
}

type profileCard struct {
	ID, StudioID, Studio, Name, Description string
	Types                                   []string
}

func (p *Portal) home(w http.ResponseWriter, r *http.Request) {
	u, ok := p.signedIn(w, r)
	if !ok {
		return
	}
	page, err := p.gather(r.Context(), u)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.render(w, http.StatusOK, "home", page)
}

// gather finds what the user can see and use.
func (p *Portal) gather(ctx context.Context, u user) (homePage, error) {
	page := homePage{Title: "Your workstations", User: u.name}
	studios, err := all(func(token string) ([]studio.Studio, string, error) {
		out, err := p.cfg.Service.ListStudios(ctx, studio.Principal{ID: "portal", Administrator: true}, &studio.ListStudiosRequest{NextToken: token})
		if err != nil {
			return nil, "", err
		}
		return out.Studios, out.NextToken, nil
	})
	if err != nil {
		return page, err
	}
	for _, s := range studios {
		err := p.addStudio(ctx, u, s, &page)
		// Of a studio that a policy closes to the user, or that has just gone, there is nothing to show.
		if kind := studio.KindOf(err); err != nil && kind != studio.AccessDenied && kind != studio.NotFound {
			return page, err
		}
	}
	if len(studios) < 2 { // then there is nothing to tell apart
		for i := range page.Sessions {
			page.Sessions[i].Studio = ""
		}
		for i := range page.Profiles {
			page.Profiles[i].Studio = ""
		}
	}
	return page, nil
}

func (p *Portal) addStudio(ctx context.Context, u user, s studio.Studio, page *homePage) error {
	name := s.DisplayName
	if name == "" {
		name = s.StudioName
	}
	profiles, err := p.profiles(ctx, u, s.StudioID)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, f := range profiles {
		names[f.LaunchProfileID] = f.Name
		if slices.Contains(launchable, f.State) {
			page.Profiles = append(page.Profiles, profileCard{
				ID: f.LaunchProfileID, StudioID: s.StudioID, Studio: name, Name: f.Name, Description: f.Description,
				Types: f.StreamConfiguration.EC2InstanceTypes,
			})
		}
	}
	sessions, err := p.sessions(ctx, u, s.StudioID)
	if err != nil {
		return err
	}
	backups, err := p.backups(ctx, u, s.StudioID)
	if err != nil {
		return err
	}
	for _, session := range sessions {
		if session.State != studio.Deleted {
			c := card(session, backups[session.SessionID])
			c.StudioID, c.Studio, c.Name = s.StudioID, name, names[session.LaunchProfileID]
			if c.Name == "" { // not the user's any more
				c.Name = "Workstation"
			}
			page.Sessions = append(page.Sessions, c)
		}
	}
	return nil
}

// launchable are the states in which a launch profile can be used.
var launchable = []studio.State{studio.Ready, studio.UpdateFailed, studio.DeleteFailed}

// profiles are the launch profiles that are there for the user. The account's
// administrators are members of none, and may launch from every one.
func (p *Portal) profiles(ctx context.Context, u user, studioID string) ([]studio.LaunchProfile, error) {
	member := u.ID
	if u.Administrator {
		member = ""
	}
	return all(func(token string) ([]studio.LaunchProfile, string, error) {
		out, err := p.cfg.Service.ListLaunchProfiles(ctx, u.Principal, &studio.ListLaunchProfilesRequest{
			StudioID: studioID, PrincipalID: member, NextToken: token,
		})
		if err != nil {
			return nil, "", err
		}
		return out.LaunchProfiles, out.NextToken, nil
	})
}

// sessions are the user's own, the newest first; those deleted lately are among them.
func (p *Portal) sessions(ctx context.Context, u user, studioID string) ([]studio.StreamingSession, error) {
	return all(func(token string) ([]studio.StreamingSession, string, error) {
		out, err := p.cfg.Service.ListStreamingSessions(ctx, u.Principal, &studio.ListStreamingSessionsRequest{
			StudioID: studioID, OwnedBy: u.ID, NextToken: token,
		})
		if err != nil {
			return nil, "", err
		}
		return out.Sessions, out.NextToken, nil
	})
}

// backups are the user's own that can be used, by session, the newest first.
func (p *Portal) backups(ctx context.Context, u user, studioID string) (map[string][]studio.StreamingSessionBackup, error) {
	list, err := all(func(token string) ([]studio.StreamingSessionBackup, string, error) {
		out, err := p.cfg.Service.ListStreamingSessionBackups(ctx, u.Principal, &studio.ListStreamingSessionBackupsRequest{
			StudioID: studioID, OwnedBy: u.ID, NextToken: token,
		})
		if err != nil {
			return nil, "", err
		}
		return out.StreamingSessionBackups, out.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	of := map[string][]studio.StreamingSessionBackup{}
	for _, b := range list {
		if b.State == studio.Ready {
			of[b.SessionID] = append(of[b.SessionID], b)
		}
	}
	return of, nil
}

// all gathers a list page by page.
func all[T any](page func(token string) (list []T, next string, err error)) ([]T, error) {
	var found []T
	for token := ""; ; {
		list, next, err := page(token)
		if err != nil {
			return nil, err
		}
		found = append(found, list...)
		if token = next; token == "" {
			return found, nil
		}
	}
}
