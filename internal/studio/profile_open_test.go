package studio_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/studio"
)

func script(platform, when, text string) studio.StudioComponentInitializationScript {
	return studio.StudioComponentInitializationScript{
		LaunchProfileProtocolVersion: "2021-03-31", Platform: platform, RunContext: when + "_INITIALIZATION", Script: text,
	}
}

// joined is a world whose launch profile names a directory, a farm and a tool, in this order.
func joined(t *testing.T) (w *world, ids []string) {
	t.Helper()
	w = setup(t)
	for _, req := range []studio.CreateStudioComponentRequest{
		{
			Name: "ad", Type: "ACTIVE_DIRECTORY", EC2SecurityGroupIDs: []string{"sg-1", "sg-2"},
			Configuration: &studio.StudioComponentConfiguration{ActiveDirectoryConfiguration: &studio.ActiveDirectoryConfiguration{
				DirectoryID: "d-1", OrganizationalUnitDistinguishedName: "OU=x",
				ComputerAttributes: []studio.ActiveDirectoryComputerAttribute{{Name: "a", Value: "b"}},
			}},
		},
		{
			Name: "farm", Type: "COMPUTE_FARM", EC2SecurityGroupIDs: []string{"sg-2", "sg-3"}, RuntimeRoleARN: new(role), SecureInitializationRoleARN: new(role + "2"),
			ScriptParameters: []studio.ScriptParameterKeyValue{{Key: "FARM", Value: "it's"}},
			InitializationScripts: []studio.StudioComponentInitializationScript{
				script("LINUX", "SYSTEM", "farm system"), script("LINUX", "USER", "#!/bin/bash\nfarm user"), script("WINDOWS", "SYSTEM", "farm windows"),
			},
		},
		{
			Name: "tool", Type: "CUSTOM",
			InitializationScripts: []studio.StudioComponentInitializationScript{script("LINUX", "SYSTEM", "tool system")},
		},
	} {
		req.StudioID = w.studioID
		a, err := w.CreateStudioComponent(t.Context(), admin, &req)
		must(t, err)
		ids = append(ids, w.theComponent(t, a.StudioComponent.StudioComponentID).StudioComponentID)
	}
	_, err := w.UpdateLaunchProfile(t.Context(), admin, &studio.UpdateLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, StudioComponentIDs: ids})
	must(t, err)
	w.theProfile(t, w.profileID)
	return w, ids
}

func (w *world) initialize(t *testing.T, p studio.Principal, platform string, change func(*studio.GetLaunchProfileInitializationRequest)) (*studio.LaunchProfileInitialization, error) {
	t.Helper()
	req := &studio.GetLaunchProfileInitializationRequest{
		StudioID: w.studioID, LaunchProfileID: w.profileID, LaunchProfileProtocolVersions: []string{"2030-01-01", "2021-03-31"},
		LaunchPurpose: "STREAMING_SESSION", Platform: platform,
	}
	if change != nil {
		change(req)
	}
	a, err := w.GetLaunchProfileInitialization(t.Context(), p, req)
	if err != nil {
		return nil, err
	}
	return a.LaunchProfileInitialization, nil
}

func TestInitialization(t *testing.T) {
	t.Parallel()
	w, ids := joined(t)
	farm := studio.LaunchProfileInitializationScript{
		RuntimeRoleARN: role, SecureInitializationRoleARN: role + "2", StudioComponentID: ids[1], StudioComponentName: "farm",
	}
	with := func(s studio.LaunchProfileInitializationScript, text string) studio.LaunchProfileInitializationScript {
		s.Script = text
		return s
	}
	want := &studio.LaunchProfileInitialization{
		LaunchProfileID: w.profileID, Name: "Desktop", Platform: "LINUX", LaunchPurpose: "STREAMING_SESSION", LaunchProfileProtocolVersion: "2021-03-31",
		EC2SecurityGroupIDs: []string{"sg-1", "sg-2", "sg-3"},
		ActiveDirectory: &studio.LaunchProfileInitializationActiveDirectory{
			ComputerAttributes: []studio.ActiveDirectoryComputerAttribute{{Name: "a", Value: "b"}}, DirectoryID: "d-1", DNSIPAddresses: []string{},
			OrganizationalUnitDistinguishedName: "OU=x", StudioComponentID: ids[0], StudioComponentName: "ad",
		},
		SystemInitializationScripts: []studio.LaunchProfileInitializationScript{
			with(farm, "export FARM='it'\\''s'\nfarm system"), {Script: "tool system", StudioComponentID: ids[2], StudioComponentName: "tool"},
		},
		UserInitializationScripts: []studio.LaunchProfileInitializationScript{with(farm, "#!/bin/bash\nexport FARM='it'\\''s'\nfarm user")},
	}
	got, err := w.initialize(t, artist, "linux", nil)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	want.Platform, want.UserInitializationScripts = "WINDOWS", []studio.LaunchProfileInitializationScript{}
	want.SystemInitializationScripts = []studio.LaunchProfileInitializationScript{with(farm, "$Env:FARM = 'it''s'\nfarm windows")}
	got, err = w.initialize(t, artist, "WINDOWS", nil)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	for code, change := range map[string]func(*studio.GetLaunchProfileInitializationRequest){
		studio.CodeCombination: func(r *studio.GetLaunchProfileInitializationRequest) {
			r.LaunchProfileProtocolVersions = []string{"2030-01-01"}
		},
		studio.CodeEnum:    func(r *studio.GetLaunchProfileInitializationRequest) { r.Platform = "BSD" },
		studio.CodePattern: func(r *studio.GetLaunchProfileInitializationRequest) { r.LaunchPurpose = "to render" },
		studio.CodeLength: func(r *studio.GetLaunchProfileInitializationRequest) {
			r.LaunchPurpose = strings.Repeat("A", 65)
		},
	} {
		_, err := w.initialize(t, artist, "LINUX", change)
		wants(t, err, studio.Validation, code)
	}
	_, err = w.initialize(t, other, "LINUX", nil)
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	_, err = w.UpdateLaunchProfile(t.Context(), admin, &studio.UpdateLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	must(t, err)
	_, err = w.initialize(t, artist, "LINUX", nil)
	wants(t, err, studio.Conflict, studio.CodeState)
}

// TestParametersReachScripts lets a real shell read what values may hold.
func TestParametersReachScripts(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	w := setup(t)
	for _, value := range []string{
		"plain", "two words", "it's", "''", "'; touch /tmp/x; '", "$HOME `id` $(id) \\", "\"quoted\"", "*", "a\nb", "\t", "ü ‘x’", "!history", "-n", "#",
	} {
		for _, first := range []string{"", "#!/bin/sh\n"} {
			_, err := w.UpdateStudioComponent(t.Context(), admin, &studio.UpdateStudioComponentRequest{
				StudioID: w.studioID, StudioComponentID: w.componentID,
				ScriptParameters:      []studio.ScriptParameterKeyValue{{Key: "VALUE", Value: value}, {Key: "LAST", Value: "last"}},
				InitializationScripts: []studio.StudioComponentInitializationScript{script("LINUX", "SYSTEM", first+`printf '%s|%s' "$VALUE" "$LAST"`)},
			})
			must(t, err)
			w.theComponent(t, w.componentID)
			i, err := w.initialize(t, artist, "LINUX", nil)
			must(t, err)
			run := exec.CommandContext(t.Context(), shell)
			run.Stdin = strings.NewReader(i.SystemInitializationScripts[0].Script)
			out, err := run.Output()
			must(t, err)
			if string(out) != value+"|last" {
				t.Errorf("%q became %q", value, out)
			}
		}
	}
}

// TestParametersReachOtherInterpreters: those cannot set variables as a shell does.
func TestParametersReachOtherInterpreters(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"/usr/bin/perl", "/bin/sh"} {
		if _, err := os.Stat(program); err != nil {
			t.Skipf("there is no %s", program)
		}
	}
	w := setup(t)
	const value = "it's \"a\nb\" END"
	for _, first := range []string{"#!/usr/bin/perl", "#! /usr/bin/perl -w", "#!/usr/bin/env perl"} {
		_, err := w.UpdateStudioComponent(t.Context(), admin, &studio.UpdateStudioComponentRequest{
			StudioID: w.studioID, StudioComponentID: w.componentID,
			ScriptParameters:      []studio.ScriptParameterKeyValue{{Key: "VALUE", Value: value}},
			InitializationScripts: []studio.StudioComponentInitializationScript{script("LINUX", "SYSTEM", first+"\nprint $ENV{VALUE}, '|$END', \"\\n\";\n# END\nEND { print 'end' }")},
		})
		must(t, err)
		w.theComponent(t, w.componentID)
		i, err := w.initialize(t, artist, "LINUX", nil)
		must(t, err)
		file := filepath.Join(t.TempDir(), "script")
		must(t, os.WriteFile(file, []byte(i.SystemInitializationScripts[0].Script), 0o700))
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", `exec "$0"`, file).CombinedOutput()
		if err != nil || string(out) != value+"|$END\nend" {
			t.Errorf("%s: %v: %q", first, err, out)
		}
	}
}

func TestDetails(t *testing.T) {
	t.Parallel()
	w, ids := joined(t)
	a, err := w.GetLaunchProfileDetails(t.Context(), artist, &studio.GetLaunchProfileDetailsRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	must(t, err)
	profile := w.theProfile(t, w.profileID)
	if diff := cmp.Diff(&profile, a.LaunchProfile) + cmp.Diff([]studio.StreamingImage{w.theImage(t, w.imageID)}, a.StreamingImages); diff != "" {
		t.Error(diff)
	}
	var got []string
	for _, c := range a.StudioComponentSummaries {
		got = append(got, c.StudioComponentID)
	}
	if diff := cmp.Diff(ids, got); diff != "" || a.StudioComponentSummaries[1].Name != "farm" || a.StudioComponentSummaries[1].Type != "COMPUTE_FARM" {
		t.Errorf("%+v %s", a.StudioComponentSummaries, diff)
	}
	_, err = w.GetLaunchProfileDetails(t.Context(), other, &studio.GetLaunchProfileDetailsRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	_, err = w.GetLaunchProfileDetails(t.Context(), admin, &studio.GetLaunchProfileDetailsRequest{StudioID: w.studioID, LaunchProfileID: "nothing"})
	wants(t, err, studio.NotFound, studio.CodeNotFound)
}
