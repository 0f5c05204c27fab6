package studio

import (
	"context"
	"fmt"
)

// protocol is the only one that launch profiles and scripts can be written for.
const protocol = "2021-03-31"

// initializationOf tells what a session's desktop does before it is shown: what its
// launch profile and the components say at this moment.
func (s *Service) initializationOf(ctx context.Context, tx Tx, session *Session) (*LaunchProfileInitialization, error) {
	f, _, err := s.findProfile(ctx, tx, session.StudioID, session.LaunchProfileID)
	if err != nil || f == nil {
		return nil, err
	}
	components, err := s.componentsOf(ctx, tx, f)
	if err != nil {
		return nil, fmt.Errorf("find the components of launch profile %s: %w", f.LaunchProfileID, err)
	}
	return initialization(components, LaunchProfileInitialization{
		LaunchProfileID: f.LaunchProfileID, Name: f.Name, Platform: platformLinux, LaunchProfileProtocolVersion: protocol,
	}), nil
}

// Scripted tells whether the workstation of a task has scripts to run.
func (t Task) Scripted() bool {
	i := t.Initialization
	return i != nil && len(i.SystemInitializationScripts)+len(i.UserInitializationScripts) > 0
}
