package studio

import (
	"context"
	"time"
)

// Profile is a launch profile as it is kept.
type Profile struct {
	LaunchProfile
	revision
	life

	StudioID string `json:"studioId"`
	// Asked is what an update under way asks for.
	Asked *LaunchProfile `json:"asked,omitempty"`
}

// Table implements Noun.
func (*Profile) Table() Table { return TableProfiles }

// Row implements Noun.
func (f *Profile) Row(now time.Time) Row {
	return Row{
		ID: f.LaunchProfileID, StudioID: f.StudioID, CreatedBy: f.CreatedBy, State: f.State, CreatedAt: f.CreatedAt,
		DueAt: dueAt(f, now),
	}
}

// Next implements living.
func (f *Profile) Next(now time.Time) (Action, time.Time) { return f.next(now, f.State) }

func (f *Profile) card() card {
	return card{profileKind, f.LaunchProfileID, &f.State, &f.StatusCode, &f.StatusMessage, &f.UpdatedAt, &f.life}
}

// checkStreamConfiguration keeps persistence, automatic termination and the time
// in STOPPED from contradicting each other. Neutral values go with anything.
func checkStreamConfiguration(c *StreamConfigurationCreate) error {
	persistent, terminates := c.SessionPersistenceMode == activated, c.AutomaticTerminationMode == activated
	switch {
	case !persistent && c.VolumeConfiguration != nil:
		return combination("volumeConfiguration is only allowed when sessionPersistenceMode is ACTIVATED.")
	case !persistent && terminates:
		return combination("automaticTerminationMode is only allowed to be ACTIVATED when sessionPersistenceMode is ACTIVATED.")
	case c.MaxStoppedSessionLengthInMinutes > 0 && !terminates:
		return combination("maxStoppedSessionLengthInMinutes is only allowed when sessionPersistenceMode and automaticTerminationMode are ACTIVATED.")
	}
	return nil
}

// CreateLaunchProfile makes a launch profile.
func (s *Service) CreateLaunchProfile(ctx context.Context, p Principal, req *CreateLaunchProfileRequest) (*CreateLaunchProfileResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := checkTags(req.Tags); err != nil {
		return nil, err
	}
	if len(req.LaunchProfileProtocolVersions) == 0 {
		return nil, noVersion()
	}
	f, err := create(ctx, s, call{p, "CreateLaunchProfile", req, req.ClientToken},
		s.putIn(ctx, p, "CreateLaunchProfile", req.StudioID, req.Tags),
		func(tx Tx, now time.Time) (*Profile, error) { return s.newProfile(ctx, tx, now, p, req) })
	if err != nil {
		return nil, err
	}
	return &CreateLaunchProfileResponse{LaunchProfile: &f.LaunchProfile}, nil
}

func (s *Service) newProfile(ctx context.Context, tx Tx, now time.Time, p Principal, req *CreateLaunchProfileRequest) (*Profile, error) {
	if err := s.openStudio(ctx, tx, req.StudioID); err != nil {
		return nil, err
	}
	if err := checkStreamConfiguration(&req.StreamConfiguration); err != nil {
		return nil, err
	}
	if err := s.usableComponents(ctx, tx, req.StudioID, req.StudioComponentIDs); err != nil {
		return nil, err
	}
	if err := s.room(ctx, tx, TableProfiles, req.StudioID, "launch profiles of a studio", s.cfg.Quotas.LaunchProfiles); err != nil {
		return nil, err
	}
	id, err := newID(s.cfg.Random)
	if err != nil {
		return nil, err
	}
	f := &Profile{
		LaunchProfile: LaunchProfile{
			LaunchProfileID: id, ARN: s.arn(typeProfile, id), Name: req.Name, Description: given(req.Description),
			EC2SubnetIDs: listed(req.EC2SubnetIDs), LaunchProfileProtocolVersions: req.LaunchProfileProtocolVersions,
			StreamConfiguration: completed(req.StreamConfiguration), StudioComponentIDs: req.StudioComponentIDs, Tags: ownTags(req.Tags),
			CreatedAt: now, CreatedBy: p.ID, UpdatedAt: now, UpdatedBy: p.ID, State: CreateInProgress,
		},
		StudioID: req.StudioID,
	}
	f.ValidationResults = validating()
	f.card().say(false)
	return f, nil
}

// completed is a stream configuration with the volume that persistent sessions have.
func completed(asked StreamConfigurationCreate) *StreamConfiguration {
	c := StreamConfiguration(asked)
	if c.SessionPersistenceMode == activated && c.VolumeConfiguration == nil {
		c.VolumeConfiguration = &VolumeConfiguration{IOPS: 3000, Size: 500, Throughput: 125}
	}
	return &c
}

func noVersion() *Error {
	return combination("launchProfileProtocolVersions must name at least one version.")
}

func (s *Service) findProfile(ctx context.Context, tx Tx, studioID, id string) (*Profile, Resource, error) {
	var f Profile
	ok, err := found(tx.Find(ctx, id, &f))
	if !ok || f.StudioID != studioID {
		return nil, Resource{Type: typeProfile, ID: id, StudioID: studioID}, err
	}
	return &f, Resource{Type: typeProfile, ID: id, StudioID: studioID, CreatedBy: f.CreatedBy, Tags: f.Tags}, nil
}

// GetLaunchProfile shows one launch profile.
func (s *Service) GetLaunchProfile(ctx context.Context, p Principal, req *GetLaunchProfileRequest) (*GetLaunchProfileResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer GetLaunchProfileResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		f, r, err := s.findProfile(ctx, tx, req.StudioID, req.LaunchProfileID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "GetLaunchProfile", r, nil); err != nil {
			return err
		}
		if f == nil {
			return absent("launch profile", req.LaunchProfileID)
		}
		answer.LaunchProfile = &f.LaunchProfile
		return nil
	})
}

// ListLaunchProfiles lists a studio's launch profiles, or those of a user.
func (s *Service) ListLaunchProfiles(ctx context.Context, p Principal, req *ListLaunchProfilesRequest) (*ListLaunchProfilesResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := ListLaunchProfilesResponse{LaunchProfiles: []LaunchProfile{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		if err := s.permit(ctx, tx, p, "ListLaunchProfiles", studioOf(req.StudioID), map[string]string{"principalId": req.PrincipalID}); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		q := Query{StudioID: req.StudioID, States: req.States}
		if req.PrincipalID != "" {
			members, err := List[profileMember](ctx, tx, Query{StudioID: req.StudioID, OwnedBy: req.PrincipalID})
			if err != nil {
				return err
			}
			q.IDs = none()
			for _, m := range members {
				q.IDs = append(q.IDs, m.LaunchProfileID)
			}
		}
		profiles, next, err := page[Profile](ctx, s, tx, listing{"ListLaunchProfiles", req, req.NextToken, limit(req.MaxResults, pageMax)}, q)
		for _, f := range profiles {
			answer.LaunchProfiles = append(answer.LaunchProfiles, f.LaunchProfile)
		}
		answer.NextToken = next
		return err
	})
}
