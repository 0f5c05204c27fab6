package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

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
	ID, StudioID, Name, Description string
	Types                           []string
}

type sessionCard struct {
	ID, Key, Path, Profile string
	State                  studio.State
	Words, Mood, Detail    string
	Until                  *moment
	Backups                []backupEntry

	CanOpen, CanStart, CanStop, CanDelete, Busy bool
}

type backupEntry struct {
	ID, SessionID string
	moment
}

// moment is a time for a page: exact for the script, plain for readers without it.
type moment struct{ Prefix, RFC, Plain string }

func at(prefix string, t time.Time) moment {
	return moment{prefix, t.UTC().Format(time.RFC3339), t.Local().Format("2 Jan 15:04")}
}

// PathOf is the part of a url that names a session.
func (homePage) PathOf(sessionID string) string { return pathOf(sessionID) }

func pathOf(sessionID string) string {
	studioID, key, _ := strings.Cut(sessionID, ".")
	return url.PathEscape(studioID) + "/" + url.PathEscape(key)
}

func (p *Portal) home(w http.ResponseWriter, r *http.Request) {
	u, ok := p.signedIn(w, r)
	if !ok {
		return
	}
	page, err := p.page(r.Context(), u)
	if err != nil {
		p.Log.Error("home page cannot be made", "err", err)
		page.Problem = "The list may be incomplete: the server could not read everything. Try again in a moment."
	}
	p.render(w, http.StatusOK, "home", page)
}

// page gathers what the user may see.
func (p *Portal) page(ctx context.Context, u user) (homePage, error) {
	page := homePage{Title: "Your workstations", User: u.name}
	studios, err := p.Service.ListStudios(ctx, studio.Principal{ID: "portal", Administrator: true}, &studio.ListStudiosRequest{})
	if err != nil {
		return page, err
	}
	for _, s := range studios.Studios {
		if s.State == studio.Deleted || s.State == studio.CreateFailed {
			continue
		}
		if err := p.addStudio(ctx, u, s.StudioID, &page); err != nil {
			return page, err
		}
	}
	return page, nil
}

func (p *Portal) addStudio(ctx context.Context, u user, studioID string, page *homePage) error {
	profiles, err := p.Service.ListLaunchProfiles(ctx, u.Principal, &studio.ListLaunchProfilesRequest{StudioID: studioID, PrincipalID: u.ID})
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, l := range profiles.LaunchProfiles {
		names[l.LaunchProfileID] = l.Name
		if slices.Contains([]studio.State{studio.Ready, studio.UpdateFailed, studio.DeleteFailed}, l.State) {
			page.Profiles = append(page.Profiles, profileCard{l.LaunchProfileID, studioID, l.Name, l.Description, l.StreamConfiguration.EC2InstanceTypes})
		}
	}
	sessions, err := p.Service.ListStreamingSessions(ctx, u.Principal, &studio.ListStreamingSessionsRequest{StudioID: studioID, OwnedBy: u.ID})
	if err != nil {
		return err
	}
	backups, err := p.Service.ListStreamingSessionBackups(ctx, u.Principal, &studio.ListStreamingSessionBackupsRequest{StudioID: studioID, OwnedBy: u.ID})
	if err != nil {
		return err
	}
	for _, s := range sessions.Sessions {
		if s.State == studio.Deleted {
			continue
		}
		c := card(s)
		if c.Profile = names[s.LaunchProfileID]; c.Profile == "" {
			c.Profile = "Workstation"
		}
		for _, b := range backups.StreamingSessionBackups {
			if b.SessionID == s.SessionID && b.State == studio.Ready {
				c.Backups = append(c.Backups, backupEntry{b.BackupID, b.SessionID, at("", b.CreatedAt)})
			}
		}
		page.Sessions = append(page.Sessions, c)
	}
	return nil
}

// moods and words of the states: what an artist reads.
var words = map[studio.State]struct{ mood, words string }{
	studio.CreateInProgress: {"busy", "Being made"},
	studio.Ready:            {"good", "Ready"},
	studio.StopInProgress:   {"busy", "Stopping"},
	studio.Stopped:          {"", "Stopped"},
	studio.StartInProgress:  {"busy", "Starting"},
	studio.DeleteInProgress: {"busy", "Being deleted"},
	studio.CreateFailed:     {"bad", "Could not be made"},
	studio.StartFailed:      {"bad", "Could not be started"},
	studio.StopFailed:       {"bad", "Could not be stopped"},
	studio.DeleteFailed:     {"bad", "Could not be deleted"},
}

func card(s studio.StreamingSession) sessionCard {
	_, key, _ := strings.Cut(s.SessionID, ".")
	c := sessionCard{ID: s.SessionID, Key: key, Path: pathOf(s.SessionID), State: s.State, Words: words[s.State].words, Mood: words[s.State].mood}
	c.Busy = c.Mood == "busy"
	failed := c.Mood == "bad"
	c.CanOpen = s.State == studio.Ready
	// A session with a time to be terminated at, while READY, is of the kind that cannot stop.
	c.CanStop = s.State == studio.Ready && s.TerminateAt.IsZero() || s.State == studio.StopFailed
	c.CanStart = s.State == studio.Stopped || s.State == studio.StartFailed
	c.CanDelete = c.CanOpen || c.CanStart || failed
	if failed {
		c.Detail = s.StatusMessage
	}
	switch {
	case !s.TerminateAt.IsZero():
		m := at("Deleted by itself", s.TerminateAt)
		c.Until = &m
	case !s.StopAt.IsZero():
		m := at("Stops by itself", s.StopAt)
		c.Until = &m
	}
	return c
}

// events sends the live part of the home page whenever it has changed.
func (p *Portal) events(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	changes, end := p.Changes()
	defer end()
	alive := time.NewTicker(20 * time.Second)
	defer alive.Stop()
	var shown []byte
	for {
		u, err := p.user(r)
		if err != nil {
			_, _ = fmt.Fprint(w, "event: signed-out\ndata: \n\n")
			return
		}
		fresh, err := p.live(r.Context(), u, "")
		if err == nil && !bytes.Equal(fresh, shown) {
			shown = fresh
			text, _ := json.Marshal(string(fresh)) // a string can always be
			_, err = fmt.Fprintf(w, "event: live\ndata: %s\n\n", text)
		}
		if err != nil || out.Flush() != nil {
			return // the page asks again
		}
		select {
		case <-r.Context().Done():
			return
		case <-changes:
		case <-alive.C:
			if _, err := fmt.Fprint(w, ": alive\n\n"); err != nil {
				return
			}
		}
	}
}

// live is the part of the home page that changes.
func (p *Portal) live(ctx context.Context, u user, problem string) ([]byte, error) {
	page, err := p.page(ctx, u)
	if err != nil {
		return nil, err
	}
	page.Problem = problem
	var text bytes.Buffer
	err = p.pages.ExecuteTemplate(&text, "live", page)
	return text.Bytes(), err
}
