package studio

import (
	"context"
	"maps"
	"time"
)

// CreateBackup begins a backup of a session that runs, or of one that is stopped
// and has its volume.
func (s *Service) CreateBackup(ctx context.Context, p Principal, req *CreateBackupRequest) (*CreateBackupResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := checkTags(req.Tags); err != nil {
		return nil, err
	}
	var session *Session
	b, err := create(ctx, s, call{p, "CreateBackup", req, req.ClientToken}, func(tx Tx) (err error) {
		session, err = s.permitSession(ctx, tx, Question{Principal: p, Action: "CreateBackup", Tags: req.Tags}, req.StudioID, req.SessionID)
		return err
	}, func(tx Tx, now time.Time) (*Backup, error) {
		if err := session.canBackUp(); err != nil {
			return nil, err
		}
		b, err := s.newBackup(session, now, originManual)
		if err != nil {
			return nil, err
		}
		maps.Copy(b.Tags, req.Tags)
		if err := checkTags(b.Tags); err != nil {
			return nil, err
		}
		session.progress(now, session.step(s.cfg.Timing))
		session.Pending = b.BackupID
		return b, tx.Save(ctx, session)
	})
	if err != nil {
		return nil, err
	}
	return &CreateBackupResponse{Backup: b.details()}, nil
}

// canBackUp tells why no backup of the session can be made now.
func (s *Session) canBackUp() error {
	switch {
	case s.State != Ready && s.State != Stopped:
		return wrongState("session", s.SessionID, s.State)
	case s.Volume == "" || !s.VolumeMade:
		return &Error{
			Kind: Conflict, Code: CodeNothingToSave, Message: "The session has no volume now; its backups are all there is of it.",
			Context: map[string]string{"resourceId": s.SessionID, "state": string(s.State)},
		}
	case s.Pending != "":
		return &Error{
			Kind: Conflict, Code: CodeBackingUp, Message: "A backup of the session is being made at this moment; wait until it is READY.",
			Context: map[string]string{"resourceId": s.SessionID, "backupId": s.Pending},
		}
	}
	return nil
}

// permitSession finds a session, not DELETED, that an operation may act on.
func (s *Service) permitSession(ctx context.Context, tx Tx, q Question, studioID, id string) (*Session, error) {
	session, r, err := s.findSession(ctx, tx, studioID, id)
	if err != nil {
		return nil, err
	}
	q.Resource = r
	if err := s.ask(ctx, tx, q); err != nil {
		return nil, err
	}
	if session == nil || session.State == Deleted {
		return nil, absent("streaming session", id)
	}
	return session, nil
}

// changeBackup makes one change to a backup that p asks for, once for each client token.
func (s *Service) changeBackup(ctx context.Context, c call, studioID, id string, do func(tx Tx, now time.Time, b *Backup) error) (*BackupDetails, error) {
	b, err := change(ctx, s, c, "backup", id, func(tx Tx) (*Backup, Resource, error) {
		return s.findBackup(ctx, tx, studioID, id)
	}, do)
	if err != nil {
		return nil, err
	}
	return b.details(), nil
}

// DeleteBackup deletes a backup that no session is being made from.
func (s *Service) DeleteBackup(ctx context.Context, p Principal, req *DeleteBackupRequest) (*DeleteBackupResponse, error) {
	b, err := s.changeBackup(ctx, call{p, "DeleteBackup", req, req.ClientToken}, req.StudioID, req.BackupID, func(tx Tx, now time.Time, b *Backup) error {
		switch {
		case b.State == Deleted:
			return absent("backup", b.BackupID)
		case b.State == CreateInProgress || !backupMachine.allows(b.State, eventDelete):
			return wrongState("backup", b.BackupID, b.State)
		case len(b.Restoring) > 0:
			return b.inUse()
		}
		if err := s.forgo(ctx, tx, b); err != nil {
			return err
		}
		return b.remove(now, s.cfg.Timing.Step)
	})
	if err != nil {
		return nil, err
	}
	return &DeleteBackupResponse{Backup: b}, nil
}

// forgo lets a session do without a backup that holds what its volume holds. One
// that is stopping, or being restored, may be giving its volume up for it.
func (s *Service) forgo(ctx context.Context, tx Tx, b *Backup) error {
	var session Session
	ok, err := found(tx.Find(ctx, b.SessionID, &session))
	if !ok {
		return err
	}
	switch {
	case session.State == StopInProgress, session.State == StartInProgress && session.HeldBy == b.BackupID:
		return wrongState("backup's session", session.SessionID, session.State)
	case session.HeldBy != b.BackupID:
		return nil
	}
	session.HeldBy = ""
	return tx.Save(ctx, &session)
}

// VerifyBackup has a backup read again and compared with what it was when it was made.
func (s *Service) VerifyBackup(ctx context.Context, p Principal, req *VerifyBackupRequest) (*VerifyBackupResponse, error) {
	b, err := s.changeBackup(ctx, call{p, "VerifyBackup", req, req.ClientToken}, req.StudioID, req.BackupID, func(_ Tx, now time.Time, b *Backup) error {
		switch {
		case b.State == Deleted:
			return absent("backup", b.BackupID)
		case b.State != Ready:
			return wrongState("backup", b.BackupID, b.State)
		case b.Verification.State != verifyInProgress:
			b.Verification = Verification{State: verifyInProgress, At: now}
			b.InspectAt, b.Inspections = now, 0
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &VerifyBackupResponse{Backup: b}, nil
}
