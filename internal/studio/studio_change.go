package studio

import (
	"context"
	"fmt"
	"regexp"
	"time"
)

const (
	repairing StatusCode = "AWS_SSO_CONFIGURATION_REPAIR_IN_PROGRESS"
	repaired  StatusCode = "AWS_SSO_CONFIGURATION_REPAIRED"
)

func (h *storedStudio) judge(ctx context.Context, s *Service, tx Tx) (StatusCode, string, error) {
	switch h.State {
	case DeleteInProgress:
		return s.remaining(ctx, tx, h.StudioID)
	case UpdateInProgress:
		code, says := s.checkRoles(h.Asked.AdminRoleARN, h.Asked.UserRoleARN)
		return code, says, nil
	default:
		if code, says := s.checkRoles(h.AdminRoleARN, h.UserRoleARN); code != "" {
			return code, says, nil
		}
		code, says := s.checkKey(h.StudioEncryptionConfiguration)
		return code, says, nil
	}
}

func (h *storedStudio) conclude(ctx context.Context, _ *Service, tx Tx, good bool) error {
	switch {
	case good && h.State == UpdateInProgress:
		asked := *h.Asked
		asked.Tags, asked.State = h.Tags, h.State
		h.Studio = asked
	case good && h.State == DeleteInProgress:
		if err := removeAll[studioMember](ctx, tx, Query{StudioID: h.StudioID}); err != nil {
			return err
		}
		if err := removeAll[acceptance](ctx, tx, Query{StudioID: h.StudioID}); err != nil {
			return err
		}
	}
	h.Asked = nil
	return nil
}

// removeAll removes what q asks for.
func removeAll[T any, P interface {
	*T
	Noun
}](ctx context.Context, tx Tx, q Query) error {
	all, err := List[T, P](ctx, tx, q)
	if err != nil {
		return err
	}
	for _, n := range all {
		if err := tx.Remove(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// remaining tells what keeps a studio from being deleted.
func (s *Service) remaining(ctx context.Context, tx Tx, studioID string) (StatusCode, string, error) {
	for _, of := range []struct {
		table Table
		code  StatusCode
		what  string
	}{
		{TableProfiles, "STUDIO_WITH_LAUNCH_PROFILES_NOT_DELETED", "launch profiles"},
		{TableComponents, "STUDIO_WITH_STUDIO_COMPONENTS_NOT_DELETED", "studio components"},
		{TableImages, "STUDIO_WITH_STREAMING_IMAGES_NOT_DELETED", "streaming images"},
	} {
		n, err := tx.Count(ctx, Query{Table: of.table, StudioID: studioID, NotStates: []State{Deleted, CreateFailed}})
		if err != nil {
			return "", "", err
		}
		if n > 0 {
			return of.code, fmt.Sprintf("The studio has %s (%d); delete them first.", of.what, n), nil
		}
	}
	return "", "", nil
}

var rolePattern = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/.+$`)

// checkRoles tells what is wrong with the roles of a studio; an empty code: nothing.
func (s *Service) checkRoles(arns ...string) (StatusCode, string) {
	for _, arn := range arns {
		switch role := rolePattern.FindStringSubmatch(arn); {
		case role == nil:
			return "ROLE_COULD_NOT_BE_ASSUMED", "A role is not named by the ARN of a role."
		case role[1] != s.cfg.Account:
			return "ROLE_NOT_OWNED_BY_STUDIO_OWNER", fmt.Sprintf("A role belongs to the account %s, but the studio to %s.", role[1], s.cfg.Account)
		}
	}
	return "", ""
}

var keyPattern = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:([0-9]{12}):(key|alias)/.+$`)

// checkKey tells what is wrong with the key of a studio; an empty code: nothing.
func (s *Service) checkKey(c *StudioEncryptionConfiguration) (StatusCode, string) {
	if c.KeyARN == "" {
		return "", ""
	}
	switch key := keyPattern.FindStringSubmatch(c.KeyARN); {
	case key == nil:
		return "ENCRYPTION_KEY_NOT_FOUND", "The key is not named by the ARN of a key."
	case key[1] != s.cfg.Account:
		return "ENCRYPTION_KEY_ACCESS_DENIED", fmt.Sprintf("The key belongs to the account %s, but the studio to %s.", key[1], s.cfg.Account)
	}
	return "", ""
}

// changeStudio makes one change to a studio that p asks for.
func (s *Service) changeStudio(ctx context.Context, c call, id string, do func(tx Tx, now time.Time, h *storedStudio) error) (Studio, error) {
	h, err := change(ctx, s, c, studioMachine.noun, id,
		func(tx Tx) (*storedStudio, Resource, error) { return s.findStudio(ctx, tx, id) }, do)
	if err != nil {
		return Studio{}, err
	}
	return h.Studio, nil
}

// UpdateStudio changes the display name and the roles of a studio.
func (s *Service) UpdateStudio(ctx context.Context, p Principal, req *UpdateStudioRequest) (*UpdateStudioResponse, error) {
	h, err := s.changeStudio(ctx, call{p, "UpdateStudio", req, req.ClientToken}, req.StudioID,
		func(_ Tx, now time.Time, h *storedStudio) error {
			asked := h.Studio
			replace(&asked.AdminRoleARN, req.AdminRoleARN)
			replace(&asked.UserRoleARN, req.UserRoleARN)
			replace(&asked.DisplayName, req.DisplayName)
			h.Asked = &asked
			return s.begin(now, h, eventUpdate)
		})
	if err != nil {
		return nil, err
	}
	return &UpdateStudioResponse{Studio: h}, nil
}

// StartStudioSSOConfigurationRepair gives a studio that has lost its place in the
// identity store, its ssoClientId, a new one.
func (s *Service) StartStudioSSOConfigurationRepair(
	ctx context.Context, p Principal, req *StartStudioSSOConfigurationRepairRequest,
) (*StartStudioSSOConfigurationRepairResponse, error) {
	h, err := s.changeStudio(ctx, call{p, "StartStudioSSOConfigurationRepair", req, req.ClientToken}, req.StudioID,
		func(_ Tx, now time.Time, h *storedStudio) error {
			if h.SSOClientID != "" && h.State != Deleted && h.State != CreateFailed {
				return &Error{
					Kind: Validation, Code: CodeHealthy, Message: "The studio is registered with the identity store as it should be; there is nothing to repair.",
					Context: map[string]string{"resourceId": h.StudioID},
				}
			}
			client, err := newName(s.cfg.Random, 22)
			if err != nil {
				return err
			}
			asked := h.Studio
			asked.SSOClientID = client
			h.Asked = &asked
			if err := s.begin(now, h, eventUpdate); err != nil {
				return err
			}
			h.StatusCode, h.StatusMessage = repairing, "The studio is being registered with the identity store anew."
			return nil
		})
	if err != nil {
		return nil, err
	}
	return &StartStudioSSOConfigurationRepairResponse{Studio: h}, nil
}

// DeleteStudio deletes a studio. One that still holds something ends DELETE_FAILED.
func (s *Service) DeleteStudio(ctx context.Context, p Principal, req *DeleteStudioRequest) (*DeleteStudioResponse, error) {
	h, err := s.changeStudio(ctx, call{p, "DeleteStudio", req, req.ClientToken}, req.StudioID,
		func(_ Tx, now time.Time, h *storedStudio) error { return s.begin(now, h, eventDelete) })
	if err != nil {
		return nil, err
	}
	return &DeleteStudioResponse{Studio: h}, nil
}
