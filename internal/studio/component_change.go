package studio

import (
	"context"
	"slices"
	"time"
)

func (c *Component) judge(ctx context.Context, _ *Service, tx Tx) (StatusCode, string, error) {
	becomes := c.Type
	if c.State == UpdateInProgress {
		becomes = c.Asked.Type
	}
	if becomes != activeDirectory || c.State == DeleteInProgress {
		return "", "", nil
	}
	// Of several that come to be at the same time, the first one stays.
	directories, err := others(ctx, tx, c, func(o *Component) bool { return o.Type == activeDirectory }, Deleted, CreateFailed, CreateInProgress)
	if directories == 0 {
		return "", "", err
	}
	return "ACTIVE_DIRECTORY_ALREADY_EXISTS", "The studio has a component for a directory already.", nil
}

func (c *Component) conclude(_ context.Context, _ *Service, _ Tx, good bool) error {
	if good && c.State == UpdateInProgress {
		asked := *c.Asked
		asked.Tags, asked.State = c.Tags, c.State
		c.StudioComponent = asked
	}
	c.Asked = nil
	return nil
}

// changeComponent makes one change to a component that p asks for.
func (s *Service) changeComponent(
	ctx context.Context, c call, studioID, id string, do func(tx Tx, now time.Time, c *Component) error,
) (*StudioComponent, error) {
	component, err := change(ctx, s, c, componentMachine.noun, id,
		func(tx Tx) (*Component, Resource, error) { return s.findComponent(ctx, tx, studioID, id) }, do)
	if err != nil {
		return nil, err
	}
	return &component.StudioComponent, nil
}

// UpdateStudioComponent changes what is given of a component.
func (s *Service) UpdateStudioComponent(ctx context.Context, p Principal, req *UpdateStudioComponentRequest) (*UpdateStudioComponentResponse, error) {
	c, err := s.changeComponent(ctx, call{p, "UpdateStudioComponent", req, req.ClientToken}, req.StudioID, req.StudioComponentID,
		func(tx Tx, now time.Time, c *Component) error {
			c.UpdatedBy = p.ID
			asked := c.StudioComponent
			replace(&asked.Name, req.Name)
			replace(&asked.Description, req.Description)
			replace(&asked.Type, req.Type)
			replace(&asked.Subtype, req.Subtype)
			replace(&asked.RuntimeRoleARN, req.RuntimeRoleARN)
			replace(&asked.SecureInitializationRoleARN, req.SecureInitializationRoleARN)
			if req.Configuration != nil {
				asked.Configuration = req.Configuration
			}
			replaceList(&asked.EC2SecurityGroupIDs, req.EC2SecurityGroupIDs)
			replaceList(&asked.InitializationScripts, req.InitializationScripts)
			replaceList(&asked.ScriptParameters, req.ScriptParameters)
			if err := checkComponent(&asked); err != nil {
				return err
			}
			if err := s.begin(now, c, eventUpdate); err != nil {
				return err
			}
			c.Asked = &asked
			if asked.Type == c.Type {
				return nil
			}
			return s.roomForType(ctx, tx, c, asked.Type)
		})
	if err != nil {
		return nil, err
	}
	return &UpdateStudioComponentResponse{StudioComponent: c}, nil
}

// DeleteStudioComponent deletes a component that no launch profile names.
func (s *Service) DeleteStudioComponent(ctx context.Context, p Principal, req *DeleteStudioComponentRequest) (*DeleteStudioComponentResponse, error) {
	c, err := s.changeComponent(ctx, call{p, "DeleteStudioComponent", req, req.ClientToken}, req.StudioID, req.StudioComponentID,
		func(tx Tx, now time.Time, c *Component) error {
			if err := s.begin(now, c, eventDelete); err != nil {
				return err
			}
			return unused(ctx, tx, componentMachine.noun, c.StudioID, c.StudioComponentID, func(f *LaunchProfile) bool {
				return slices.Contains(f.StudioComponentIDs, c.StudioComponentID)
			})
		})
	if err != nil {
		return nil, err
	}
	return &DeleteStudioComponentResponse{StudioComponent: c}, nil
}

// unused answers Conflict when a launch profile of the studio names a thing, or
// is about to.
func unused(ctx context.Context, tx Tx, noun, studioID, id string, names func(*LaunchProfile) bool) error {
	profiles, err := List[Profile](ctx, tx, Query{StudioID: studioID, NotStates: []State{Deleted, CreateFailed}})
	if err != nil {
		return err
	}
	for _, f := range profiles {
		if names(&f.LaunchProfile) || f.Asked != nil && names(f.Asked) {
			return &Error{
				Kind: Conflict, Code: CodeInUse, Message: "A launch profile uses the " + noun + "; change or delete the launch profile first.",
				Context: map[string]string{"resourceId": id, "usedBy": f.LaunchProfileID},
			}
		}
	}
	return nil
}
