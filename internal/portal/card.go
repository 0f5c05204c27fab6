package portal

import (
	"fmt"
	"strings"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// sessionCard is a workstation as its owner sees it.
type sessionCard struct {
	ID, StudioID, Studio, Name string
	// Key is the session's part of ID: shorter, for the ids of elements.
	Key string

	State studio.State
	// Mood is good, busy, bad or empty; Words say the state.
	Mood, Words string
	Type        string
	Made        moment
	// Note says what comes next. If At is not zero it belongs there, and Then behind it.
	Note string
	At   moment
	Then string
	// Kept says what there is of backups. Those to start from are in Backups, and
	// Replaced says what becomes of the workstation's disk then.
	Kept, Replaced string
	Backups        []backup

	CanOpen, CanStart, CanStop, CanDelete bool
	// Precious tells that there is something to lose by a deletion.
	Precious bool
}

type backup struct {
	ID string
	At moment
}

// moment is a time on a page: exact for the script, plain for readers without it.
type moment struct{ time.Time }

// Exact is the time in the form of HTML.
func (m moment) Exact() string { return m.UTC().Format(time.RFC3339) }

// Plain is the time in words.
func (m moment) Plain() string { return m.UTC().Format("2 Jan 15:04 UTC") }

// faces are the states: what an artist reads.
var faces = map[studio.State]struct{ mood, words, note string }{
	studio.CreateInProgress: {"busy", "Being made", "Ready in a moment."},
	studio.Ready:            {"good", "Ready", ""},
	studio.StopInProgress:   {"busy", "Stopping", "Everything on it is kept."},
	studio.Stopped:          {"", "Stopped", "Everything on it is kept."},
	studio.StartInProgress:  {"busy", "Starting", "Ready in a moment."},
	studio.DeleteInProgress: {"busy", "Being deleted", "It will be gone in a moment."},
	studio.CreateFailed:     {"bad", "Could not be made", "Delete this one, then launch again."},
	studio.StartFailed:      {"bad", "Could not start", "Nothing on it is lost."},
	studio.StopFailed:       {"bad", "Could not stop", "Stop it once more."},
	studio.DeleteFailed:     {"bad", "Could not be deleted", "Delete it once more."},
}

func card(s studio.StreamingSession, backups []studio.StreamingSessionBackup) sessionCard {
	face := faces[s.State]
	failed := face.mood == "bad"
	_, key, _ := strings.Cut(s.SessionID, ".")
	c := sessionCard{
		ID: s.SessionID, Key: key, State: s.State, Mood: face.mood, Words: face.words, Note: face.note,
		Type: s.EC2InstanceType, Made: moment{s.CreatedAt},
		CanOpen: s.State == studio.Ready,
		// One that is READY and has an end to come is of the kind that cannot be stopped.
		CanStop:   s.State == studio.Ready && s.TerminateAt.IsZero() || s.State == studio.StopFailed,
		CanStart:  s.State == studio.Stopped || s.State == studio.StartFailed,
		CanDelete: face.mood != "busy",
		Precious:  s.State != studio.CreateFailed,
	}
	switch {
	case failed:
		c.Note = s.StatusMessage + " " + face.note
	case !s.TerminateAt.IsZero():
		c.Note, c.At, c.Then = "Deleted by itself", moment{s.TerminateAt}, ", with everything on it."
	case !s.StopAt.IsZero():
		c.Note, c.At, c.Then = "Stops by itself", moment{s.StopAt}, ", and keeps everything on it."
	}
	c.Kept = kept(s, len(backups))
	if c.CanStart && len(backups) > 0 {
		c.Replaced = "What is on the workstation now is replaced by it."
		if s.BackupMode == "AUTOMATIC" {
			c.Replaced = "What is on the workstation now is backed up first."
		}
		for _, b := range backups {
			c.Backups = append(c.Backups, backup{b.BackupID, moment{b.CreatedAt}})
		}
	}
	return c
}

func kept(s studio.StreamingSession, backups int) string {
	switch {
	case s.State == studio.CreateFailed:
		return "There was nothing on it yet"
	case backups == 1:
		return "1 backup"
	case backups > 1:
		return fmt.Sprintf("%d backups", backups)
	case s.SessionPersistenceMode != "ACTIVATED":
		return "Keeps nothing: what is on it goes with it"
	case s.BackupMode != "AUTOMATIC":
		return "Makes no backups"
	default:
		return "No backups yet"
	}
}
