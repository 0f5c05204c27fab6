package studio_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/backlot/backlot/internal/access"
	"github.com/backlot/backlot/internal/studio"
)

func TestUsersReachTheirOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	s := w.launch(t)
	w.stop(t, s.SessionID, "RETAIN")
	backup := w.backups(t)[0].BackupID
	_, err := w.PutStudioMembers(ctx, admin, &studio.PutStudioMembersRequest{
		StudioID: w.studioID, IdentityStoreID: identity, Members: []studio.NewStudioMember{{Persona: "ADMINISTRATOR", PrincipalID: boss.ID}},
	})
	must(t, err)

	calls := map[string]func(p studio.Principal, sessionID, backupID string) error{
		"get": func(p studio.Principal, id, _ string) error {
			_, err := w.GetStreamingSession(ctx, p, &studio.GetStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
			return err
		},
		"stop": func(p studio.Principal, id, _ string) error {
			_, err := w.StopStreamingSession(ctx, p, &studio.StopStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
			return err
		},
		"start": func(p studio.Principal, id, backup string) error {
			_, err := w.StartStreamingSession(ctx, p, &studio.StartStreamingSessionRequest{StudioID: w.studioID, SessionID: id, BackupID: &backup})
			return err
		},
		"delete": func(p studio.Principal, id, _ string) error {
			_, err := w.DeleteStreamingSession(ctx, p, &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
			return err
		},
		"create stream": func(p studio.Principal, id, _ string) error {
			_, err := w.CreateStreamingSessionStream(ctx, p, &studio.CreateStreamingSessionStreamRequest{StudioID: w.studioID, SessionID: id})
			return err
		},
		"get stream": func(p studio.Principal, id, _ string) error {
			_, err := w.GetStreamingSessionStream(ctx, p, &studio.GetStreamingSessionStreamRequest{StudioID: w.studioID, SessionID: id, StreamID: "x"})
			return err
		},
		"get backup": func(p studio.Principal, _, id string) error {
			_, err := w.GetStreamingSessionBackup(ctx, p, &studio.GetStreamingSessionBackupRequest{StudioID: w.studioID, BackupID: id})
			return err
		},
	}
	for name, call := range calls {
		// What is another's and what does not exist look the same to a user.
		theirs, nothing := call(other, s.SessionID, backup), call(other, "nothing", "nothing")
		wants(t, theirs, studio.AccessDenied, studio.CodeNotAllowed)
		wants(t, nothing, studio.AccessDenied, studio.CodeNotAllowed)
		if theirs.Error() != nothing.Error() {
			t.Errorf("%s: %q differs from %q", name, theirs, nothing)
		}
		wants(t, call(admin, "nothing", "nothing"), studio.NotFound, studio.CodeNotFound)
		wants(t, call(boss, "nothing", "nothing"), studio.NotFound, studio.CodeNotFound)
		if name != "delete" && name != "start" {
			if err := call(boss, s.SessionID, backup); studio.KindOf(err) == studio.AccessDenied {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestUsersListTheirOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	w.launch(t)
	list := func(p studio.Principal, owner string) (int, error) {
		l, err := w.ListStreamingSessions(ctx, p, &studio.ListStreamingSessionsRequest{StudioID: w.studioID, OwnedBy: owner})
		return len(l.Sessions), err
	}
	for _, tt := range []struct {
		p     studio.Principal
		owner string
		n     int
		kind  studio.ErrorKind
	}{
		{artist, artist.ID, 1, ""},
		{artist, "", 0, studio.AccessDenied},
		{artist, other.ID, 0, studio.AccessDenied},
		{other, other.ID, 0, ""},
		{admin, "", 1, ""},
		{admin, other.ID, 0, ""},
	} {
		n, err := list(tt.p, tt.owner)
		if tt.kind == "" && (err != nil || n != tt.n) || tt.kind != "" && studio.KindOf(err) != tt.kind {
			t.Errorf("%s lists those of %q: %d, %v", tt.p.ID, tt.owner, n, err)
		}
	}

	mine, err := w.ListLaunchProfiles(ctx, artist, &studio.ListLaunchProfilesRequest{StudioID: w.studioID, PrincipalID: artist.ID})
	must(t, err)
	none, err := w.ListLaunchProfiles(ctx, other, &studio.ListLaunchProfilesRequest{StudioID: w.studioID, PrincipalID: other.ID})
	must(t, err)
	if len(mine.LaunchProfiles) != 1 || len(none.LaunchProfiles) != 0 {
		t.Errorf("profiles: %+v and %+v", mine, none)
	}
	_, err = w.ListLaunchProfiles(ctx, admin, &studio.ListLaunchProfilesRequest{StudioID: "us-west-2:stid-nothing"})
	wants(t, err, studio.NotFound, studio.CodeNotFound)
}

func TestWhoMayLaunch(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, err := w.PutStudioMembers(t.Context(), admin, &studio.PutStudioMembersRequest{
		StudioID: w.studioID, IdentityStoreID: identity, Members: []studio.NewStudioMember{{Persona: "ADMINISTRATOR", PrincipalID: boss.ID}},
	})
	must(t, err)
	launch := func(p studio.Principal, owner *string) (*studio.CreateStreamingSessionResponse, error) {
		return w.CreateStreamingSession(t.Context(), p, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, OwnedBy: owner})
	}
	_, err = launch(other, nil)
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	_, err = launch(artist, &other.ID)
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	for p, owner := range map[studio.Principal]*string{artist: nil, boss: &other.ID, admin: &other.ID} {
		answer, err := launch(p, owner)
		must(t, err)
		want := p.ID
		if owner != nil {
			want = *owner
		}
		if s := answer.Session; s.OwnedBy != want || s.CreatedBy != p.ID {
			t.Errorf("launched by %s: %+v", p.ID, s)
		}
	}
	for _, kind := range []string{"ec2InstanceType", "streamingImageId"} {
		req := &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID}
		if kind == "ec2InstanceType" {
			req.EC2InstanceType = new("g3.4xlarge")
		} else {
			req.StreamingImageID = new("nothing")
		}
		_, err := w.CreateStreamingSession(t.Context(), artist, req)
		wants(t, err, studio.Validation, studio.CodeNotOffered)
	}
	_, err = w.CreateStreamingSession(t.Context(), admin, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: "nothing"})
	wants(t, err, studio.NotFound, studio.CodeNotFound)
	_, err = w.PutLaunchProfileMembers(t.Context(), admin, &studio.PutLaunchProfileMembersRequest{
		StudioID: w.studioID, LaunchProfileID: w.profileID, IdentityStoreID: identity,
		Members: []studio.NewLaunchProfileMember{{Persona: "USER", PrincipalID: other.ID}, {Persona: "USER", PrincipalID: "nobody"}},
	})
	wants(t, err, studio.Validation, studio.CodeUser)
	_, err = launch(other, nil) // all or none
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
}

// TestRulesOfTags holds account administrators to an operator's own policies.
func TestRulesOfTags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "own.cedar"), []byte(`
		forbid (principal, action, resource) when { context has tagKeys && context.tagKeys.contains("locked") };
		forbid (principal, action == Action::"CreateStudioComponent", resource) when { resource.tags has closed };`), 0o600))
	policies, err := access.New(access.Config{Dir: dir})
	must(t, err)
	w := open(t, t, t.TempDir(), func(c *studio.Config) { c.Access = policies })
	w.furnish(t, t.Context())
	ctx, locked := t.Context(), map[string]string{"locked": "x"}
	arn := w.theStudio(t, w.studioID).ARN
	for name, call := range map[string]func() error{
		"studio": func() error {
			_, err := w.CreateStudio(ctx, admin, &studio.CreateStudioRequest{StudioName: "two", AdminRoleARN: role, UserRoleARN: role, Tags: locked})
			return err
		},
		"component": func() error {
			_, err := w.CreateStudioComponent(ctx, admin, &studio.CreateStudioComponentRequest{StudioID: w.studioID, Name: "c", Type: "CUSTOM", Tags: locked})
			return err
		},
		"image": func() error {
			_, err := w.CreateStreamingImage(ctx, admin, &studio.CreateStreamingImageRequest{StudioID: w.studioID, Name: "i", EC2ImageID: hostAMI, Tags: locked})
			return err
		},
		"profile": func() error {
			_, err := w.CreateLaunchProfile(ctx, admin, w.profile(func(r *studio.CreateLaunchProfileRequest) { r.Tags = locked }))
			return err
		},
		"session": func() error {
			_, err := w.CreateStreamingSession(ctx, admin, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, Tags: locked})
			return err
		},
		"tag": func() error {
			_, err := w.TagResource(ctx, admin, &studio.TagResourceRequest{ResourceARN: arn, Tags: locked})
			return err
		},
		"untag": func() error {
			_, err := w.UntagResource(ctx, admin, &studio.UntagResourceRequest{ResourceARN: arn, TagKeys: []string{"locked"}})
			return err
		},
	} {
		if err := call(); studio.KindOf(err) != studio.AccessDenied {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = w.TagResource(ctx, admin, &studio.TagResourceRequest{ResourceARN: arn, Tags: map[string]string{"closed": ""}})
	must(t, err)
	_, err = w.CreateStudioComponent(ctx, admin, &studio.CreateStudioComponentRequest{StudioID: w.studioID, Name: "c", Type: "CUSTOM"})
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
}
