package studio

import (
	"context"
	"time"
)

// AdoptLost makes a new session of what is lost. A volume becomes the session's
// own; a snapshot becomes a backup of the session, which begins as that. It answers
// at once, in CREATE_IN_PROGRESS.
//
// If the session never becomes READY, what was lost is lost again, not deleted with it.
func (s *Service) AdoptLost(ctx context.Context, p Principal, req *AdoptLostRequest) (*AdoptLostResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := checkTags(req.Tags); err != nil {
		return nil, err
	}
	asked := CreateStreamingSessionRequest{
		StudioID: req.StudioID, LaunchProfileID: req.LaunchProfileID, EC2InstanceType: req.EC2InstanceType, OwnedBy: req.OwnedBy,
		StreamingImageID: req.StreamingImageID, Tags: req.Tags,
	}
	known := true
	var profile *Profile
	session, err := create(ctx, s, call{p, "AdoptLost", req, req.ClientToken}, func(tx Tx) error {
		if err := s.ask(ctx, tx, Question{Principal: p, Action: "AdoptLost", Resource: studioOf(req.StudioID), Tags: req.Tags}); err != nil {
			return err
		}
		var r Resource
		var err error
		if profile, r, err = s.findProfile(ctx, tx, req.StudioID, req.LaunchProfileID); err != nil {
			return err
		}
		if err := s.permitCreate(ctx, tx, p, r, &asked); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		if profile == nil || profile.State == Deleted {
			return absent("launch profile", req.LaunchProfileID)
		}
		return nil
	}, func(tx Tx, now time.Time) (*Session, error) {
		known = false
		return s.adopted(ctx, tx, now, p, req.LostID, &asked, profile)
	})
	if err != nil {
		return nil, outcome(err)
	}
	if !known {
		s.tell(ctx, &session.StreamingSession, "")
	}
	return &AdoptLostResponse{Session: &session.StreamingSession}, nil
}

// adopted is a new session that has what was lost: from this moment it is wanted.
func (s *Service) adopted(
	ctx context.Context, tx Tx, now time.Time, p Principal, id string, asked *CreateStreamingSessionRequest, profile *Profile,
) (*Session, error) {
	_, lost, err := s.theLost(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if profile.StreamConfiguration.SessionPersistenceMode != activated {
		return nil, combination("Sessions of the launch profile %s keep no volume, so nothing can be adopted by one; "+
			"name a launchProfileId whose sessionPersistenceMode is ACTIVATED.", profile.LaunchProfileID)
	}
	session, err := s.newSession(ctx, tx, now, p, asked, profile)
	if err != nil {
		return nil, err
	}
	session.Adopted = id
	if lost.Kind == LostVolume {
		session.Volume = id
		return session, nil
	}
	b, err := s.newBackup(session, now, originAdopted)
	if err != nil {
		return nil, err
	}
	b.Key, b.Volume = id, ""
	if err := b.enter(eventMade); err != nil {
		return nil, err
	}
	session.restore(now, b)
	return session, s.hold(ctx, tx, b, session)
}

// abandon lets go of the backup that is an adopted snapshot, so that this is lost
// again and not deleted with a session that never came to be.
func (s *Service) abandon(ctx context.Context, tx Tx, session *Session, backups []*Backup) ([]*Backup, error) {
	if session.Adopted == "" {
		return backups, nil
	}
	var others []*Backup
	for _, b := range backups {
		if b.Key != session.Adopted {
			others = append(others, b)
			continue
		}
		if err := tx.Remove(ctx, b); err != nil {
			return nil, err
		}
	}
	return others, nil
}
