package studio

import (
	"context"
	"time"
)

// RestoreBackup makes a new session whose volume begins as a backup. It answers
// at once, in CREATE_IN_PROGRESS, and asks for all that CreateStreamingSession does.
func (s *Service) RestoreBackup(ctx context.Context, p Principal, req *RestoreBackupRequest) (*RestoreBackupResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := checkTags(req.Tags); err != nil {
		return nil, err
	}
	asked := CreateStreamingSessionRequest{
		StudioID: req.StudioID, EC2InstanceType: req.EC2InstanceType, OwnedBy: req.OwnedBy, StreamingImageID: req.StreamingImageID, Tags: req.Tags,
	}
	known := true
	var b *Backup
	var profile *Profile
	session, err := create(ctx, s, call{p, "RestoreBackup", req, req.ClientToken}, func(tx Tx) (err error) {
		if b, err = s.permitBackup(ctx, tx, p, "RestoreBackup", req.StudioID, req.BackupID); err != nil {
			return err
		}
		asked.LaunchProfileID = b.LaunchProfileID
		if req.LaunchProfileID != nil && *req.LaunchProfileID != "" {
			asked.LaunchProfileID = *req.LaunchProfileID
		}
		var r Resource
		if profile, r, err = s.findProfile(ctx, tx, req.StudioID, asked.LaunchProfileID); err != nil {
			return err
		}
		if err := s.permitCreate(ctx, tx, p, r, &asked); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		if profile == nil || profile.State == Deleted {
			return absent("launch profile", asked.LaunchProfileID)
		}
		return nil
	}, func(tx Tx, now time.Time) (*Session, error) {
		known = false
		return s.restored(ctx, tx, now, p, &asked, profile, b)
	})
	if err != nil {
		return nil, err
	}
	if !known {
		s.tell(ctx, &session.StreamingSession, "")
	}
	return &RestoreBackupResponse{Session: &session.StreamingSession}, nil
}

// restored is a new session that begins as a backup.
func (s *Service) restored(
	ctx context.Context, tx Tx, now time.Time, p Principal, asked *CreateStreamingSessionRequest, profile *Profile, b *Backup,
) (*Session, error) {
	switch {
	case b.State == Deleted:
		return nil, absent("backup", b.BackupID)
	case b.State != Ready:
		return nil, wrongState("backup", b.BackupID, b.State)
	case profile.StreamConfiguration.SessionPersistenceMode != activated:
		return nil, combination("Sessions of the launch profile %s keep no volume, so nothing can be restored into one; "+
			"name a launchProfileId whose sessionPersistenceMode is ACTIVATED.", profile.LaunchProfileID)
	}
	session, err := s.newSession(ctx, tx, now, p, asked, profile)
	if err != nil {
		return nil, err
	}
	session.restore(now, b)
	return session, s.hold(ctx, tx, b, session)
}
