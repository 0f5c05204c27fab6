package studio

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// GetLaunchProfileDetails shows a launch profile with what it names.
func (s *Service) GetLaunchProfileDetails(ctx context.Context, p Principal, req *GetLaunchProfileDetailsRequest) (*GetLaunchProfileDetailsResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := GetLaunchProfileDetailsResponse{StreamingImages: []StreamingImage{}, StudioComponentSummaries: []StudioComponentSummary{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		f, r, err := s.findProfile(ctx, tx, req.StudioID, req.LaunchProfileID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "GetLaunchProfileDetails", r, nil); err != nil {
			return err
		}
		if f == nil {
			return absent("launch profile", req.LaunchProfileID)
		}
		answer.LaunchProfile = &f.LaunchProfile
		for _, id := range f.StreamConfiguration.StreamingImageIDs {
			i, _, err := s.findImage(ctx, tx, req.StudioID, id)
			if err != nil {
				return err
			}
			if i != nil {
				answer.StreamingImages = append(answer.StreamingImages, i.StreamingImage)
			}
		}
		components, err := s.componentsOf(ctx, tx, f)
		for _, c := range components {
			answer.StudioComponentSummaries = append(answer.StudioComponentSummaries, StudioComponentSummary{
				CreatedAt: c.CreatedAt, CreatedBy: c.CreatedBy, Description: c.Description, Name: c.Name,
				StudioComponentID: c.StudioComponentID, Subtype: c.Subtype, Type: c.Type, UpdatedAt: c.UpdatedAt, UpdatedBy: c.UpdatedBy,
			})
		}
		return err
	})
}

// GetLaunchProfileInitialization tells a machine that joins what to do.
func (s *Service) GetLaunchProfileInitialization(
	ctx context.Context, p Principal, req *GetLaunchProfileInitializationRequest,
) (*GetLaunchProfileInitializationResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := shapes["LaunchPurpose"].CheckString("launchPurpose", req.LaunchPurpose); err != nil {
		return nil, err
	}
	platform := strings.ToUpper(req.Platform)
	if err := shapes["LaunchProfilePlatform"].CheckString("platform", platform); err != nil {
		return nil, err
	}
	var answer GetLaunchProfileInitializationResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		f, r, err := s.findProfile(ctx, tx, req.StudioID, req.LaunchProfileID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "GetLaunchProfileInitialization", r, nil); err != nil {
			return err
		}
		if f == nil || f.State == Deleted {
			return absent("launch profile", req.LaunchProfileID)
		}
		version := slices.IndexFunc(f.LaunchProfileProtocolVersions, func(v string) bool { return slices.Contains(req.LaunchProfileProtocolVersions, v) })
		if version < 0 {
			return combination("launchProfileProtocolVersions must name one that the launch profile speaks: %s.", strings.Join(f.LaunchProfileProtocolVersions, ", "))
		}
		if !usable(f.State) {
			return wrongState("launch profile", f.LaunchProfileID, f.State)
		}
		components, err := s.componentsOf(ctx, tx, f)
		if err != nil {
			return err
		}
		answer.LaunchProfileInitialization = initialization(components, LaunchProfileInitialization{
			LaunchProfileID: f.LaunchProfileID, Name: f.Name, Platform: platform, LaunchPurpose: req.LaunchPurpose,
			LaunchProfileProtocolVersion: f.LaunchProfileProtocolVersions[version],
		})
		return nil
	})
}

// initialization completes i with what the components ask for, in their order.
func initialization(components []*Component, i LaunchProfileInitialization) *LaunchProfileInitialization {
	i.SystemInitializationScripts, i.UserInitializationScripts = []LaunchProfileInitializationScript{}, []LaunchProfileInitializationScript{}
	for _, c := range components {
		for _, group := range c.EC2SecurityGroupIDs {
			if !slices.Contains(i.EC2SecurityGroupIDs, group) {
				i.EC2SecurityGroupIDs = append(i.EC2SecurityGroupIDs, group)
			}
		}
		if c.Type == activeDirectory {
			i.ActiveDirectory = directory(c)
		}
		for _, script := range c.InitializationScripts {
			if script.Platform != i.Platform || script.LaunchProfileProtocolVersion != i.LaunchProfileProtocolVersion {
				continue
			}
			scripts := &i.UserInitializationScripts
			if script.RunContext == "SYSTEM_INITIALIZATION" {
				scripts = &i.SystemInitializationScripts
			}
			*scripts = append(*scripts, LaunchProfileInitializationScript{
				RuntimeRoleARN: c.RuntimeRoleARN, SecureInitializationRoleARN: c.SecureInitializationRoleARN,
				Script: withParameters(script, c.ScriptParameters), StudioComponentID: c.StudioComponentID, StudioComponentName: c.Name,
			})
		}
	}
	return &i
}

func directory(c *Component) *LaunchProfileInitializationActiveDirectory {
	d := &LaunchProfileInitializationActiveDirectory{
		ComputerAttributes: []ActiveDirectoryComputerAttribute{}, DNSIPAddresses: []string{},
		StudioComponentID: c.StudioComponentID, StudioComponentName: c.Name,
	}
	if c.Configuration != nil && c.Configuration.ActiveDirectoryConfiguration != nil {
		asked := c.Configuration.ActiveDirectoryConfiguration
		d.ComputerAttributes, d.DirectoryID = listed(asked.ComputerAttributes), asked.DirectoryID
		d.OrganizationalUnitDistinguishedName = asked.OrganizationalUnitDistinguishedName
	}
	return d
}

// withParameters is a script that finds the component's parameters in its
// environment. They are set at its beginning, or behind the line that names its shell.
func withParameters(script StudioComponentInitializationScript, parameters []ScriptParameterKeyValue) string {
	var set strings.Builder
	for _, p := range parameters {
		if script.Platform == platformLinux {
			fmt.Fprintf(&set, "export %s=%s\n", p.Key, shellQuoted(p.Value))
		} else {
			fmt.Fprintf(&set, "$Env:%s = '%s'\n", p.Key, powerShellQuotes.Replace(p.Value))
		}
	}
	first, rest, _ := strings.Cut(script.Script, "\n")
	interpreter, named := strings.CutPrefix(first, "#!")
	switch {
	case set.Len() == 0 || !named:
		return set.String() + script.Script
	case script.Platform == platformLinux && !isShell(interpreter):
		return fromShell(strings.TrimSpace(interpreter), set.String(), script.Script)
	default:
		return first + "\n" + set.String() + rest
	}
}

// isShell tells whether the interpreter that a script's first line names can set
// variables as sh does.
func isShell(interpreter string) bool {
	words := strings.Fields(interpreter)
	return slices.ContainsFunc(words[:min(2, len(words))], func(w string) bool {
		return slices.Contains([]string{"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"}, path.Base(w))
	})
}

// fromShell is a shell's script that sets variables and then has another interpreter
// run a text, which is nowhere but in a pipe.
func fromShell(interpreter, set, text string) string {
	program, argument, has := strings.Cut(interpreter, " ")
	command := shellQuoted(program)
	if has { // all of the rest is one, as the kernel has it
		command += " " + shellQuoted(strings.TrimSpace(argument))
	}
	end := "END"
	for strings.Contains(text, end) {
		end += "_END"
	}
	return fmt.Sprintf("#!/bin/sh\n%sexec %s /dev/fd/3 3<<'%s'\n%s\n%s\n", set, command, end, text, end)
}

func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// powerShellQuotes doubles all that PowerShell takes for a single quote.
var powerShellQuotes = strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛")
