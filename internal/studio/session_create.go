package studio

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CreateStreamingSession makes a session from a launch profile. It answers at
// once, in CREATE_IN_PROGRESS.
func (s *Service) CreateStreamingSession(ctx context.Context, p Principal, req *CreateStreamingSessionRequest) (*CreateStreamingSessionResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := checkTags(req.Tags); err != nil {
		return nil, err
	}
	var session Session
	known := false
	err := s.write(ctx, func(tx Tx, now time.Time) error {
		profile, r, err := s.findProfile(ctx, tx, req.StudioID, req.LaunchProfileID)
		if err != nil {
			return err
		}
		if err := s.permitCreate(ctx, tx, p, r, req); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		if profile == nil || profile.State == Deleted {
			return absent("launch profile", req.LaunchProfileID)
		}
		id, again, err := s.once(ctx, tx, now, p, "CreateStreamingSession", req.ClientToken, req, func() (string, error) {
			made, err := s.newSession(ctx, tx, now, p, req, profile)
			if err != nil {
				return "", err
			}
			session = *made
			return session.SessionID, tx.Save(ctx, &session)
		})
		if known = again; again {
			return tx.Find(ctx, id, &session)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !known {
		s.tell(ctx, &session.StreamingSession, "")
	}
	return &CreateStreamingSessionResponse{Session: &session.StreamingSession}, nil
}

// permitCreate also holds users to themselves as owners.
func (s *Service) permitCreate(ctx context.Context, tx Tx, p Principal, r Resource, req *CreateStreamingSessionRequest) error {
	owner := ""
	if req.OwnedBy != nil {
		owner = *req.OwnedBy
	}
	q := Question{Principal: p, Action: "CreateStreamingSession", Resource: r, Request: map[string]string{"ownedBy": owner}, Tags: req.Tags}
	if err := s.ask(ctx, tx, q); err != nil {
		return err
	}
	if p.Administrator || owner == "" || owner == p.ID {
		return nil
	}
	if ok, err := s.administers(ctx, tx, p, req.StudioID); ok || err != nil {
		return err
	}
	return denied("CreateStreamingSession", typeProfile)
}

func (s *Service) newSession(ctx context.Context, tx Tx, now time.Time, p Principal, req *CreateStreamingSessionRequest, profile *Profile) (*Session, error) {
	offer := profile.StreamConfiguration
	instanceType, err := offered("ec2InstanceType", req.EC2InstanceType, offer.EC2InstanceTypes)
	if err != nil {
		return nil, err
	}
	imageID, err := offered("streamingImageId", req.StreamingImageID, offer.StreamingImageIDs)
	if err != nil {
		return nil, err
	}
	if !usable(profile.State) {
		return nil, wrongState("launch profile", profile.LaunchProfileID, profile.State)
	}
	image, err := s.usableImage(ctx, tx, req.StudioID, imageID)
	if err != nil {
		return nil, err
	}
	if err := s.room(ctx, tx, TableSessions, req.StudioID, "streaming sessions of a studio", s.cfg.Quotas.Sessions); err != nil {
		return nil, err
	}

	id, err := newID(s.cfg.Random)
	if err != nil {
		return nil, err
	}
	key, err := newName(s.cfg.Random, 16)
	if err != nil {
		return nil, err
	}
	session := &Session{
		StreamingSession: StreamingSession{
			SessionID: req.StudioID + "." + id, CreatedAt: now, CreatedBy: p.ID, UpdatedAt: now, UpdatedBy: p.ID, OwnedBy: p.ID,
			LaunchProfileID: profile.LaunchProfileID, StreamingImageID: imageID, EC2InstanceType: instanceType,
			SessionPersistenceMode: deactivated, State: CreateInProgress, Tags: ownTags(req.Tags),
		},
		StudioID: req.StudioID, Key: key, Installation: s.cfg.Installation, Run: 1, MachineImage: image.EC2ImageID,
	}
	session.ARN = s.arn(typeSession, session.SessionID)
	if req.OwnedBy != nil && *req.OwnedBy != "" {
		session.OwnedBy = *req.OwnedBy
	}
	if offer.SessionPersistenceMode == activated {
		session.SessionPersistenceMode = activated
		session.VolumeConfiguration = offer.VolumeConfiguration
	}
	session.follow(offer)
	session.allow(offer)
	session.say(sessionCodes[CreateInProgress], "")
	session.Volume = session.nextVolume()
	session.progress(now, session.step(s.cfg.Timing))
	return session, s.admit(ctx, tx, session)
}

// offered is the choice among what a launch profile offers: the first, unless
// the caller says another.
func offered(member string, choice *string, offer []string) (string, error) {
	if choice == nil || *choice == "" {
		return offer[0], nil
	}
	if !slices.Contains(offer, *choice) {
		return "", &Error{
			Kind: Validation, Code: CodeNotOffered,
			Message: fmt.Sprintf("The launch profile does not offer this %s; it offers %s.", member, strings.Join(offer, ", ")),
			Context: map[string]string{"member": member},
		}
	}
	return *choice, nil
}

// follow takes the profile's settings that reach existing sessions, too: time
// limits and backups.
func (s *Session) follow(c *StreamConfiguration) {
	s.MaxMinutes, s.MaxStoppedMinutes = c.MaxSessionLengthInMinutes, c.MaxStoppedSessionLengthInMinutes
	s.AutomaticTerminationMode = deactivated
	if c.AutomaticTerminationMode == activated && s.SessionPersistenceMode == activated {
		s.AutomaticTerminationMode = activated
	}
	s.BackupMode, s.MaxBackupsToRetain = deactivated, 0
	if c.SessionBackup != nil {
		s.MaxBackupsToRetain = c.SessionBackup.MaxBackupsToRetain
		if c.SessionBackup.Mode == automatic {
			s.BackupMode = automatic
		}
	}
}

// allow takes the profile's settings that hold from one start to the next.
func (s *Session) allow(c *StreamConfiguration) {
	s.Clipboard, s.UploadRoot = c.ClipboardMode == "ENABLED", ""
	if storage := c.SessionStorage; storage != nil && slices.Contains(storage.Mode, "UPLOAD") {
		s.UploadRoot = "$HOME/Uploads"
		if storage.Root != nil && storage.Root.Linux != "" {
			s.UploadRoot = storage.Root.Linux
		}
	}
}

// refresh follows the launch profile as it is now, which it returns; nil: it is gone.
func (s *Service) refresh(ctx context.Context, tx Tx, session *Session) (*StreamConfiguration, error) {
	var profile Profile
	ok, err := found(tx.Find(ctx, session.LaunchProfileID, &profile))
	if !ok {
		return nil, err
	}
	session.follow(profile.StreamConfiguration)
	return profile.StreamConfiguration, nil
}
