package studio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

func TestStreamConfigurationRules(t *testing.T) {
	t.Parallel()
	w := setup(t)
	volume := &studio.VolumeConfiguration{IOPS: 3000, Size: 100, Throughput: 125}
	const on, off = "ACTIVATED", "DEACTIVATED"
	for _, tt := range []struct {
		persistence, termination string
		stopped                  int
		volume                   *studio.VolumeConfiguration
		good                     bool
	}{
		{"", "", 0, nil, true},
		{off, "", 0, nil, true},
		{off, off, 0, nil, true},
		{on, "", 0, volume, true},
		{on, "", 0, nil, true},
		{on, off, 0, volume, true},
		{on, on, 0, volume, true},
		{on, on, 60, volume, true},
		{"", "", 0, volume, false},
		{off, off, 0, volume, false},
		{"", on, 0, nil, false},
		{off, on, 60, nil, false},
		{"", "", 60, nil, false},
		{off, off, 60, nil, false},
		{on, "", 60, volume, false},
		{on, off, 60, volume, false},
	} {
		req := w.profile(func(r *studio.CreateLaunchProfileRequest) {
			c := &r.StreamConfiguration
			c.SessionPersistenceMode, c.AutomaticTerminationMode = tt.persistence, tt.termination
			c.MaxStoppedSessionLengthInMinutes, c.VolumeConfiguration = tt.stopped, tt.volume
		})
		answer, err := w.CreateLaunchProfile(t.Context(), admin, req)
		if tt.good {
			must(t, err)
			if c := answer.LaunchProfile.StreamConfiguration; (c.VolumeConfiguration != nil) != (tt.persistence == on) {
				t.Errorf("%+v: volume configuration %+v", tt, c.VolumeConfiguration)
			}
			continue
		}
		wants(t, err, studio.Validation, studio.CodeCombination)
	}
}

// TestTagLimits holds tags to their limits before it is asked whether the thing
// exists.
func TestTagLimits(t *testing.T) {
	t.Parallel()
	w := setup(t)
	many := map[string]string{}
	for i := range 51 {
		many[fmt.Sprint(i)] = ""
	}
	for name, tags := range map[string]map[string]string{
		"too many":       many,
		"empty key":      {"": "x"},
		"long key":       {strings.Repeat("k", 129): "x"},
		"long value":     {"k": strings.Repeat("v", 257)},
		"reserved":       {"aws:x": "y"},
		"reserved, caps": {"AWS:x": "y"},
		"no text":        {"k": "\xff"},
		"zero in key":    {"k\x00": "x"},
		"zero in value":  {"k": "x\x00"},
	} {
		_, err := w.CreateStreamingSession(t.Context(), artist, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, Tags: tags})
		namesMember(t, name, err, "tags")
		_, err = w.TagResource(t.Context(), admin, &studio.TagResourceRequest{ResourceARN: w.ARN("launch-profile", "absent"), Tags: tags})
		namesMember(t, name, err, "tags")
	}
	_, err := w.CreateStreamingSession(t.Context(), artist, &studio.CreateStreamingSessionRequest{
		StudioID: w.studioID, LaunchProfileID: w.profileID, Tags: map[string]string{strings.Repeat("é", 128): strings.Repeat("é", 256)},
	})
	must(t, err)
}

func TestCreateStudioRules(t *testing.T) {
	t.Parallel()
	w := setup(t)
	request := func(name string) *studio.CreateStudioRequest {
		return &studio.CreateStudioRequest{StudioName: name, AdminRoleARN: role, UserRoleARN: role}
	}
	_, err := w.CreateStudio(t.Context(), admin, request("demo"))
	wants(t, err, studio.Conflict, studio.CodeTaken)
	_, err = w.CreateStudio(t.Context(), artist, request("mine"))
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)

	foreign := request("foreign")
	foreign.UserRoleARN = "arn:aws:iam::999999999999:role/x"
	if s := w.newStudio(t, foreign); s.State != studio.CreateFailed || s.StatusCode != "ROLE_NOT_OWNED_BY_STUDIO_OWNER" {
		t.Errorf("foreign role: %+v", s)
	}
	// What failed does not keep its name.
	if s := w.newStudio(t, request("foreign")); s.State != studio.Ready || s.StatusCode != "STUDIO_CREATED" || s.StudioEncryptionConfiguration.KeyType != "AWS_OWNED_KEY" ||
		!strings.HasPrefix(s.StudioID, region+":stid-") || s.ARN != "arn:aws:nimble:"+region+":"+account+":studio/"+strings.TrimPrefix(s.StudioID, region+":") {
		t.Errorf("studio: %+v", s)
	}
	for _, c := range []studio.StudioEncryptionConfiguration{
		{KeyType: "CUSTOMER_MANAGED_KEY"}, {KeyType: "AWS_OWNED_KEY", KeyARN: "arn:aws:kms:x"},
	} {
		req := request("locked")
		req.StudioEncryptionConfiguration = &c
		_, err = w.CreateStudio(t.Context(), admin, req)
		wants(t, err, studio.Validation, studio.CodeCombination)
	}
}

func TestComponentRules(t *testing.T) {
	t.Parallel()
	w := setup(t)
	script := studio.StudioComponentInitializationScript{
		LaunchProfileProtocolVersion: "2021-03-31", Platform: "LINUX", RunContext: "SYSTEM_INITIALIZATION", Script: "true",
	}
	again := script
	again.Script = "false"
	for name, tt := range map[string]struct {
		change func(*studio.CreateStudioComponentRequest)
		good   bool
	}{
		"plain":              {func(*studio.CreateStudioComponentRequest) {}, true},
		"subtype":            {func(r *studio.CreateStudioComponentRequest) { r.Subtype = new("CUSTOM") }, true},
		"subtype of another": {func(r *studio.CreateStudioComponentRequest) { r.Subtype = new("AMAZON_FSX_FOR_LUSTRE") }, false},
		"configuration": {func(r *studio.CreateStudioComponentRequest) {
			r.Type = "COMPUTE_FARM"
			r.Configuration = &studio.StudioComponentConfiguration{ComputeFarmConfiguration: &studio.ComputeFarmConfiguration{Endpoint: "farm"}}
		}, true},
		"configuration of another": {func(r *studio.CreateStudioComponentRequest) {
			r.Configuration = &studio.StudioComponentConfiguration{ComputeFarmConfiguration: &studio.ComputeFarmConfiguration{}}
		}, false},
		"script": {func(r *studio.CreateStudioComponentRequest) {
			r.InitializationScripts = append(r.InitializationScripts, script)
		}, true},
		"script twice": {func(r *studio.CreateStudioComponentRequest) {
			r.InitializationScripts = append(r.InitializationScripts, script, again)
		}, false},
		"half a script": {func(r *studio.CreateStudioComponentRequest) {
			r.InitializationScripts = append(r.InitializationScripts, studio.StudioComponentInitializationScript{Script: "x"})
		}, false},
		"key twice": {func(r *studio.CreateStudioComponentRequest) {
			r.ScriptParameters = []studio.ScriptParameterKeyValue{{Key: "KEY", Value: "a"}, {Key: "KEY", Value: "b"}}
		}, false},
	} {
		req := &studio.CreateStudioComponentRequest{StudioID: w.studioID, Name: "c", Type: "CUSTOM"}
		tt.change(req)
		_, err := w.CreateStudioComponent(t.Context(), admin, req)
		if tt.good && err != nil || !tt.good && studio.KindOf(err) != studio.Validation {
			t.Errorf("%s: %v", name, err)
		}
	}

	first, second := w.newComponent(t, "ad", "ACTIVE_DIRECTORY"), w.newComponent(t, "ad", "ACTIVE_DIRECTORY")
	if first.State != studio.Ready || second.StatusCode != "ACTIVE_DIRECTORY_ALREADY_EXISTS" {
		t.Errorf("directories: %+v and %+v", first, second)
	}
}

func TestLaunchProfileReferences(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, err := w.CreateLaunchProfile(t.Context(), admin, w.profile(func(r *studio.CreateLaunchProfileRequest) { r.StudioComponentIDs = []string{"nothing"} }))
	wants(t, err, studio.Validation, studio.CodeReference)

	for code, change := range map[studio.StatusCode]func(*studio.CreateLaunchProfileRequest){
		"STREAMING_IMAGE_NOT_FOUND": func(r *studio.CreateLaunchProfileRequest) {
			r.StreamConfiguration.StreamingImageIDs = []string{"nothing"}
		},
		"INVALID_INSTANCE_TYPES_PROVIDED": func(r *studio.CreateLaunchProfileRequest) {
			r.StreamConfiguration.EC2InstanceTypes = []string{"g3.4xlarge"}
		},
	} {
		answer, err := w.CreateLaunchProfile(t.Context(), admin, w.profile(change))
		must(t, err)
		f := w.theProfile(t, answer.LaunchProfile.LaunchProfileID)
		if f.State != studio.CreateFailed || f.StatusCode != code || f.StatusMessage == "" {
			t.Errorf("%s: %+v", code, f)
		}
		_, err = w.CreateStreamingSession(t.Context(), admin, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: f.LaunchProfileID})
		if studio.KindOf(err) != studio.Conflict {
			t.Errorf("launch from %s: %v", code, err)
		}
	}

	answer, err := w.GetLaunchProfile(t.Context(), artist, &studio.GetLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	must(t, err)
	f := answer.LaunchProfile
	if f.State != studio.Ready || f.StatusCode != "LAUNCH_PROFILE_CREATED" || len(f.ValidationResults) != 4 {
		t.Errorf("profile: %+v", f)
	}
	for _, r := range f.ValidationResults {
		if r.State != "VALIDATION_SUCCESS" || r.StatusMessage == "" {
			t.Errorf("%+v", r)
		}
	}

	if image := w.newImage(t, "ami-nothing"); image.State != studio.CreateFailed || image.StatusCode != "ACCESS_DENIED" {
		t.Errorf("image: %+v", image)
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	w := open(t, t, t.TempDir(), func(c *studio.Config) {
		c.Quotas = studio.Quotas{Studios: 1, Sessions: 2, LaunchProfiles: 1, StreamingImages: 1, Components: 3, SharedFileSystems: 1}
	})
	w.furnish(t, t.Context())
	full := func(err error, quota, value string) {
		t.Helper()
		wants(t, err, studio.QuotaExceeded, studio.CodeQuota)
		var e *studio.Error
		if asError(err, &e); e.Context["quota"] != quota || e.Context["value"] != value {
			t.Errorf("%v; want %s of %s", e.Context, value, quota)
		}
	}
	_, err := w.CreateStudio(t.Context(), admin, &studio.CreateStudioRequest{StudioName: "two", AdminRoleARN: role, UserRoleARN: role})
	full(err, "studios", "1")
	_, err = w.CreateLaunchProfile(t.Context(), admin, w.profile())
	full(err, "launch profiles of a studio", "1")
	_, err = w.CreateStreamingImage(t.Context(), admin, &studio.CreateStreamingImageRequest{StudioID: w.studioID, Name: "x", EC2ImageID: hostAMI})
	full(err, "streaming images of a studio", "1")
	component := &studio.CreateStudioComponentRequest{StudioID: w.studioID, Name: "c", Type: "SHARED_FILE_SYSTEM"}
	_, err = w.CreateStudioComponent(t.Context(), admin, component)
	must(t, err)
	_, err = w.CreateStudioComponent(t.Context(), admin, component)
	full(err, "shared file system components of a studio", "1")
	_, err = w.UpdateStudioComponent(t.Context(), admin, &studio.UpdateStudioComponentRequest{
		StudioID: w.studioID, StudioComponentID: w.componentID, Type: new("SHARED_FILE_SYSTEM"),
	})
	full(err, "shared file system components of a studio", "1")
	w.newComponent(t, "c", "CUSTOM")
	component.Type = "CUSTOM"
	_, err = w.CreateStudioComponent(t.Context(), admin, component)
	full(err, "studio components of a studio", "3")

	one := w.launch(t)
	w.launch(t)
	create := &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID}
	_, err = w.CreateStreamingSession(t.Context(), artist, create)
	full(err, "streaming sessions of a studio", "2")
	// A session counts until it is DELETED.
	_, err = w.DeleteStreamingSession(t.Context(), artist, &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: one.SessionID})
	must(t, err)
	_, err = w.CreateStreamingSession(t.Context(), artist, create)
	full(err, "streaming sessions of a studio", "2")
	w.settle(t, t.Context())
	_, err = w.CreateStreamingSession(t.Context(), artist, create)
	must(t, err)
}

// lost is a store that cannot be reached any more.
type lost struct{ studio.Store }

var errLost = errors.New("connection refused")

func (lost) Read(context.Context, func(studio.Tx) error) error             { return errLost }
func (lost) Write(context.Context, time.Time, func(studio.Tx) error) error { return errLost }

func TestLostStore(t *testing.T) {
	t.Parallel()
	w := open(t, t, t.TempDir(), func(c *studio.Config) { c.Store = lost{c.Store} })
	_, err := w.ListStudios(t.Context(), admin, &studio.ListStudiosRequest{})
	wants(t, err, studio.Internal, studio.CodeInternal)
	_, err = w.CreateStudio(t.Context(), admin, &studio.CreateStudioRequest{StudioName: "demo", AdminRoleARN: role, UserRoleARN: role})
	wants(t, err, studio.Internal, studio.CodeInternal)
	if !errors.Is(err, errLost) || strings.Contains(err.(*studio.Error).Message, errLost.Error()) { //nolint:errorlint // wants has looked
		t.Errorf("%v", err)
	}
}
