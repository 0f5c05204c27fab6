package studio

import (
	"context"
	"time"
)

// member is a membership as it is kept, of whatever it may be.
type member[T any] interface {
	*T
	Noun
}

// theMember is somebody's membership, NotFound when there is none.
func theMember[T any, P member[T]](ctx context.Context, tx Tx, of, principalID string) (P, error) {
	m := P(new(T))
	ok, err := found(tx.Find(ctx, memberID(of, principalID), m))
	if err == nil && !ok {
		err = absent("member", principalID)
	}
	return m, err
}

// GetStudioMember shows one administrator of a studio.
func (s *Service) GetStudioMember(ctx context.Context, p Principal, req *GetStudioMemberRequest) (*GetStudioMemberResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer GetStudioMemberResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		if err := s.permit(ctx, tx, p, "GetStudioMember", studioOf(req.StudioID), nil); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		m, err := theMember[studioMember](ctx, tx, req.StudioID, req.PrincipalID)
		answer.Member = &m.StudioMembership
		return err
	})
}

// ListStudioMembers lists the administrators of a studio.
func (s *Service) ListStudioMembers(ctx context.Context, p Principal, req *ListStudioMembersRequest) (*ListStudioMembersResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := ListStudioMembersResponse{Members: []StudioMembership{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		if err := s.permit(ctx, tx, p, "ListStudioMembers", studioOf(req.StudioID), nil); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		members, next, err := page[studioMember](ctx, s, tx,
			listing{"ListStudioMembers", req, req.NextToken, limit(req.MaxResults, memberPageMax)}, Query{StudioID: req.StudioID})
		for _, m := range members {
			answer.Members = append(answer.Members, m.StudioMembership)
		}
		answer.NextToken = next
		return err
	})
}

// DeleteStudioMember takes from a user the administration of a studio.
func (s *Service) DeleteStudioMember(ctx context.Context, p Principal, req *DeleteStudioMemberRequest) (*DeleteStudioMemberResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	return &DeleteStudioMemberResponse{}, s.write(ctx, func(tx Tx, now time.Time) error {
		if err := s.permit(ctx, tx, p, "DeleteStudioMember", studioOf(req.StudioID), nil); err != nil {
			return err
		}
		_, _, err := s.once(ctx, tx, now, p, "DeleteStudioMember", req.ClientToken, req, func() (string, error) {
			if err := s.openStudio(ctx, tx, req.StudioID); err != nil {
				return "", err
			}
			m, err := theMember[studioMember](ctx, tx, req.StudioID, req.PrincipalID)
			if err != nil {
				return "", err
			}
			return req.PrincipalID, tx.Remove(ctx, m)
		})
		return err
	})
}

// profileMembers asks whether p may do something with the members of a launch
// profile that is there.
func (s *Service) profileMembers(ctx context.Context, tx Tx, p Principal, operation, studioID, id string) error {
	f, r, err := s.findProfile(ctx, tx, studioID, id)
	if err != nil {
		return err
	}
	if err := s.permit(ctx, tx, p, operation, r, nil); err != nil {
		return err
	}
	if f == nil || f.State == Deleted || f.State == CreateFailed {
		return absent("launch profile", id)
	}
	return nil
}

// GetLaunchProfileMember shows one member of a launch profile.
func (s *Service) GetLaunchProfileMember(ctx context.Context, p Principal, req *GetLaunchProfileMemberRequest) (*GetLaunchProfileMemberResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer GetLaunchProfileMemberResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		if err := s.profileMembers(ctx, tx, p, "GetLaunchProfileMember", req.StudioID, req.LaunchProfileID); err != nil {
			return err
		}
		m, err := theMember[profileMember](ctx, tx, req.LaunchProfileID, req.PrincipalID)
		answer.Member = &m.LaunchProfileMembership
		return err
	})
}

// ListLaunchProfileMembers lists the members of a launch profile.
func (s *Service) ListLaunchProfileMembers(ctx context.Context, p Principal, req *ListLaunchProfileMembersRequest) (*ListLaunchProfileMembersResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := ListLaunchProfileMembersResponse{Members: []LaunchProfileMembership{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		if err := s.profileMembers(ctx, tx, p, "ListLaunchProfileMembers", req.StudioID, req.LaunchProfileID); err != nil {
			return err
		}
		members, next, err := page[profileMember](ctx, s, tx,
			listing{"ListLaunchProfileMembers", req, req.NextToken, limit(req.MaxResults, memberPageMax)}, Query{ParentID: req.LaunchProfileID})
		for _, m := range members {
			answer.Members = append(answer.Members, m.LaunchProfileMembership)
		}
		answer.NextToken = next
		return err
	})
}

// UpdateLaunchProfileMember sets what a member of a launch profile may do with it.
func (s *Service) UpdateLaunchProfileMember(ctx context.Context, p Principal, req *UpdateLaunchProfileMemberRequest) (*UpdateLaunchProfileMemberResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer UpdateLaunchProfileMemberResponse
	return &answer, s.write(ctx, func(tx Tx, now time.Time) error {
		if err := s.profileMembers(ctx, tx, p, "UpdateLaunchProfileMember", req.StudioID, req.LaunchProfileID); err != nil {
			return err
		}
		m, err := theMember[profileMember](ctx, tx, req.LaunchProfileID, req.PrincipalID)
		if err != nil {
			return err
		}
		answer.Member = &m.LaunchProfileMembership
		_, _, err = s.once(ctx, tx, now, p, "UpdateLaunchProfileMember", req.ClientToken, req, func() (string, error) {
			m.Persona = req.Persona
			return req.PrincipalID, tx.Save(ctx, m)
		})
		return err
	})
}

// DeleteLaunchProfileMember takes from a user the right to launch. Sessions that
// run go on.
func (s *Service) DeleteLaunchProfileMember(ctx context.Context, p Principal, req *DeleteLaunchProfileMemberRequest) (*DeleteLaunchProfileMemberResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	return &DeleteLaunchProfileMemberResponse{}, s.write(ctx, func(tx Tx, now time.Time) error {
		if err := s.profileMembers(ctx, tx, p, "DeleteLaunchProfileMember", req.StudioID, req.LaunchProfileID); err != nil {
			return err
		}
		_, _, err := s.once(ctx, tx, now, p, "DeleteLaunchProfileMember", req.ClientToken, req, func() (string, error) {
			m, err := theMember[profileMember](ctx, tx, req.LaunchProfileID, req.PrincipalID)
			if err != nil {
				return "", err
			}
			return req.PrincipalID, tx.Remove(ctx, m)
		})
		return err
	})
}
