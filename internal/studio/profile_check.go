package studio

import (
	"context"
	"slices"
)

// usableComponents answers Validation when a component of those that a launch
// profile names cannot be used.
func (s *Service) usableComponents(ctx context.Context, tx Tx, studioID string, ids []string) error {
	for _, id := range ids {
		c, _, err := s.findComponent(ctx, tx, studioID, id)
		if err != nil {
			return err
		}
		if c == nil || !usable(c.State) {
			return &Error{
				Kind: Validation, Code: CodeReference, Message: "A studio component of the launch profile does not exist in this studio, or is not READY.",
				Context: map[string]string{"member": "studioComponentIds", "resourceId": cut(id, 128)},
			}
		}
	}
	return nil
}

// componentsOf are the components that a launch profile names, in their order.
func (s *Service) componentsOf(ctx context.Context, tx Tx, f *Profile) ([]*Component, error) {
	components := make([]*Component, 0, len(f.StudioComponentIDs))
	for _, id := range f.StudioComponentIDs {
		c, _, err := s.findComponent(ctx, tx, f.StudioID, id)
		if err != nil {
			return nil, err
		}
		if c != nil && c.State != Deleted {
			components = append(components, c)
		}
	}
	return components, nil
}

// checkOffer tells why sessions could never be made of what a launch profile
// offers; an empty code: they can.
func (s *Service) checkOffer(ctx context.Context, tx Tx, studioID string, f *LaunchProfile) (StatusCode, string, error) {
	for _, id := range f.StreamConfiguration.StreamingImageIDs {
		i, _, err := s.findImage(ctx, tx, studioID, id)
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
	if s.cfg.StrictNetworks && len(f.EC2SubnetIDs) > 0 {
		return "INVALID_SUBNETS_PROVIDED", "This installation has no networks of these names.", nil
	}
	return "", "", nil
}

// validating are the results of checks that are still under way.
func validating() []ValidationResult {
	const under = "VALIDATION_IN_PROGRESS"
	results := validate(&LaunchProfile{}, nil)
	for i := range results {
		results[i].State, results[i].StatusCode, results[i].StatusMessage = under, under, "The check is under way."
	}
	return results
}

// validate says what became of the checks of a launch profile's surroundings.
// They advise; none keeps sessions from running.
func validate(f *LaunchProfile, components []*Component) []ValidationResult {
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
