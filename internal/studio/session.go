package studio

import (
	"fmt"
	"time"
)

// Session is a user's desktop as it is kept: what the API shows, and what is
// needed to bring it on. Of its volumes, Volume is the one it lives on, and no
// other is ever written to.
type Session struct {
	StreamingSession
	revision

	StudioID string `json:"studioId"`
	// Key names what is on machines for the session: workstations are <Key>r<Run>,
	// volumes <Key>v<n>, snapshots <Key>b<n>.
	Key string `json:"key"`
	// Installation is where the session's volumes are: its servers alone bring it on.
	Installation string `json:"installation,omitempty"`
	// Run counts creation and starts. Each has its own workstation, so that no late
	// word of or to an earlier one is taken for this one's.
	Run int `json:"run"`
	// MachineImage is what the workstation runs: the image's ec2ImageId at creation.
	MachineImage string `json:"machineImage"`
	// MaxMinutes and MaxStoppedMinutes are the profile's limits of READY and STOPPED time.
	MaxMinutes        int `json:"maxMinutes"`
	MaxStoppedMinutes int `json:"maxStoppedMinutes"`
	// Clipboard tells that the clipboards of desktop and viewers are one, UploadRoot
	// where viewers' files go (empty: nowhere): what the profile said when the session
	// was last started.
	Clipboard  bool   `json:"clipboard,omitempty"`
	UploadRoot string `json:"uploadRoot,omitempty"`

	// Volume is empty when there is none. Until VolumeMade, it is still to be made:
	// empty, or from the snapshot From.
	Volume     string `json:"volume,omitempty"`
	VolumeMade bool   `json:"volumeMade,omitempty"`
	From       string `json:"from,omitempty"`
	// Adopted is the volume or snapshot, lost before, that the session was made of,
	// until it is READY for the first time.
	Adopted string `json:"adopted,omitempty"`
	// Replaced is the volume that Volume takes the place of once it is made.
	Replaced string `json:"replaced,omitempty"`
	// Trash are volumes to be deleted.
	Trash []string `json:"trash,omitempty"`
	// HeldBy is the backup that holds exactly what the volume holds (Replaced, while
	// there is one); empty: none is known to.
	HeldBy string `json:"heldBy,omitempty"`
	// Pending is the backup whose snapshot is to be taken now.
	Pending string `json:"pending,omitempty"`
	// VolumesMade and BackupsMade number volumes and snapshots.
	VolumesMade int `json:"volumesMade,omitempty"`
	BackupsMade int `json:"backupsMade,omitempty"`
	// Compare is a snapshot of Volume as it was restored, to be compared with the
	// backup CompareWith, from CompareAt on; it is taken as soon as Volume is made.
	Compare      string    `json:"compare,omitempty"`
	CompareWith  string    `json:"compareWith,omitempty"`
	CompareAt    time.Time `json:"compareAt,omitzero"`
	CompareTries int       `json:"compareTries,omitempty"`
	// BackUpAt is when the next backup of a running session is due.
	BackUpAt time.Time `json:"backUpAt,omitzero"`

	// Reserved is what is set aside of the machine; NoRoom says why that failed.
	Reserved Capacity `json:"reserved,omitzero"`
	NoRoom   string   `json:"noRoom,omitempty"`
	// Running tells that the workstation of this run has been started.
	Running bool `json:"running,omitempty"`
	// Scripted tells that it has scripts to run before it can be shown.
	Scripted bool `json:"scripted,omitempty"`
	// Share lets others look while the session is READY; nil: nobody.
	Share *share `json:"share,omitempty"`
	// Check tells that a READY session's workstation must be looked at.
	Check bool `json:"check,omitempty"`
	// Leftover is a workstation that must be ended before anything else is done.
	Leftover string `json:"leftover,omitempty"`
	// BackupsGone tells that no snapshot of a session under deletion is left.
	BackupsGone bool `json:"backupsGone,omitempty"`

	// Attempts of the present step that came to nothing; the next one is due at
	// RetryAt. From Deadline on a failure is final.
	Attempts int       `json:"attempts,omitempty"`
	RetryAt  time.Time `json:"retryAt,omitzero"`
	Deadline time.Time `json:"deadline,omitzero"`
	// Fault is what the last of them met, and Repeats how often in a row.
	Fault   uint64 `json:"fault,omitempty"`
	Repeats int    `json:"repeats,omitempty"`
	// ForgetAt is when a deleted session is forgotten, or one that never came to
	// be is deleted.
	ForgetAt time.Time `json:"forgetAt,omitzero"`
}

// Table implements Noun.
func (*Session) Table() Table { return TableSessions }

// Row implements Noun. A session's parent is its launch profile; it can be found
// by its workstation, too.
func (s *Session) Row(now time.Time) Row {
	return Row{
		ID: s.SessionID, StudioID: s.StudioID, ParentID: s.LaunchProfileID, OwnedBy: s.OwnedBy, CreatedBy: s.CreatedBy,
		State: s.State, Unique: s.Workstation(), CreatedAt: s.CreatedAt, DueAt: dueAt(s, now),
	}
}

// Workstation names the workstation of the present run; to viewers and streamers
// it is the session's key.
func (s *Session) Workstation() string { return fmt.Sprintf("%sr%d", s.Key, s.Run) }

// VolumeBytes is what the session's volume may hold at most.
func (s *Session) VolumeBytes() int64 {
	size := 500 // the model's default
	if s.VolumeConfiguration != nil {
		size = s.VolumeConfiguration.Size
	}
	return int64(size) << 30
}

// Next implements living.
func (s *Session) Next(now time.Time) (Action, time.Time) {
	// Steps wait for RetryAt; it is zero, and so past, unless the last one failed.
	step := func(a Action, wanted bool) plan {
		if !wanted {
			return plan{}
		}
		return plan{a, s.RetryAt}
	}
	switch s.State {
	case CreateInProgress, StartInProgress:
		if s.NoRoom != "" {
			return GiveUp, now
		}
		switch {
		case s.Leftover != "":
			return first(now, step(StopWorkstation, true))
		case s.Pending != "":
			return first(now, step(TakeSnapshot, true))
		case !s.VolumeMade:
			return first(now, step(CreateVolume, true))
		case !s.Running:
			return first(now, step(EnsureWorkstation, true))
		default: // wait for the desktop
			return first(now, at(s.Deadline, GiveUp), step(EnsureWorkstation, true))
		}
	case Ready:
		backUp := at(s.BackUpAt, BackUpInTime)
		if s.Pending != "" { // one at a time
			backUp = plan{}
		}
		return first(now, at(s.StopAt, StopInTime), at(s.TerminateAt, DeleteInTime),
			step(EnsureWorkstation, s.Check), step(TakeSnapshot, s.Pending != ""), step(DeleteVolume, len(s.Trash) > 0),
			backUp)
	case StopInProgress:
		switch {
		case s.Leftover != "":
			return first(now, step(StopWorkstation, true))
		case s.Pending != "":
			return first(now, step(TakeSnapshot, true))
		case len(s.Trash) > 0:
			return first(now, step(DeleteVolume, true))
		default:
			return Settle, now
		}
	case DeleteInProgress:
		switch {
		case s.Leftover != "":
			return first(now, step(RemoveWorkstation, true))
		case !s.BackupsGone:
			return first(now, step(DeleteSnapshots, true))
		case len(s.Trash) > 0:
			return first(now, step(DeleteVolume, true))
		default:
			return Settle, now
		}
	case Stopped:
		return first(now, at(s.TerminateAt, DeleteInTime), step(TakeSnapshot, s.Pending != ""), step(DeleteVolume, len(s.Trash) > 0))
	case CreateFailed:
		return first(now, at(s.ForgetAt, DeleteInTime), step(StopWorkstation, s.Leftover != ""))
	case StartFailed:
		return first(now, step(StopWorkstation, s.Leftover != ""), step(DeleteVolume, len(s.Trash) > 0))
	case Deleted:
		return first(now, at(s.ForgetAt, Forget))
	default: // STOP_FAILED and DELETE_FAILED wait for somebody
		return None, time.Time{}
	}
}

// stoppable tells whether the session can be stopped; one that cannot is
// terminated at the end of its length.
func (s *Session) stoppable() bool {
	return s.SessionPersistenceMode == activated && (s.AutomaticTerminationMode != activated || s.MaxStoppedMinutes > 0)
}

// backsUp tells whether backups of the session are made and kept.
func (s *Session) backsUp() bool { return s.BackupMode == automatic && s.MaxBackupsToRetain > 0 }
