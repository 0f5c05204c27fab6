package studio

import "time"

// The kinds of nouns kept here.
const (
	TableStudios        Table = "studios"
	TableStudioMembers  Table = "studio_members"
	TableComponents     Table = "studio_components"
	TableImages         Table = "streaming_images"
	TableProfiles       Table = "launch_profiles"
	TableProfileMembers Table = "launch_profile_members"
	TableSessions       Table = "sessions"
	TableStreams        Table = "streams"
	TableBackups        Table = "backups"
	TableAcceptances    Table = "eula_acceptances"
	TableClientTokens   Table = "client_tokens"
)

// revision is embedded in every noun for Noun.Rev.
type revision struct{ number int64 }

// Rev is where the store keeps which revision the noun was read with.
func (r *revision) Rev() *int64 { return &r.number }

// Action is one small thing that brings a noun on in its life.
type Action string

// The actions. Those of the first group want something done outside; the others
// are transitions whose time has come.
const (
	// None: nothing is to be done.
	None Action = ""

	// CreateVolume makes Session.Volume, from the snapshot Session.From if that is set.
	CreateVolume Action = "create volume"
	// EnsureWorkstation makes the session's workstation run.
	EnsureWorkstation Action = "ensure workstation"
	// StopWorkstation ends Session.Leftover in good order.
	StopWorkstation Action = "stop workstation"
	// RemoveWorkstation takes Session.Leftover away without asking it.
	RemoveWorkstation Action = "remove workstation"
	// TakeSnapshot freezes the volume for the backup Session.Pending.
	TakeSnapshot Action = "take snapshot"
	// DeleteVolume deletes the first of Session.Trash.
	DeleteVolume Action = "delete volume"
	// DeleteSnapshots deletes the snapshots of all backups of a session.
	DeleteSnapshots Action = "delete snapshots"
	// DeleteSnapshot deletes the snapshot of one backup.
	DeleteSnapshot Action = "delete snapshot"

	// GiveUp ends a transition that cannot succeed any more as failed.
	GiveUp Action = "give up"
	// Settle ends a transition of which nothing is left to do.
	Settle Action = "settle"
	// StopInTime stops a session at its stopAt.
	StopInTime Action = "stop in time"
	// DeleteInTime deletes a session at its terminateAt, or one that never came to be.
	DeleteInTime Action = "delete in time"
	// BackUpInTime begins a backup of a session that runs.
	BackUpInTime Action = "back up in time"
	// Expire ends a stream at its expiresAt.
	Expire Action = "expire"
	// Forget removes what is only kept so that it can be asked for.
	Forget Action = "forget"
)

// living is a noun that changes with time.
type living interface {
	Noun
	// Next tells what is to be done now; if that is None, when to ask again, where
	// the zero time is never. It depends on nothing but the noun and now.
	Next(now time.Time) (Action, time.Time)
}

// plan is an action that is due at a time; the zero plan is never.
type plan struct {
	action Action
	at     time.Time
}

// at plans an action for a time, where the zero time is never.
func at(t time.Time, a Action) plan {
	if t.IsZero() {
		return plan{}
	}
	return plan{a, t}
}

// first returns the first of the plans that is due, or else when one will be.
func first(now time.Time, plans ...plan) (Action, time.Time) {
	var wake time.Time
	for _, p := range plans {
		switch {
		case p.action == None:
		case !p.at.After(now):
			return p.action, now
		case wake.IsZero() || p.at.Before(wake):
			wake = p.at
		}
	}
	return None, wake
}

// dueAt is when a noun must be looked at, for its row.
func dueAt(n living, now time.Time) time.Time {
	_, t := n.Next(now)
	return t
}
