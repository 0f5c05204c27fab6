package studio_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/studio"
)

// shown is what all things of the catalogue show of their lives.
type shown struct {
	State studio.State
	Code  studio.StatusCode
	Name  string
}

func ofStudio(s studio.Studio) shown             { return shown{s.State, s.StatusCode, s.DisplayName} }
func ofComponent(c studio.StudioComponent) shown { return shown{c.State, c.StatusCode, c.Name} }
func ofImage(i studio.StreamingImage) shown      { return shown{i.State, i.StatusCode, i.Name} }
func ofProfile(f studio.LaunchProfile) shown     { return shown{f.State, f.StatusCode, f.Name} }

// thing is one kind of the catalogue, as a test changes it.
type thing struct {
	get    func() shown
	update func(name, token string) (shown, error)
	remove func(token string) (shown, error)
	// prefix begins its codes; updated is the code of READY after an update.
	prefix  string
	updated studio.StatusCode
}

// things are one of each kind that nothing else uses.
func (w *world) things(t *testing.T) map[string]thing {
	t.Helper()
	ctx := t.Context()
	st := w.newStudio(t, &studio.CreateStudioRequest{StudioName: "empty", DisplayName: "old", AdminRoleARN: role, UserRoleARN: role}).StudioID
	component := w.newComponent(t, "old", "CUSTOM").StudioComponentID
	image := w.newImage(t, hostAMI).StreamingImageID
	profile := w.newProfile(t, ctx)
	return map[string]thing{
		"studio": {
			func() shown { return ofStudio(w.theStudio(t, st)) },
			func(name, token string) (shown, error) {
				a, err := w.UpdateStudio(ctx, admin, &studio.UpdateStudioRequest{StudioID: st, DisplayName: &name, ClientToken: token})
				if err != nil {
					return shown{}, err
				}
				return ofStudio(a.Studio), nil
			},
			func(token string) (shown, error) {
				a, err := w.DeleteStudio(ctx, admin, &studio.DeleteStudioRequest{StudioID: st, ClientToken: token})
				if err != nil {
					return shown{}, err
				}
				return ofStudio(a.Studio), nil
			},
			"STUDIO_", "STUDIO_UPDATED",
		},
		"component": {
			func() shown { return ofComponent(w.theComponent(t, component)) },
			func(name, token string) (shown, error) {
				a, err := w.UpdateStudioComponent(ctx, admin, &studio.UpdateStudioComponentRequest{
					StudioID: w.studioID, StudioComponentID: component, Name: &name, ClientToken: token,
				})
				if err != nil {
					return shown{}, err
				}
				return ofComponent(*a.StudioComponent), nil
			},
			func(token string) (shown, error) {
				a, err := w.DeleteStudioComponent(ctx, admin, &studio.DeleteStudioComponentRequest{
					StudioID: w.studioID, StudioComponentID: component, ClientToken: token,
				})
				if err != nil {
					return shown{}, err
				}
				return ofComponent(*a.StudioComponent), nil
			},
			"STUDIO_COMPONENT_", "STUDIO_COMPONENT_UPDATED",
		},
		"image": {
			func() shown { return ofImage(w.theImage(t, image)) },
			func(name, token string) (shown, error) {
				a, err := w.UpdateStreamingImage(ctx, admin, &studio.UpdateStreamingImageRequest{
					StudioID: w.studioID, StreamingImageID: image, Name: &name, ClientToken: token,
				})
				if err != nil {
					return shown{}, err
				}
				return ofImage(*a.StreamingImage), nil
			},
			func(token string) (shown, error) {
				a, err := w.DeleteStreamingImage(ctx, admin, &studio.DeleteStreamingImageRequest{
					StudioID: w.studioID, StreamingImageID: image, ClientToken: token,
				})
				if err != nil {
					return shown{}, err
				}
				return ofImage(*a.StreamingImage), nil
			},
			"STREAMING_IMAGE_", "STREAMING_IMAGE_READY",
		},
		"profile": {
			func() shown { return ofProfile(w.theProfile(t, profile)) },
			func(name, token string) (shown, error) {
				a, err := w.UpdateLaunchProfile(ctx, admin, &studio.UpdateLaunchProfileRequest{
					StudioID: w.studioID, LaunchProfileID: profile, Name: &name, ClientToken: token,
				})
				if err != nil {
					return shown{}, err
				}
				return ofProfile(*a.LaunchProfile), nil
			},
			func(token string) (shown, error) {
				a, err := w.DeleteLaunchProfile(ctx, admin, &studio.DeleteLaunchProfileRequest{
					StudioID: w.studioID, LaunchProfileID: profile, ClientToken: token,
				})
				if err != nil {
					return shown{}, err
				}
				return ofProfile(*a.LaunchProfile), nil
			},
			"LAUNCH_PROFILE_", "LAUNCH_PROFILE_UPDATED",
		},
	}
}

func TestLifeOfTheCatalogue(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, a := range w.things(t) {
		// What is being changed shows and keeps its old content until the end.
		old := a.get().Name
		got, err := a.update("new", "u")
		must(t, err)
		under := shown{studio.UpdateInProgress, studio.StatusCode(a.prefix) + "UPDATE_IN_PROGRESS", old}
		if got != under {
			t.Errorf("%s: %+v, want %+v", name, got, under)
		}
		again, err := a.update("new", "u")
		must(t, err)
		if again != under {
			t.Errorf("%s again: %+v", name, again)
		}
		_, err = a.update("other", "u")
		wants(t, err, studio.Validation, studio.CodeClientToken)
		_, err = a.update("other", "")
		wants(t, err, studio.Conflict, studio.CodeState)
		_, err = a.remove("")
		wants(t, err, studio.Conflict, studio.CodeState)
		if got, want := a.get(), (shown{studio.Ready, a.updated, "new"}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}

		got, err = a.remove("d")
		must(t, err)
		if want := (shown{studio.DeleteInProgress, studio.StatusCode(a.prefix) + "DELETE_IN_PROGRESS", "new"}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		_, err = a.remove("")
		wants(t, err, studio.Conflict, studio.CodeState)
		gone := shown{studio.Deleted, studio.StatusCode(a.prefix) + "DELETED", "new"}
		if got := a.get(); got != gone {
			t.Errorf("%s: %+v, want %+v", name, got, gone)
		}
		// The tombstone can be asked for, but neither changed nor deleted.
		again, err = a.remove("d")
		must(t, err)
		if again != gone {
			t.Errorf("%s: %+v, want %+v", name, again, gone)
		}
		_, err = a.remove("")
		wants(t, err, studio.NotFound, studio.CodeNotFound)
		_, err = a.update("x", "")
		wants(t, err, studio.NotFound, studio.CodeNotFound)
	}
}

func TestUpdateReplacesWhatIsGiven(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	script := studio.StudioComponentInitializationScript{
		LaunchProfileProtocolVersion: "2021-03-31", Platform: "LINUX", RunContext: "USER_INITIALIZATION", Script: "true",
	}
	made, err := w.CreateStudioComponent(ctx, admin, &studio.CreateStudioComponentRequest{
		StudioID: w.studioID, Name: "farm", Type: "COMPUTE_FARM", Description: new("old"), EC2SecurityGroupIDs: []string{"sg-1"},
		InitializationScripts: []studio.StudioComponentInitializationScript{script}, Tags: map[string]string{"a": "b"},
		ScriptParameters: []studio.ScriptParameterKeyValue{{Key: "KEY", Value: "value"}},
		Configuration:    &studio.StudioComponentConfiguration{ComputeFarmConfiguration: &studio.ComputeFarmConfiguration{Endpoint: "farm"}},
	})
	must(t, err)
	before := w.theComponent(t, made.StudioComponent.StudioComponentID)
	id := before.StudioComponentID
	update := func(req studio.UpdateStudioComponentRequest) (studio.StudioComponent, error) {
		req.StudioID, req.StudioComponentID = w.studioID, id
		_, err := w.UpdateStudioComponent(ctx, admin, &req)
		return w.theComponent(t, id), err
	}
	w.clock.advance(time.Minute)
	want := before
	want.StatusCode, want.StatusMessage, want.UpdatedAt = "STUDIO_COMPONENT_UPDATED", "The studio component is changed and ready.", w.clock.Now()
	got, err := update(studio.UpdateStudioComponentRequest{})
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	want.Description, want.EC2SecurityGroupIDs, want.ScriptParameters = "", []string{}, []studio.ScriptParameterKeyValue{{Key: "OTHER", Value: "x"}}
	got, err = update(studio.UpdateStudioComponentRequest{Description: new(""), EC2SecurityGroupIDs: []string{}, ScriptParameters: want.ScriptParameters})
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// What is left must fit together.
	_, err = update(studio.UpdateStudioComponentRequest{Type: new("LICENSE_SERVICE")})
	wants(t, err, studio.Validation, studio.CodeCombination)
	want.Type, want.Configuration = "LICENSE_SERVICE", &studio.StudioComponentConfiguration{}
	got, err = update(studio.UpdateStudioComponentRequest{Type: &want.Type, Configuration: want.Configuration})
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// Tags given meanwhile stay.
	_, err = w.UpdateStudioComponent(ctx, admin, &studio.UpdateStudioComponentRequest{StudioID: w.studioID, StudioComponentID: id, Name: new("tagged")})
	must(t, err)
	_, err = w.TagResource(ctx, admin, &studio.TagResourceRequest{ResourceARN: before.ARN, Tags: map[string]string{"new": "tag"}})
	must(t, err)
	if c := w.theComponent(t, id); c.Name != "tagged" || c.Tags["new"] != "tag" || c.Tags["a"] != "b" {
		t.Errorf("%+v", c)
	}
}

func TestRefusedUpdatesLeaveTheOldContent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()

	for code, bad := range map[studio.StatusCode]string{
		"ROLE_COULD_NOT_BE_ASSUMED": "a role", "ROLE_NOT_OWNED_BY_STUDIO_OWNER": "arn:aws:iam::999999999999:role/x",
	} {
		_, err := w.UpdateStudio(ctx, admin, &studio.UpdateStudioRequest{StudioID: w.studioID, DisplayName: new("New"), UserRoleARN: &bad})
		must(t, err)
		if s := w.theStudio(t, w.studioID); s.State != studio.UpdateFailed || s.StatusCode != code || s.DisplayName != "Demo" || s.UserRoleARN != role {
			t.Errorf("%s: %+v", code, s)
		}
		w.newComponent(t, "in a studio whose update failed", "CUSTOM")
	}
	_, err := w.UpdateStudio(ctx, admin, &studio.UpdateStudioRequest{StudioID: w.studioID, DisplayName: new("New"), UserRoleARN: new(role + "2")})
	must(t, err)
	if s := w.theStudio(t, w.studioID); s.State != studio.Ready || s.DisplayName != "New" || s.UserRoleARN != role+"2" || s.AdminRoleARN != role {
		t.Errorf("%+v", s)
	}

	w.newComponent(t, "ad", "ACTIVE_DIRECTORY")
	_, err = w.UpdateStudioComponent(ctx, admin, &studio.UpdateStudioComponentRequest{StudioID: w.studioID, StudioComponentID: w.componentID, Type: new("ACTIVE_DIRECTORY")})
	must(t, err)
	if c := w.theComponent(t, w.componentID); c.State != studio.UpdateFailed || c.StatusCode != "ACTIVE_DIRECTORY_ALREADY_EXISTS" || c.Type != "CUSTOM" {
		t.Errorf("%+v", c)
	}

	for code, change := range map[studio.StatusCode]func(*studio.StreamConfigurationCreate){
		"STREAMING_IMAGE_NOT_FOUND": func(c *studio.StreamConfigurationCreate) { c.StreamingImageIDs = []string{"nothing"} },
		"STREAMING_IMAGE_NOT_READY": func(c *studio.StreamConfigurationCreate) {
			pending, err := w.CreateStreamingImage(ctx, admin, &studio.CreateStreamingImageRequest{StudioID: w.studioID, Name: "i", EC2ImageID: hostAMI})
			must(t, err)
			c.StreamingImageIDs = []string{pending.StreamingImage.StreamingImageID}
		},
		"INVALID_INSTANCE_TYPES_PROVIDED": func(c *studio.StreamConfigurationCreate) { c.EC2InstanceTypes = []string{"g3.4xlarge"} },
	} {
		before := w.theProfile(t, w.profileID)
		stream := w.profile().StreamConfiguration
		change(&stream)
		_, err = w.UpdateLaunchProfile(ctx, admin, &studio.UpdateLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, StreamConfiguration: &stream})
		must(t, err)
		after := w.theProfile(t, w.profileID)
		if after.State != studio.UpdateFailed || after.StatusCode != code {
			t.Errorf("%s: %+v", code, after)
		}
		if diff := cmp.Diff(before.StreamConfiguration, after.StreamConfiguration) + cmp.Diff(before.ValidationResults, after.ValidationResults); diff != "" {
			t.Errorf("%s: %s", code, diff)
		}
		if s := w.launch(t); s.State != studio.Ready { // the old content can be used
			t.Errorf("%s: %+v", code, s)
		}
	}
	for name, req := range map[string]studio.UpdateLaunchProfileRequest{
		"versions":   {LaunchProfileProtocolVersions: []string{}},
		"stream":     {StreamConfiguration: &studio.StreamConfigurationCreate{ClipboardMode: "ENABLED", EC2InstanceTypes: []string{"g5.xlarge"}, StreamingImageIDs: []string{w.imageID}, MaxSessionLengthInMinutes: 1, AutomaticTerminationMode: "ACTIVATED"}},
		"components": {StudioComponentIDs: []string{"nothing"}},
	} {
		req.StudioID, req.LaunchProfileID = w.studioID, w.profileID
		if _, err := w.UpdateLaunchProfile(ctx, admin, &req); studio.KindOf(err) != studio.Validation {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeletionOfWhatIsInUse(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	deleteComponent := func() error {
		_, err := w.DeleteStudioComponent(ctx, admin, &studio.DeleteStudioComponentRequest{StudioID: w.studioID, StudioComponentID: w.componentID})
		return err
	}
	deleteImage := func() error {
		_, err := w.DeleteStreamingImage(ctx, admin, &studio.DeleteStreamingImageRequest{StudioID: w.studioID, StreamingImageID: w.imageID})
		return err
	}
	deleteProfile := func() studio.LaunchProfile {
		_, err := w.DeleteLaunchProfile(ctx, admin, &studio.DeleteLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
		must(t, err)
		return w.theProfile(t, w.profileID)
	}
	deleteStudio := func() studio.Studio {
		_, err := w.DeleteStudio(ctx, admin, &studio.DeleteStudioRequest{StudioID: w.studioID})
		must(t, err)
		return w.theStudio(t, w.studioID)
	}
	blocked := func(code studio.StatusCode) {
		t.Helper()
		if s := deleteStudio(); s.State != studio.DeleteFailed || s.StatusCode != code {
			t.Errorf("studio: %s %s, want %s", s.State, s.StatusCode, code)
		}
	}
	s := w.launch(t)
	blocked("STUDIO_WITH_LAUNCH_PROFILES_NOT_DELETED")
	if f := deleteProfile(); f.State != studio.DeleteFailed || f.StatusCode != "LAUNCH_PROFILE_WITH_STREAM_SESSIONS_NOT_DELETED" {
		t.Errorf("profile: %+v", f)
	}
	w.launch(t) // what could not be deleted can be used
	wants(t, deleteComponent(), studio.Conflict, studio.CodeInUse)
	wants(t, deleteImage(), studio.Conflict, studio.CodeInUse)

	all, err := w.ListStreamingSessions(ctx, admin, &studio.ListStreamingSessionsRequest{StudioID: w.studioID})
	must(t, err)
	for _, s := range all.Sessions {
		_, err := w.DeleteStreamingSession(ctx, admin, &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
		must(t, err)
	}
	w.settle(t, ctx)
	if s := w.get(t, s.SessionID); s.State != studio.Deleted {
		t.Fatalf("session: %+v", s)
	}
	if f := deleteProfile(); f.State != studio.Deleted {
		t.Errorf("profile: %+v", f)
	}
	_, err = w.GetLaunchProfileMember(ctx, admin, &studio.GetLaunchProfileMemberRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, PrincipalID: artist.ID})
	wants(t, err, studio.NotFound, studio.CodeNotFound)

	blocked("STUDIO_WITH_STUDIO_COMPONENTS_NOT_DELETED")
	must(t, deleteComponent())
	if c := w.theComponent(t, w.componentID); c.State != studio.Deleted {
		t.Errorf("component: %+v", c)
	}
	blocked("STUDIO_WITH_STREAMING_IMAGES_NOT_DELETED")
	must(t, deleteImage())
	if i := w.theImage(t, w.imageID); i.State != studio.Deleted {
		t.Errorf("image: %+v", i)
	}
	w.newImage(t, "ami-nothing") // what was never made holds nothing up
	w.makeBoss(t)
	if s := deleteStudio(); s.State != studio.Deleted || s.StatusCode != "STUDIO_DELETED" {
		t.Errorf("studio: %+v", s)
	}
	_, err = w.GetStudioMember(ctx, admin, &studio.GetStudioMemberRequest{StudioID: w.studioID, PrincipalID: boss.ID})
	wants(t, err, studio.NotFound, studio.CodeNotFound)
	// Its name is free, and it is forgotten after a day.
	w.newStudio(t, &studio.CreateStudioRequest{StudioName: "demo", AdminRoleARN: role, UserRoleARN: role})
	w.clock.advance(24 * time.Hour)
	w.settle(t, ctx)
	_, err = w.GetStudio(ctx, admin, &studio.GetStudioRequest{StudioID: w.studioID})
	wants(t, err, studio.NotFound, studio.CodeNotFound)
}

// makeBoss makes the boss an administrator of the world's studio.
func (w *world) makeBoss(t *testing.T) {
	t.Helper()
	_, err := w.PutStudioMembers(t.Context(), admin, &studio.PutStudioMembersRequest{
		StudioID: w.studioID, IdentityStoreID: identity, Members: []studio.NewStudioMember{{Persona: "ADMINISTRATOR", PrincipalID: boss.ID}},
	})
	must(t, err)
}

func TestAChangeUnderWayHoldsWhatItNames(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	c := w.newComponent(t, "next", "CUSTOM").StudioComponentID
	_, err := w.UpdateLaunchProfile(ctx, admin, &studio.UpdateLaunchProfileRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, StudioComponentIDs: []string{c}})
	must(t, err)
	for _, id := range []string{c, w.componentID} {
		_, err = w.DeleteStudioComponent(ctx, admin, &studio.DeleteStudioComponentRequest{StudioID: w.studioID, StudioComponentID: id})
		wants(t, err, studio.Conflict, studio.CodeInUse)
	}
	_, err = w.CreateStreamingSession(ctx, artist, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	wants(t, err, studio.Conflict, studio.CodeState)
	w.theProfile(t, w.profileID)
	_, err = w.DeleteStudioComponent(ctx, admin, &studio.DeleteStudioComponentRequest{StudioID: w.studioID, StudioComponentID: w.componentID})
	must(t, err)
	_, err = w.CreateStreamingSession(ctx, artist, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID})
	must(t, err)
}

// TestWhatWasNeverMade can be cleaned up before its time, so that it takes no
// part of a quota.
func TestWhatWasNeverMade(t *testing.T) {
	t.Parallel()
	w := open(t, t, t.TempDir(), func(c *studio.Config) { c.Quotas.StreamingImages = 2 })
	w.furnish(t, t.Context())
	bad := w.newImage(t, "ami-nothing").StreamingImageID
	_, err := w.CreateStreamingImage(t.Context(), admin, &studio.CreateStreamingImageRequest{StudioID: w.studioID, Name: "x", EC2ImageID: hostAMI})
	wants(t, err, studio.QuotaExceeded, studio.CodeQuota)
	_, err = w.UpdateStreamingImage(t.Context(), admin, &studio.UpdateStreamingImageRequest{StudioID: w.studioID, StreamingImageID: bad, Name: new("x")})
	wants(t, err, studio.NotFound, studio.CodeNotFound)
	a, err := w.DeleteStreamingImage(t.Context(), admin, &studio.DeleteStreamingImageRequest{StudioID: w.studioID, StreamingImageID: bad})
	must(t, err)
	if i := a.StreamingImage; i.State != studio.Deleted || i.StatusCode != "STREAMING_IMAGE_DELETED" {
		t.Errorf("%+v", i)
	}
	w.newImage(t, hostAMI)
}

func TestKeysOfStudios(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for arn, want := range map[string]shown{
		"arn:aws:kms:us-west-2:" + account + ":key/1":  {State: studio.Ready, Code: "STUDIO_CREATED"},
		"arn:aws:s3:::bucket":                          {State: studio.CreateFailed, Code: "ENCRYPTION_KEY_NOT_FOUND"},
		"arn:aws:kms:us-west-2:999999999999:alias/two": {State: studio.CreateFailed, Code: "ENCRYPTION_KEY_ACCESS_DENIED"},
	} {
		s := w.newStudio(t, &studio.CreateStudioRequest{
			StudioName: "keyed", AdminRoleARN: role, UserRoleARN: role,
			StudioEncryptionConfiguration: &studio.StudioEncryptionConfiguration{KeyType: "CUSTOMER_MANAGED_KEY", KeyARN: arn},
		})
		if got := ofStudio(s); got != want {
			t.Errorf("%s: %+v, want %+v", arn, got, want)
		}
		_, err := w.DeleteStudio(t.Context(), admin, &studio.DeleteStudioRequest{StudioID: s.StudioID})
		must(t, err)
		w.theStudio(t, s.StudioID)
	}
}

// blind are machine images that cannot be looked at for some time.
type blind struct {
	images
	times *int
}

func (b blind) Platform(ctx context.Context, id string) (string, bool, error) {
	if *b.times > 0 {
		*b.times--
		return "", false, errors.New("blind")
	}
	if id == "ami-windows" {
		return "WINDOWS", true, nil
	}
	return b.images.Platform(ctx, id)
}

func TestExaminationOfImages(t *testing.T) {
	t.Parallel()
	times := 0
	w := open(t, t, t.TempDir(), func(c *studio.Config) { c.Images = blind{times: &times} })
	w.furnish(t, t.Context())
	create := func(ami string) studio.StreamingImage {
		a, err := w.CreateStreamingImage(t.Context(), admin, &studio.CreateStreamingImageRequest{StudioID: w.studioID, Name: "i", EC2ImageID: ami})
		must(t, err)
		w.settle(t, t.Context())
		return w.theImage(t, a.StreamingImage.StreamingImageID)
	}
	if i := create("ami-windows"); i.State != studio.CreateFailed || i.StatusCode != "ACCESS_DENIED" || i.Platform != "WINDOWS" {
		t.Errorf("for Windows: %+v", i)
	}
	times = 3
	if i := create(hostAMI); i.State != studio.Ready || i.StatusCode != "STREAMING_IMAGE_READY" || i.Platform != "LINUX" {
		t.Errorf("after some time: %+v", i)
	}
	times = 1000
	began := w.clock.Now()
	if i := create(hostAMI); i.State != studio.CreateFailed || i.StatusCode != "INTERNAL_ERROR" {
		t.Errorf("never: %+v", i)
	}
	if took := w.clock.Now().Sub(began); took > 2*time.Minute {
		t.Errorf("given up after %s", took)
	}
}

func TestStrictNetworks(t *testing.T) {
	t.Parallel()
	w := open(t, t, t.TempDir(), func(c *studio.Config) { c.StrictNetworks = true })
	w.furnish(t, t.Context())
	a, err := w.CreateLaunchProfile(t.Context(), admin, w.profile(func(r *studio.CreateLaunchProfileRequest) { r.EC2SubnetIDs = []string{"subnet-1"} }))
	must(t, err)
	if f := w.theProfile(t, a.LaunchProfile.LaunchProfileID); f.State != studio.CreateFailed || f.StatusCode != "INVALID_SUBNETS_PROVIDED" {
		t.Errorf("%+v", f)
	}
}

func TestRepair(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	repair := func() (studio.Studio, error) {
		a, err := w.StartStudioSSOConfigurationRepair(ctx, admin, &studio.StartStudioSSOConfigurationRepairRequest{StudioID: w.studioID})
		if err != nil {
			return studio.Studio{}, err
		}
		return a.Studio, nil
	}
	_, err := repair()
	wants(t, err, studio.Validation, studio.CodeHealthy)
	lost := w.theStudio(t, w.studioID).SSOClientID
	must(t, w.LoseClient(ctx, w.studioID))
	s, err := repair()
	must(t, err)
	if s.State != studio.UpdateInProgress || s.StatusCode != "AWS_SSO_CONFIGURATION_REPAIR_IN_PROGRESS" {
		t.Errorf("%+v", s)
	}
	_, err = repair()
	wants(t, err, studio.Conflict, studio.CodeState)
	if s := w.theStudio(t, w.studioID); s.State != studio.Ready || s.StatusCode != "AWS_SSO_CONFIGURATION_REPAIRED" || s.SSOClientID == "" || s.SSOClientID == lost {
		t.Errorf("%+v", s)
	}
	_, err = repair()
	wants(t, err, studio.Validation, studio.CodeHealthy)
}
