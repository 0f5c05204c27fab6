package studio

import (
	"context"
	"slices"
	"time"
)

// Component is a studio component as it is kept.
type Component struct {
	StudioComponent
	revision

	StudioID string    `json:"studioId"`
	ForgetAt time.Time `json:"forgetAt,omitzero"`
}

// Table implements Noun.
func (*Component) Table() Table { return TableComponents }

// Row implements Noun.
func (c *Component) Row(now time.Time) Row {
	return Row{
		ID: c.StudioComponentID, StudioID: c.StudioID, CreatedBy: c.CreatedBy, State: c.State, CreatedAt: c.CreatedAt,
		DueAt: dueAt(c, now),
	}
}

// Next implements living.
func (c *Component) Next(now time.Time) (Action, time.Time) {
	return first(now, at(c.ForgetAt, Forget))
}

func (c *Component) enter(now time.Time, on event, code StatusCode, says string) error {
	if err := componentMachine.apply(&c.State, on, c.StudioComponentID); err != nil {
		return err
	}
	c.StatusCode, c.StatusMessage, c.UpdatedAt = code, says, now
	return nil
}

// The types of components that rules depend on.
const (
	activeDirectory  = "ACTIVE_DIRECTORY"
	sharedFileSystem = "SHARED_FILE_SYSTEM"
)

// subtypes are those that make sense for each type.
var subtypes = map[string][]string{
	activeDirectory:   {"AWS_MANAGED_MICROSOFT_AD"},
	sharedFileSystem:  {"AMAZON_FSX_FOR_WINDOWS", "AMAZON_FSX_FOR_LUSTRE", "CUSTOM"},
	"COMPUTE_FARM":    {"CUSTOM"},
	"LICENSE_SERVICE": {"CUSTOM"},
	"CUSTOM":          {"CUSTOM"},
}

// checkComponent keeps type, subtype, configuration and scripts consistent.
func checkComponent(c *StudioComponent) error {
	if c.Subtype != "" && !slices.Contains(subtypes[c.Type], c.Subtype) {
		return combination("The subtype %s does not go with the type %s.", c.Subtype, c.Type)
	}
	if u := c.Configuration; u != nil {
		given := map[string]bool{
			activeDirectory: u.ActiveDirectoryConfiguration != nil, sharedFileSystem: u.SharedFileSystemConfiguration != nil,
			"COMPUTE_FARM": u.ComputeFarmConfiguration != nil, "LICENSE_SERVICE": u.LicenseServiceConfiguration != nil,
		}
		for kind, is := range given {
			if is && kind != c.Type {
				return combination("The configuration holds a member for %s, but the component is of the type %s.", kind, c.Type)
			}
		}
	}
	seen := map[StudioComponentInitializationScript]bool{}
	for _, script := range c.InitializationScripts {
		if script.LaunchProfileProtocolVersion == "" || script.Platform == "" || script.RunContext == "" || script.Script == "" {
			return combination("Every initialization script needs launchProfileProtocolVersion, platform, runContext and script.")
		}
		script.Script = ""
		if seen[script] {
			return combination("There are two initialization scripts for %s, %s.", script.Platform, script.RunContext)
		}
		seen[script] = true
	}
	keys := map[string]bool{}
	for _, parameter := range c.ScriptParameters {
		if parameter.Key == "" || parameter.Value == "" {
			return combination("Every script parameter needs key and value.")
		}
		if keys[parameter.Key] {
			return combination("Two script parameters have the same key.")
		}
		keys[parameter.Key] = true
	}
	return nil
}

// CreateStudioComponent makes a component.
func (s *Service) CreateStudioComponent(ctx context.Context, p Principal, req *CreateStudioComponentRequest) (*CreateStudioComponentResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := checkTags(req.Tags); err != nil {
		return nil, err
	}
	var c Component
	err := s.write(ctx, func(tx Tx, now time.Time) error {
		r := studioOf(req.StudioID)
		r.Tags = req.Tags
		if err := s.permit(ctx, tx, p, "CreateStudioComponent", r, nil); err != nil {
			return err
		}
		if err := s.openStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		id, again, err := s.once(ctx, tx, now, p, "CreateStudioComponent", req.ClientToken, req, func() (string, error) {
			made, err := s.newComponent(ctx, tx, now, p, req)
			if err != nil {
				return "", err
			}
			c = *made
			return c.StudioComponentID, tx.Save(ctx, &c)
		})
		if again {
			return tx.Find(ctx, id, &c)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &CreateStudioComponentResponse{StudioComponent: &c.StudioComponent}, nil
}

func (s *Service) newComponent(ctx context.Context, tx Tx, now time.Time, p Principal, req *CreateStudioComponentRequest) (*Component, error) {
	id, err := newID(s.cfg.Random)
	if err != nil {
		return nil, err
	}
	c := &Component{
		StudioComponent: StudioComponent{
			StudioComponentID: id, ARN: s.arn(typeComponent, id), Name: req.Name, Description: given(req.Description),
			Type: req.Type, Subtype: given(req.Subtype), Configuration: req.Configuration,
			EC2SecurityGroupIDs: listed(req.EC2SecurityGroupIDs), InitializationScripts: listed(req.InitializationScripts),
			ScriptParameters: listed(req.ScriptParameters), RuntimeRoleARN: given(req.RuntimeRoleARN),
			SecureInitializationRoleARN: given(req.SecureInitializationRoleARN), Tags: ownTags(req.Tags),
			CreatedAt: now, CreatedBy: p.ID, UpdatedAt: now, UpdatedBy: p.ID, State: CreateInProgress,
		},
		StudioID: req.StudioID,
	}
	if err := checkComponent(&c.StudioComponent); err != nil {
		return nil, err
	}
	directory := false
	total, fileSystems := 0, 0
	others, err := List[Component](ctx, tx, Query{StudioID: req.StudioID, NotStates: []State{Deleted}})
	if err != nil {
		return nil, err
	}
	for _, o := range others {
		total++
		if o.Type == sharedFileSystem {
			fileSystems++
		}
		directory = directory || o.Type == activeDirectory && o.State != CreateFailed
	}
	if err := withinQuota(total, "studio components of a studio", s.cfg.Quotas.Components); err != nil {
		return nil, err
	}
	if req.Type == sharedFileSystem {
		if err := withinQuota(fileSystems, "shared file system components of a studio", s.cfg.Quotas.SharedFileSystems); err != nil {
			return nil, err
		}
	}
	if req.Type == activeDirectory && directory {
		c.ForgetAt = now.Add(s.cfg.Timing.Keep)
		return c, c.enter(now, eventFailed, "ACTIVE_DIRECTORY_ALREADY_EXISTS", "The studio has a component for a directory already.")
	}
	return c, c.enter(now, eventMade, "STUDIO_COMPONENT_CREATED", "The studio component is ready.")
}

// given is an optional string, empty when absent.
func given(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// listed is a list that answers show even when it is empty.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (s *Service) findComponent(ctx context.Context, tx Tx, studioID, id string) (*Component, Resource, error) {
	var c Component
	ok, err := found(tx.Find(ctx, id, &c))
	if !ok || c.StudioID != studioID {
		return nil, Resource{Type: typeComponent, ID: id, StudioID: studioID}, err
	}
	return &c, Resource{Type: typeComponent, ID: id, StudioID: studioID, CreatedBy: c.CreatedBy, Tags: c.Tags}, nil
}

// GetStudioComponent shows one component.
func (s *Service) GetStudioComponent(ctx context.Context, p Principal, req *GetStudioComponentRequest) (*GetStudioComponentResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer GetStudioComponentResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		c, r, err := s.findComponent(ctx, tx, req.StudioID, req.StudioComponentID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "GetStudioComponent", r, nil); err != nil {
			return err
		}
		if c == nil {
			return absent("studio component", req.StudioComponentID)
		}
		answer.StudioComponent = &c.StudioComponent
		return nil
	})
}

// ListStudioComponents lists a studio's components.
func (s *Service) ListStudioComponents(ctx context.Context, p Principal, req *ListStudioComponentsRequest) (*ListStudioComponentsResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := ListStudioComponentsResponse{StudioComponents: []StudioComponent{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		if err := s.permit(ctx, tx, p, "ListStudioComponents", studioOf(req.StudioID), nil); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		components, next, err := page[Component](ctx, s, tx,
			listing{"ListStudioComponents", req, req.NextToken, limit(req.MaxResults, componentsMax)},
			Query{StudioID: req.StudioID, States: req.States})
		for _, c := range components {
			// Types are no column: a page of one type may be shorter than asked for.
			if len(req.Types) == 0 || slices.Contains(req.Types, c.Type) {
				answer.StudioComponents = append(answer.StudioComponents, c.StudioComponent)
			}
		}
		answer.NextToken = next
		return err
	})
}
