package studio

import (
	"context"
	"slices"
	"time"
)

// Profile is a launch profile as it is kept.
type Profile struct {
	LaunchProfile
	revision

	StudioID string    `json:"studioId"`
	ForgetAt time.Time `json:"forgetAt,omitzero"`
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
func (f *Profile) Next(now time.Time) (Action, time.Time) {
	return first(now, at(f.ForgetAt, Forget))
}

func (f *Profile) enter(now time.Time, on event, code StatusCode, says string) error {
	if err := profileMachine.apply(&f.State, on, f.LaunchProfileID); err != nil {
		return err
	}
	f.StatusCode, f.StatusMessage, f.UpdatedAt = code, says, now
	return nil
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
		return nil, combination("launchProfileProtocolVersions must name at least one version.")
	}
	var f Profile
	err := s.write(ctx, func(tx Tx, now time.Time) error {
		r := studioOf(req.StudioID)
		r.Tags = req.Tags
		if err := s.permit(ctx, tx, p, "CreateLaunchProfile", r, nil); err != nil {
			return err
		}
		if err := s.openStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		id, again, err := s.once(ctx, tx, now, p, "CreateLaunchProfile", req.ClientToken, req, func() (string, error) {
			made, err := s.newProfile(ctx, tx, now, p, req)
			if err != nil {
				return "", err
			}
			f = *made
			return f.LaunchProfileID, tx.Save(ctx, &f)
		})
		if again {
			return tx.Find(ctx, id, &f)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &CreateLaunchProfileResponse{LaunchProfile: &f.LaunchProfile}, nil
}

func (s *Service) newProfile(ctx context.Context, tx Tx, now time.Time, p Principal, req *CreateLaunchProfileRequest) (*Profile, error) {
	if err := checkStreamConfiguration(&req.StreamConfiguration); err != nil {
		return nil, err
	}
	components, err := s.componentsOf(ctx, tx, req.StudioID, req.StudioComponentIDs)
	if err != nil {
		return nil, err
	}
	if err := s.room(ctx, tx, TableProfiles, req.StudioID, "launch profiles of a studio", s.cfg.Quotas.LaunchProfiles); err != nil {
		return nil, err
	}
	id, err := newID(s.cfg.Random)
	if err != nil {
		return nil, err
	}
	stream := StreamConfiguration(req.StreamConfiguration)
	if stream.SessionPersistenceMode == activated && stream.VolumeConfiguration == nil {
		stream.VolumeConfiguration = &VolumeConfiguration{IOPS: 3000, Size: 500, Throughput: 125}
	}
	f := &Profile{
		LaunchProfile: LaunchProfile{
			LaunchProfileID: id, ARN: s.arn(typeProfile, id), Name: req.Name, Description: given(req.Description),
			EC2SubnetIDs: listed(req.EC2SubnetIDs), LaunchProfileProtocolVersions: req.LaunchProfileProtocolVersions,
			StreamConfiguration: &stream, StudioComponentIDs: req.StudioComponentIDs, Tags: ownTags(req.Tags),
			CreatedAt: now, CreatedBy: p.ID, UpdatedAt: now, UpdatedBy: p.ID, State: CreateInProgress,
		},
		StudioID: req.StudioID,
	}
	f.ValidationResults = validate(f, components)
	code, says, err := s.checkOffer(ctx, tx, f)
	switch {
	case err != nil:
		return nil, err
	case code != "":
		f.ForgetAt = now.Add(s.cfg.Timing.Keep)
		return f, f.enter(now, eventFailed, code, says)
	}
	return f, f.enter(now, eventMade, "LAUNCH_PROFILE_CREATED", "The launch profile is ready.")
}

// componentsOf are the components that a launch profile names; all must be usable.
func (s *Service) componentsOf(ctx context.Context, tx Tx, studioID string, ids []string) ([]*Component, error) {
	components := make([]*Component, 0, len(ids))
	for _, id := range ids {
		c, _, err := s.findComponent(ctx, tx, studioID, id)
		if err != nil {
			return nil, err
		}
		if c == nil || !usable(c.State) {
			return nil, &Error{
				Kind: Validation, Code: CodeReference, Message: "A studio component of the launch profile does not exist in this studio, or is not READY.",
				Context: map[string]string{"member": "studioComponentIds", "resourceId": cut(id, 128)},
			}
		}
		components = append(components, c)
	}
	return components, nil
}

// checkOffer tells why sessions could never be made of what a launch profile
// offers; an empty code: they can.
func (s *Service) checkOffer(ctx context.Context, tx Tx, f *Profile) (StatusCode, string, error) {
	for _, id := range f.StreamConfiguration.StreamingImageIDs {
		i, _, err := s.findImage(ctx, tx, f.StudioID, id)
		switch {
		case err != nil:
			return "", "", err
		case i == nil || i.State == Deleted || i.State == CreateFailed:
			return "STREAMING_IMAGE_NOT_FOUND", "A streaming image of the launch profile does not exist in this studio.", nil
		case !usable(i.State):
			return "STREAMING_IMAGE_NOT_READY", "A streaming image of the launch profile is not ready.", nil
		}
	}
	for _, t := range f.StreamConfiguration.EC2InstanceTypes {
		if _, ok := s.types[t]; !ok {
			return "INVALID_INSTANCE_TYPES_PROVIDED", "This installation has no machine for the instance type " + t + ".", nil
		}
	}
	return "", "", nil
}

// validate says what became of the checks of a launch profile's surroundings.
// They advise; none keeps sessions from running.
func validate(f *Profile, components []*Component) []ValidationResult {
	const success = "VALIDATION_SUCCESS"
	result := func(kind string, state State, code StatusCode, says string) ValidationResult {
		return ValidationResult{Type: kind, State: state, StatusCode: code, StatusMessage: says}
	}
	results := []ValidationResult{
		result("VALIDATE_ACTIVE_DIRECTORY_STUDIO_COMPONENT", success, success, "The launch profile uses no directory."),
		result("VALIDATE_SUBNET_ASSOCIATION", success, success, "Sessions use the default network."),
		result("VALIDATE_NETWORK_ACL_ASSOCIATION", success, success, "There are no network access lists that could be in the way."),
		result("VALIDATE_SECURITY_GROUP_ASSOCIATION", success, success, "The studio components name no security groups."),
	}
	if slices.ContainsFunc(components, func(c *Component) bool { return c.Type == activeDirectory }) {
		results[0] = result(results[0].Type, "VALIDATION_NOT_STARTED", "VALIDATION_NOT_STARTED", "Directories are not looked up on this installation.")
	}
	if len(f.EC2SubnetIDs) > 0 {
		results[1] = result(results[1].Type, "VALIDATION_FAILED", "VALIDATION_FAILED_SUBNET_NOT_FOUND",
			"This installation has no networks of these names; sessions use the default network.")
	}
	if slices.ContainsFunc(components, func(c *Component) bool { return len(c.EC2SecurityGroupIDs) > 0 }) {
		results[3] = result(results[3].Type, "VALIDATION_FAILED", "VALIDATION_FAILED_INVALID_SECURITY_GROUP_ASSOCIATION",
			"This installation has no egress rules of these names; the default rules hold.")
	}
	return results
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
			if err != nil || len(members) == 0 {
				return err
			}
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
