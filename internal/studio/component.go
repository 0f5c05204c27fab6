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
	life

	StudioID string `json:"studioId"`
	// Asked is what an update under way asks for.
	Asked *StudioComponent `json:"asked,omitempty"`
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
func (c *Component) Next(now time.Time) (Action, time.Time) { return c.next(now, c.State) }

func (c *Component) card() card {
	return card{componentKind, c.StudioComponentID, &c.State, &c.StatusCode, &c.StatusMessage, &c.UpdatedAt, &c.life}
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
	c, err := create(ctx, s, call{p, "CreateStudioComponent", req, req.ClientToken},
		s.putIn(ctx, p, "CreateStudioComponent", req.StudioID, req.Tags),
		func(tx Tx, now time.Time) (*Component, error) { return s.newComponent(ctx, tx, now, p, req) })
	if err != nil {
		return nil, err
	}
	return &CreateStudioComponentResponse{StudioComponent: &c.StudioComponent}, nil
}

func (s *Service) newComponent(ctx context.Context, tx Tx, now time.Time, p Principal, req *CreateStudioComponentRequest) (*Component, error) {
	if err := s.openStudio(ctx, tx, req.StudioID); err != nil {
		return nil, err
	}
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
	if err := s.room(ctx, tx, TableComponents, req.StudioID, "studio components of a studio", s.cfg.Quotas.Components); err != nil {
		return nil, err
	}
	if err := s.roomForType(ctx, tx, c, req.Type); err != nil {
		return nil, err
	}
	c.card().say(false)
	return c, nil
}

// roomForType answers QuotaExceeded when the studio has as many components of a
// type as it may, not counting c itself. More than one directory is found out later.
func (s *Service) roomForType(ctx context.Context, tx Tx, c *Component, kind string) error {
	if kind != sharedFileSystem {
		return nil
	}
	n, err := others(ctx, tx, c, func(o *Component) bool { return o.Type == kind || o.Asked != nil && o.Asked.Type == kind }, Deleted)
	if err != nil {
		return err
	}
	return withinQuota(n, "shared file system components of a studio", s.cfg.Quotas.SharedFileSystems)
}

// others counts the studio's other components that are something, and in none of some states.
func others(ctx context.Context, tx Tx, c *Component, are func(*Component) bool, not ...State) (int, error) {
	all, err := List[Component](ctx, tx, Query{StudioID: c.StudioID, NotStates: not})
	n := 0
	for _, o := range all {
		if o.StudioComponentID != c.StudioComponentID && are(o) {
			n++
		}
	}
	return n, err
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
