package studio

import (
	"context"
	"fmt"
	"time"
)

// changeSession makes one change to a session that p asks for, once for each client token.
func (s *Service) changeSession(
	ctx context.Context, c call, studioID, id string, do func(tx Tx, now time.Time, session *Session) error,
) (*StreamingSession, error) {
	var before State
	session, err := change(ctx, s, c, "streaming session", id, func(tx Tx) (*Session, Resource, error) {
		session, r, err := s.findSession(ctx, tx, studioID, id)
		if session != nil {
			before = session.State
		}
		return session, r, err
	}, func(tx Tx, now time.Time, session *Session) error {
		if session.State == Deleted {
			return absent("streaming session", id)
		}
		return do(tx, now, session)
	})
	if err != nil {
		return nil, err
	}
	s.tell(ctx, &session.StreamingSession, before)
	return &session.StreamingSession, nil
}

// StopStreamingSession ends the workstation. A backup is made on the way, if the
// session has backups; the volume is kept, or goes once the backup holds it.
func (s *Service) StopStreamingSession(ctx context.Context, p Principal, req *StopStreamingSessionRequest) (*StopStreamingSessionResponse, error) {
	session, err := s.changeSession(ctx, call{p, "StopStreamingSession", req, req.ClientToken}, req.StudioID, req.SessionID,
		func(tx Tx, now time.Time, session *Session) error {
			retention := retain
			if req.VolumeRetentionMode != nil && *req.VolumeRetentionMode != "" {
				retention = *req.VolumeRetentionMode
			}
			return s.beginStop(ctx, tx, now, session, p.ID, retention)
		})
	if err != nil {
		return nil, err
	}
	return &StopStreamingSessionResponse{Session: session}, nil
}

// beginStop stops a session; by is empty when its time has come.
func (s *Service) beginStop(ctx context.Context, tx Tx, now time.Time, session *Session, by, retention string) error {
	before := session.StreamingSession
	limits := [2]int{session.MaxMinutes, session.MaxStoppedMinutes}
	if _, err := s.refresh(ctx, tx, session); err != nil {
		return err
	}
	if !session.stoppable() {
		// A profile that changed meanwhile does not take the stop away from a session
		// that could be stopped when it became READY.
		session.StreamingSession, session.MaxMinutes, session.MaxStoppedMinutes = before, limits[0], limits[1]
	}
	switch {
	case !session.stoppable():
		return &Error{
			Kind: Validation, Code: CodeStop,
			Message: "Sessions of this launch profile cannot be stopped: they keep nothing. Delete the session to end it.",
			Context: map[string]string{"resourceId": session.SessionID},
		}
	case retention == deleteMode && !session.backsUp():
		return &Error{
			Kind: Validation, Code: CodeNoBackup,
			Message: "The volume cannot be deleted: the launch profile makes no backups, so it is the only copy. Stop with RETAIN.",
			Context: map[string]string{"resourceId": session.SessionID, "member": "volumeRetentionMode"},
		}
	}
	if session.State == Ready && session.Pending != "" {
		// Its snapshot may have been taken already, before what was written since.
		if err := s.endBackup(ctx, tx, now, session, &Failure{Code: InternalFailure, Message: "The session was stopped before this backup was ready."}); err != nil {
			return err
		}
	}
	if err := session.stop(now, by, retention, s.cfg.Timing.Step); err != nil {
		return err
	}
	// Where a backup holds the volume, or the volume is gone, there is nothing to back up.
	if session.backsUp() && session.Pending == "" && session.HeldBy == "" && session.VolumeMade {
		if err := s.beginBackup(ctx, tx, now, session, originStop); err != nil {
			return err
		}
	}
	s.dropVolume(session)
	return s.endStreams(ctx, tx, now, session)
}

// dropVolume lets the volume of a stop with DELETE go as soon as a backup holds it.
func (s *Service) dropVolume(session *Session) {
	if session.State == StopInProgress && session.VolumeRetentionMode == deleteMode && session.Pending == "" && session.HeldBy != "" {
		session.discardVolume()
		session.Compare = "" // the loop removes what nobody wants
	}
}

// DeleteStreamingSession removes the session with its volume and backups.
func (s *Service) DeleteStreamingSession(ctx context.Context, p Principal, req *DeleteStreamingSessionRequest) (*DeleteStreamingSessionResponse, error) {
	session, err := s.changeSession(ctx, call{p, "DeleteStreamingSession", req, req.ClientToken}, req.StudioID, req.SessionID,
		func(tx Tx, now time.Time, session *Session) error {
			return s.beginDelete(ctx, tx, now, session, p.ID)
		})
	if err != nil {
		return nil, err
	}
	return &DeleteStreamingSessionResponse{Session: session}, nil
}

func (s *Service) beginDelete(ctx context.Context, tx Tx, now time.Time, session *Session, by string) error {
	if err := session.remove(now, by, s.cfg.Timing.Step); err != nil {
		return err
	}
	if err := s.removeBackups(ctx, tx, now, session); err != nil {
		return err
	}
	return s.endStreams(ctx, tx, now, session)
}

// StartStreamingSession brings a stopped session back, from its volume or from a backup.
func (s *Service) StartStreamingSession(ctx context.Context, p Principal, req *StartStreamingSessionRequest) (*StartStreamingSessionResponse, error) {
	session, err := s.changeSession(ctx, call{p, "StartStreamingSession", req, req.ClientToken}, req.StudioID, req.SessionID,
		func(tx Tx, now time.Time, session *Session) error {
			if err := s.stillMember(ctx, tx, p, session); err != nil {
				return err
			}
			backup, err := s.startFrom(ctx, tx, p, session, req.BackupID)
			if err != nil {
				return err
			}
			return s.beginStart(ctx, tx, now, session, backup, p.ID)
		})
	if err != nil {
		return nil, err
	}
	return &StartStreamingSessionResponse{Session: session}, nil
}

// stillMember checks again that a user may use the launch profile.
func (s *Service) stillMember(ctx context.Context, tx Tx, p Principal, session *Session) error {
	if p.Administrator {
		return nil
	}
	if ok, err := s.administers(ctx, tx, p, session.StudioID); ok || err != nil {
		return err
	}
	if ok, err := isMember(ctx, tx, session.LaunchProfileID, p.ID); ok || err != nil {
		return err
	}
	return &Error{Kind: AccessDenied, Code: CodeNotAllowed, Message: "You are no member of the session's launch profile any more; ask an administrator."}
}

// startFrom is the backup that a start is to use: the one asked for, none when
// there is a volume, or else the newest.
func (s *Service) startFrom(ctx context.Context, tx Tx, p Principal, session *Session, asked *string) (*Backup, error) {
	if asked == nil || *asked == "" {
		if session.Volume != "" {
			return nil, nil
		}
		ready, err := backupsOf(ctx, tx, session, Ready)
		if err != nil || len(ready) > 0 {
			return newestOwn(ready), err
		}
		if !sessionMachine.allows(session.State, eventStart) {
			return nil, wrongState("session", session.SessionID, session.State)
		}
		return nil, &Error{
			Kind: Conflict, Code: CodeNothingToStart, Message: "The session has neither a volume nor a READY backup to start from.",
			Context: map[string]string{"resourceId": session.SessionID, "state": string(session.State)},
		}
	}
	backup, r, err := s.findBackup(ctx, tx, session.StudioID, *asked)
	if err != nil {
		return nil, err
	}
	if err := s.permit(ctx, tx, p, "StartStreamingSession", r, nil); err != nil {
		return nil, err
	}
	if backup == nil || backup.State == Deleted {
		return nil, absent("backup", *asked)
	}
	if backup.SessionID != session.SessionID || backup.State != Ready {
		return nil, &Error{
			Kind: Validation, Code: CodeReference, Message: "The backup must be a READY one of this session.",
			Context: map[string]string{"member": "backupId", "resourceId": *asked},
		}
	}
	return backup, nil
}

// at0 is the first of a list, or nil.
func at0[T any](list []*T) *T {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func (s *Service) beginStart(ctx context.Context, tx Tx, now time.Time, session *Session, from *Backup, by string) error {
	if !sessionMachine.allows(session.State, eventStart) {
		return wrongState("session", session.SessionID, session.State)
	}
	profile, err := s.refresh(ctx, tx, session)
	if err != nil {
		return err
	}
	if profile != nil {
		session.allow(profile)
	}
	// What a restore replaces is lost unless a backup holds it.
	if from != nil && session.VolumeMade && session.BackupMode == automatic {
		var holder Backup
		held, err := found(tx.Find(ctx, session.HeldBy, &holder))
		if err != nil {
			return err
		}
		if !held || holder.State != Ready {
			if err := s.secure(ctx, tx, now, session); err != nil {
				return err
			}
		}
	}
	if err := session.start(now, by, from, s.cfg.Timing.Step); err != nil {
		return err
	}
	if from != nil {
		if err := s.hold(ctx, tx, from, session); err != nil {
			return err
		}
	}
	return s.admit(ctx, tx, session)
}

// secure lets a backup of the volume be made before it is replaced. One that
// somebody has just asked for will do.
func (s *Service) secure(ctx context.Context, tx Tx, now time.Time, session *Session) error {
	if session.Pending == "" {
		return s.beginBackup(ctx, tx, now, session, originSafety)
	}
	var b Backup
	if err := tx.Find(ctx, session.Pending, &b); err != nil {
		return fmt.Errorf("find pending backup %s: %w", session.Pending, err)
	}
	b.Safety = true
	return tx.Save(ctx, &b)
}
