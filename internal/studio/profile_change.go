package studio

import (
	"context"
	"fmt"
	"time"
)

func (f *Profile) judge(ctx context.Context, s *Service, tx Tx) (StatusCode, string, error) {
	switch f.State {
	case DeleteInProgress:
		sessions, err := tx.Count(ctx, Query{Table: TableSessions, ParentID: f.LaunchProfileID, NotStates: []State{Deleted}})
		if err != nil || sessions == 0 {
			return "", "", err
		}
		return "LAUNCH_PROFILE_WITH_STREAM_SESSIONS_NOT_DELETED",
			fmt.Sprintf("The launch profile has streaming sessions (%d); delete them first.", sessions), nil
	case UpdateInProgress:
		return s.checkOffer(ctx, tx, f.StudioID, f.Asked)
	default:
		return s.checkOffer(ctx, tx, f.StudioID, &f.LaunchProfile)
	}
}

func (f *Profile) conclude(ctx context.Context, s *Service, tx Tx, good bool) error {
	if f.State == DeleteInProgress {
		if !good {
			return nil
		}
		return removeAll[profileMember](ctx, tx, Query{ParentID: f.LaunchProfileID})
	}
	if good && f.State == UpdateInProgress {
		asked := *f.Asked
		asked.Tags, asked.State = f.Tags, f.State
		f.LaunchProfile = asked
	}
	f.Asked = nil
	components, err := s.componentsOf(ctx, tx, f)
	f.ValidationResults = validate(&f.LaunchProfile, components)
	return err
}

// changeProfile makes one change to a launch profile that p asks for.
func (s *Service) changeProfile(
	ctx context.Context, c call, studioID, id string, do func(tx Tx, now time.Time, f *Profile) error,
) (*LaunchProfile, error) {
	f, err := change(ctx, s, c, profileMachine.noun, id,
		func(tx Tx) (*Profile, Resource, error) { return s.findProfile(ctx, tx, studioID, id) }, do)
	if err != nil {
		return nil, err
	}
	return &f.LaunchProfile, nil
}

// UpdateLaunchProfile changes what is given of a launch profile. Its sessions
// take part of the change with their next start or stop.
func (s *Service) UpdateLaunchProfile(ctx context.Context, p Principal, req *UpdateLaunchProfileRequest) (*UpdateLaunchProfileResponse, error) {
	f, err := s.changeProfile(ctx, call{p, "UpdateLaunchProfile", req, req.ClientToken}, req.StudioID, req.LaunchProfileID,
		func(tx Tx, now time.Time, f *Profile) error {
			f.UpdatedBy = p.ID
			asked := f.LaunchProfile
			replace(&asked.Name, req.Name)
			replace(&asked.Description, req.Description)
			if req.LaunchProfileProtocolVersions != nil {
				if len(req.LaunchProfileProtocolVersions) == 0 {
					return noVersion()
				}
				asked.LaunchProfileProtocolVersions = req.LaunchProfileProtocolVersions
			}
			if req.StreamConfiguration != nil {
				if err := checkStreamConfiguration(req.StreamConfiguration); err != nil {
					return err
				}
				asked.StreamConfiguration = completed(*req.StreamConfiguration)
			}
			if req.StudioComponentIDs != nil {
				if err := s.usableComponents(ctx, tx, req.StudioID, req.StudioComponentIDs); err != nil {
					return err
				}
				asked.StudioComponentIDs = req.StudioComponentIDs
			}
			f.Asked = &asked
			f.ValidationResults = validating()
			return s.begin(now, f, eventUpdate)
		})
	if err != nil {
		return nil, err
	}
	return &UpdateLaunchProfileResponse{LaunchProfile: f}, nil
}

// DeleteLaunchProfile deletes a launch profile with its memberships. One that has
// sessions ends DELETE_FAILED.
func (s *Service) DeleteLaunchProfile(ctx context.Context, p Principal, req *DeleteLaunchProfileRequest) (*DeleteLaunchProfileResponse, error) {
	f, err := s.changeProfile(ctx, call{p, "DeleteLaunchProfile", req, req.ClientToken}, req.StudioID, req.LaunchProfileID,
		func(_ Tx, now time.Time, f *Profile) error { return s.begin(now, f, eventDelete) })
	if err != nil {
		return nil, err
	}
	return &DeleteLaunchProfileResponse{LaunchProfile: f}, nil
}
