package studio

import (
	"context"
	"slices"
	"time"
)

// restoring tells whether the session's volume is still to be made from a backup.
func (s *Session) restoring() bool {
	return (s.State == CreateInProgress || s.State == StartInProgress) && s.From != "" && !s.VolumeMade
}

// hold keeps the snapshot of a backup for a session whose volume is to be made from it.
func (s *Service) hold(ctx context.Context, tx Tx, b *Backup, session *Session) error {
	if !slices.Contains(b.Restoring, session.SessionID) {
		b.Restoring = append(b.Restoring, session.SessionID)
	}
	return tx.Save(ctx, b)
}

// release lets go of the backup of a snapshot: the session's volume is made, or never will be.
// What was to be deleted meanwhile is deleted now.
func (s *Service) release(ctx context.Context, tx Tx, now time.Time, snapshot string, session *Session) error {
	var b Backup
	ok, err := found(tx.FindUnique(ctx, snapshot, &b))
	if !ok {
		return err
	}
	b.Restoring = slices.DeleteFunc(b.Restoring, func(id string) bool { return id == session.SessionID })
	b.Attempts, b.RetryAt, b.Deadline = 0, time.Time{}, now.Add(s.cfg.Timing.Step)
	if err := tx.Save(ctx, &b); err != nil || b.State != Ready {
		return err
	}
	owner := session
	if b.SessionID != session.SessionID {
		owner = &Session{}
		if ok, err := found(tx.Find(ctx, b.SessionID, owner)); !ok {
			return err
		}
	}
	return s.retainBackups(ctx, tx, now, owner, false)
}

// inUse is the Conflict of a backup that a session is being made from.
func (b *Backup) inUse() error {
	return &Error{
		Kind: Conflict, Code: CodeInUse, Message: "A session is being restored from the backup; wait until it is ready.",
		Context: map[string]string{"resourceId": b.BackupID, "usedBy": b.Restoring[0]},
	}
}
