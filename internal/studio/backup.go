package studio

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Backup is a frozen volume of a session as it is kept.
type Backup struct {
	StreamingSessionBackup
	revision

	StudioID string `json:"studioId"`
	// Number grows with every backup of the session, whatever the clock says.
	Number int `json:"number"`
	// Key names the snapshot; Volume is what it is taken of.
	Key    string `json:"key"`
	Volume string `json:"volume"`
	checksum
	// Origin tells why it was made; empty in rows of before it was told.
	Origin string `json:"origin,omitempty"`
	// Safety tells that a restore was about to replace the volume.
	Safety bool `json:"safety,omitempty"`
	// Restoring are the sessions whose volumes are still to be made from it.
	Restoring []string `json:"restoring,omitempty"`

	// Leftover tells that of a backup that failed there may be a snapshot all the same.
	Leftover bool `json:"leftover,omitempty"`

	// As in Session, for the deletion of the snapshot; an import that says nothing
	// until Deadline is dead.
	Attempts int       `json:"attempts,omitempty"`
	RetryAt  time.Time `json:"retryAt,omitzero"`
	Deadline time.Time `json:"deadline,omitzero"`
	ForgetAt time.Time `json:"forgetAt,omitzero"`
}

// Table implements Noun.
func (*Backup) Table() Table { return TableBackups }

// Row implements Noun. A backup's parent is its session; it can be found by its
// snapshot, too.
func (b *Backup) Row(now time.Time) Row {
	return Row{
		ID: b.BackupID, StudioID: b.StudioID, ParentID: b.SessionID, OwnedBy: b.OwnedBy,
		State: b.State, Unique: b.Key, CreatedAt: b.CreatedAt, DueAt: dueAt(b, now),
	}
}

// Next implements living. A backup under creation is its session's concern,
// which knows when the volume is at rest.
func (b *Backup) Next(now time.Time) (Action, time.Time) {
	switch b.State {
	case CreateInProgress:
		if b.Origin == originImport {
			return first(now, at(b.Deadline, GiveUp))
		}
		return None, time.Time{}
	case DeleteInProgress:
		if len(b.Restoring) > 0 {
			return None, time.Time{}
		}
		return first(now, plan{DeleteSnapshot, b.RetryAt})
	case CreateFailed:
		if b.Leftover {
			return first(now, plan{DeleteSnapshot, b.RetryAt})
		}
		return first(now, at(b.ForgetAt, Forget))
	case Deleted:
		return first(now, at(b.ForgetAt, Forget))
	default:
		return None, time.Time{}
	}
}

// Why backups are made.
const (
	originAutomatic = "AUTOMATIC" // the session ran for long enough
	originStop      = "STOP"      // the session was stopped
	originManual    = "MANUAL"    // somebody asked for it
	originSafety    = "SAFETY"    // a restore was about to replace the volume
	originImport    = "IMPORT"    // it came as an archive
	originAdopted   = "ADOPTED"   // its snapshot was lost, and the session made of it
)

// backupSays are the sentences of a backup's states; its status codes are those
// of a session in the same state.
var backupSays = map[State]string{
	CreateInProgress: "The backup is being made.",
	Ready:            "The backup is ready: the session can be started from it.",
	DeleteInProgress: "The backup is being deleted.",
	Deleted:          "The backup is deleted.",
	CreateFailed:     "The backup could not be made.",
	DeleteFailed:     "The backup could not be deleted.",
}

func (b *Backup) enter(on event) error {
	if err := backupMachine.apply(&b.State, on, b.BackupID); err != nil {
		return err
	}
	b.StatusCode, b.StatusMessage = sessionCodes[b.State], backupSays[b.State]
	return nil
}

// remove begins to delete the snapshot.
func (b *Backup) remove(now time.Time, step time.Duration) error {
	if err := b.enter(eventDelete); err != nil {
		return err
	}
	b.Attempts, b.Deadline = 0, now.Add(step)
	if !b.Leftover { // or somebody may be taking it at this moment
		b.RetryAt = time.Time{}
	}
	return nil
}

// failed: there will be no snapshot, though something of it may be there.
func (b *Backup) failed(now time.Time, why Failure, t Timing) error {
	if err := b.enter(eventFailed); err != nil {
		return err
	}
	// Not at once: somebody may be taking it at this moment.
	b.Leftover, b.RetryAt, b.ForgetAt = true, now.Add(t.Step), now.Add(t.Keep)
	b.StatusCode = why.Code
	if why.Message != "" {
		b.StatusMessage = why.Message
	}
	return nil
}

// removed: the snapshot is gone.
func (b *Backup) removed(now time.Time, keep time.Duration) error {
	b.Leftover = false
	if b.State == CreateFailed {
		return nil
	}
	b.ForgetAt = now.Add(keep)
	return b.enter(eventDeleted)
}

// newBackup is a backup of a session, still to be made.
func (s *Service) newBackup(session *Session, now time.Time, origin string) (*Backup, error) {
	id, err := newID(s.cfg.Random)
	if err != nil {
		return nil, err
	}
	session.BackupsMade++
	return &Backup{
		StreamingSessionBackup: StreamingSessionBackup{
			ARN: s.arn(typeBackup, id), BackupID: id, CreatedAt: now, LaunchProfileID: session.LaunchProfileID,
			OwnedBy: session.OwnedBy, SessionID: session.SessionID, Tags: ownTags(session.Tags),
			State: CreateInProgress, StatusCode: sessionCodes[CreateInProgress], StatusMessage: backupSays[CreateInProgress],
		},
		StudioID: session.StudioID, Number: session.BackupsMade, Key: fmt.Sprintf("%sb%d", session.Key, session.BackupsMade), Volume: session.Volume,
		Origin: origin, Safety: origin == originSafety,
	}, nil
}

// beginBackup lets a backup of the session's volume be made, listed from now on.
func (s *Service) beginBackup(ctx context.Context, tx Tx, now time.Time, session *Session, origin string) error {
	b, err := s.newBackup(session, now, origin)
	if err != nil {
		return err
	}
	session.Pending = b.BackupID
	return tx.Save(ctx, b)
}

// endBackup records what came of the pending backup's snapshot.
func (s *Service) endBackup(ctx context.Context, tx Tx, now time.Time, session *Session, failed *Failure) error {
	var b Backup
	if err := tx.Find(ctx, session.Pending, &b); err != nil {
		return fmt.Errorf("find pending backup %s: %w", session.Pending, err)
	}
	session.Pending = ""
	if failed == nil {
		if err := b.enter(eventMade); err != nil {
			return err
		}
		return tx.Save(ctx, &b)
	}
	if err := b.failed(now, *failed, s.cfg.Timing); err != nil {
		return err
	}
	return tx.Save(ctx, &b)
}

// backupsOf lists a session's backups, the newest first.
func backupsOf(ctx context.Context, tx Tx, session *Session, states ...State) ([]*Backup, error) {
	backups, err := List[Backup](ctx, tx, Query{ParentID: session.SessionID, States: states})
	slices.SortFunc(backups, func(a, b *Backup) int { return b.Number - a.Number })
	return backups, err
}

// retainBackups begins to delete the backups beyond those to be kept, the oldest
// first. A safety backup takes nobody's place until the session stops, all tells
// that it does; one that is known to be damaged gives its own to any that is not;
// one that a session is being restored from stays; and while there is no volume,
// so does the newest that was made of it.
func (s *Service) retainBackups(ctx context.Context, tx Tx, now time.Time, session *Session, all bool) error {
	ready, err := backupsOf(ctx, tx, session, Ready)
	if err != nil {
		return err
	}
	var only *Backup
	if session.Volume == "" {
		only = newestOwn(ready)
	}
	if !all {
		ready = slices.DeleteFunc(ready, func(b *Backup) bool { return b.Safety })
	}
	slices.SortStableFunc(ready, func(a, b *Backup) int {
		switch {
		case a.damaged() == b.damaged():
			return 0
		case a.damaged():
			return 1
		default:
			return -1
		}
	})
	ready = ready[min(len(ready), max(session.MaxBackupsToRetain, 1)):]
	ready = slices.DeleteFunc(ready, func(b *Backup) bool { return b == only || len(b.Restoring) > 0 })
	// Those whose deletion failed before get another chance.
	old, err := backupsOf(ctx, tx, session, DeleteFailed)
	if err != nil {
		return err
	}
	for _, b := range append(old, ready...) {
		if err := b.remove(now, s.cfg.Timing.Step); err != nil {
			return err
		}
		if err := tx.Save(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// newestOwn is the newest of backups, the newest first, that was made of the
// session itself, or else the newest; nil if there is none.
func newestOwn(backups []*Backup) *Backup {
	if i := slices.IndexFunc(backups, func(b *Backup) bool { return b.Origin != originImport }); i > 0 {
		return backups[i]
	}
	return at0(backups)
}

// removeBackups begins to delete all backups of a session.
func (s *Service) removeBackups(ctx context.Context, tx Tx, now time.Time, session *Session) error {
	backups, err := backupsOf(ctx, tx, session)
	if err == nil {
		backups, err = s.abandon(ctx, tx, session, backups)
	}
	if err != nil {
		return err
	}
	for _, b := range backups {
		if !backupMachine.allows(b.State, eventDelete) {
			continue
		}
		if err := b.remove(now, s.cfg.Timing.Step); err != nil {
			return err
		}
		if err := tx.Save(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// removedBackups records that the snapshots of a session under deletion are gone.
func (s *Service) removedBackups(ctx context.Context, tx Tx, now time.Time, session *Session, gone []string) error {
	session.BackupsGone, session.Compare = true, ""
	backups, err := backupsOf(ctx, tx, session, DeleteInProgress, DeleteFailed)
	if err != nil {
		return err
	}
	for _, b := range backups {
		if !slices.Contains(gone, b.Key) {
			continue // it goes when no session needs it any more
		}
		if b.State == DeleteFailed {
			if err := b.remove(now, s.cfg.Timing.Step); err != nil {
				return err
			}
		}
		if err := b.removed(now, s.cfg.Timing.Keep); err != nil {
			return err
		}
		if err := tx.Save(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) findBackup(ctx context.Context, tx Tx, studioID, id string) (*Backup, Resource, error) {
	var b Backup
	ok, err := found(tx.Find(ctx, id, &b))
	if !ok || b.StudioID != studioID {
		return nil, Resource{Type: typeBackup, ID: id, StudioID: studioID}, err
	}
	return &b, Resource{Type: typeBackup, ID: id, StudioID: studioID, OwnedBy: b.OwnedBy, Tags: b.Tags}, nil
}

// GetStreamingSessionBackup shows one backup.
func (s *Service) GetStreamingSessionBackup(ctx context.Context, p Principal, req *GetStreamingSessionBackupRequest) (*GetStreamingSessionBackupResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer GetStreamingSessionBackupResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		b, r, err := s.findBackup(ctx, tx, req.StudioID, req.BackupID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "GetStreamingSessionBackup", r, nil); err != nil {
			return err
		}
		if b == nil {
			return absent("backup", req.BackupID)
		}
		answer.StreamingSessionBackup = &b.StreamingSessionBackup
		return nil
	})
}

// ListStreamingSessionBackups lists a studio's backups, the newest first.
func (s *Service) ListStreamingSessionBackups(ctx context.Context, p Principal, req *ListStreamingSessionBackupsRequest) (*ListStreamingSessionBackupsResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := ListStreamingSessionBackupsResponse{StreamingSessionBackups: []StreamingSessionBackup{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		if err := s.permit(ctx, tx, p, "ListStreamingSessionBackups", studioOf(req.StudioID), map[string]string{"ownedBy": req.OwnedBy}); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		backups, next, err := page[Backup](ctx, s, tx, listing{"ListStreamingSessionBackups", req, req.NextToken, pageSize},
			Query{StudioID: req.StudioID, OwnedBy: req.OwnedBy, NewestFirst: true})
		for _, b := range backups {
			answer.StreamingSessionBackups = append(answer.StreamingSessionBackups, b.StreamingSessionBackup)
		}
		answer.NextToken = next
		return err
	})
}
