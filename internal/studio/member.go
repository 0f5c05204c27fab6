package studio

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// profileMember is a member of a launch profile as it is kept.
type profileMember struct {
	LaunchProfileMembership
	revision

	StudioID        string    `json:"studioId"`
	LaunchProfileID string    `json:"launchProfileId"`
	CreatedAt       time.Time `json:"createdAt"`
}

// Table implements Noun.
func (*profileMember) Table() Table { return TableProfileMembers }

// Row implements Noun. A member's parent is the launch profile.
func (m *profileMember) Row(time.Time) Row {
	return Row{
		ID: memberID(m.LaunchProfileID, m.PrincipalID), StudioID: m.StudioID, ParentID: m.LaunchProfileID, OwnedBy: m.PrincipalID,
		CreatedAt: m.CreatedAt,
	}
}

// studioMember is an administrator of a studio as it is kept.
type studioMember struct {
	StudioMembership
	revision

	StudioID  string    `json:"studioId"`
	CreatedAt time.Time `json:"createdAt"`
}

// Table implements Noun.
func (*studioMember) Table() Table { return TableStudioMembers }

// Row implements Noun.
func (m *studioMember) Row(time.Time) Row {
	return Row{ID: memberID(m.StudioID, m.PrincipalID), StudioID: m.StudioID, OwnedBy: m.PrincipalID, CreatedAt: m.CreatedAt}
}

// memberID names a membership: no id holds the sign between the two.
func memberID(of, principalID string) string { return of + "/" + principalID }

// administers tells whether a user is an administrator of a studio, or of any
// where the question is about what belongs to none.
func (s *Service) administers(ctx context.Context, tx Tx, p Principal, studioID string) (bool, error) {
	if studioID == "" {
		n, err := tx.Count(ctx, Query{Table: TableStudioMembers, OwnedBy: p.ID})
		return n > 0, err
	}
	return found(tx.Find(ctx, memberID(studioID, p.ID), &studioMember{}))
}

// isMember tells whether a user is a member of a launch profile.
func isMember(ctx context.Context, tx Tx, profileID, principalID string) (bool, error) {
	return found(tx.Find(ctx, memberID(profileID, principalID), &profileMember{}))
}

// unknownUser is the complaint about the first of n principals who is no user of
// the identity store; nil when all are.
func (s *Service) unknownUser(ctx context.Context, identityStoreID string, n int, principal func(int) string) (*Error, error) {
	for i := range n {
		known, err := s.cfg.Users.Known(ctx, identityStoreID, principal(i))
		if err != nil {
			return nil, fmt.Errorf("look up a user: %w", err)
		}
		if !known {
			member := fmt.Sprintf("members[%d].principalId", i)
			return &Error{
				Kind: Validation, Code: CodeUser, Message: "The member " + member + " is no user of this identity store.",
				Context: map[string]string{"member": member},
			}, nil
		}
	}
	return nil, nil
}

// PutLaunchProfileMembers makes users members of a launch profile, all or none.
func (s *Service) PutLaunchProfileMembers(ctx context.Context, p Principal, req *PutLaunchProfileMembersRequest) (*PutLaunchProfileMembersResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	unknown, err := s.unknownUser(ctx, req.IdentityStoreID, len(req.Members), func(i int) string { return req.Members[i].PrincipalID })
	if err != nil {
		return nil, outcome(err)
	}
	return &PutLaunchProfileMembersResponse{}, s.write(ctx, func(tx Tx, now time.Time) error {
		f, r, err := s.findProfile(ctx, tx, req.StudioID, req.LaunchProfileID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "PutLaunchProfileMembers", r, nil); err != nil {
			return err
		}
		if f == nil || f.State == Deleted || f.State == CreateFailed {
			return absent("launch profile", req.LaunchProfileID)
		}
		_, _, err = s.once(ctx, tx, now, p, "PutLaunchProfileMembers", req.ClientToken, req, func() (string, error) {
			if unknown != nil {
				return "", unknown
			}
			for _, m := range req.Members {
				member := &profileMember{LaunchProfileMembership: LaunchProfileMembership{
					IdentityStoreID: req.IdentityStoreID, Persona: m.Persona, PrincipalID: m.PrincipalID,
				}, StudioID: req.StudioID, LaunchProfileID: req.LaunchProfileID, CreatedAt: now}
				var old profileMember
				if ok, err := found(tx.Find(ctx, member.Row(now).ID, &old)); err != nil {
					return "", err
				} else if ok {
					*member.Rev(), member.CreatedAt = *old.Rev(), old.CreatedAt
				}
				if err := tx.Save(ctx, member); err != nil {
					return "", taken(err)
				}
			}
			return req.LaunchProfileID, nil
		})
		return err
	})
}

// PutStudioMembers makes users administrators of a studio, all or none.
func (s *Service) PutStudioMembers(ctx context.Context, p Principal, req *PutStudioMembersRequest) (*PutStudioMembersResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	unknown, err := s.unknownUser(ctx, req.IdentityStoreID, len(req.Members), func(i int) string { return req.Members[i].PrincipalID })
	if err != nil {
		return nil, outcome(err)
	}
	return &PutStudioMembersResponse{}, s.write(ctx, func(tx Tx, now time.Time) error {
		if err := s.permit(ctx, tx, p, "PutStudioMembers", studioOf(req.StudioID), nil); err != nil {
			return err
		}
		_, _, err := s.once(ctx, tx, now, p, "PutStudioMembers", req.ClientToken, req, func() (string, error) {
			if err := s.openStudio(ctx, tx, req.StudioID); err != nil {
				return "", err
			}
			if unknown != nil {
				return "", unknown
			}
			for _, m := range req.Members {
				member := &studioMember{StudioMembership: StudioMembership{
					IdentityStoreID: req.IdentityStoreID, Persona: m.Persona, PrincipalID: m.PrincipalID,
				}, StudioID: req.StudioID, CreatedAt: now}
				var old studioMember
				if ok, err := found(tx.Find(ctx, member.Row(now).ID, &old)); err != nil {
					return "", err
				} else if ok {
					*member.Rev(), member.CreatedAt = *old.Rev(), old.CreatedAt
				}
				if err := tx.Save(ctx, member); err != nil {
					return "", taken(err)
				}
			}
			return req.StudioID, nil
		})
		return err
	})
}

// taken tells that another request was faster; it is looked at again.
func taken(err error) error {
	if errors.Is(err, ErrTaken) {
		return ErrStale
	}
	return err
}
