package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/identity"
	"github.com/backlot/backlot/internal/image"
	"github.com/backlot/backlot/internal/studio"
)

// devUsers are the users of a studio to try; the first one is its artist.
var devUsers = []string{"artist", "ada", "ben", "chloe", "dan"}

// devStudio is a studio to try, as a script needs to know it.
type devStudio struct {
	identityStoreID            string
	users                      []identity.User
	studioID, imageID, profile string
}

// offerStudio makes a studio to try where there is none, and says how to use it.
func offerStudio(ctx context.Context, c config.Config, known *records, service *studio.Service, public *url.URL, out io.Writer) error {
	made, err := seed(ctx, c, known, service)
	if err != nil {
		return fmt.Errorf("make a studio to try: %w", err)
	}
	file := filepath.Join(c.Data, "dev.env")
	env, err := devEnv(ctx, c, known, made, public, file)
	if err != nil {
		return fmt.Errorf("say how to use the studio: %w", err)
	}
	var text bytes.Buffer
	names := make([]string, len(env))
	for i, v := range env {
		names[i] = v.name
		fmt.Fprintf(&text, "%s=%s\n", v.name, v.value)
	}
	fmt.Fprintf(&text, "export %s\n", strings.Join(names, " "))
	if err := writeFile(file, text.Bytes()); err != nil {
		return err
	}
	if err := giveToSudoUser(file); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, `
%s
Backlot is ready. These lines are kept in %[2]s, for a shell to source.

  The page, to sign in as the artist (the link works once):
    %[3]s

  The same by the AWS CLI:
    . %[4]s
    aws nimble --endpoint-url $AWS_ENDPOINT_URL create-streaming-session --studio-id $BACKLOT_STUDIO_ID --launch-profile-id $BACKLOT_LAUNCH_PROFILE_ID --owned-by $BACKLOT_ARTIST_PRINCIPAL_ID
    SESSION=…   # session.sessionId of the answer
    aws nimble --endpoint-url $AWS_ENDPOINT_URL wait streaming-session-ready --studio-id $BACKLOT_STUDIO_ID --session-id $SESSION
    aws nimble --endpoint-url $AWS_ENDPOINT_URL create-streaming-session-stream --studio-id $BACKLOT_STUDIO_ID --session-id $SESSION
    STREAM=…    # stream.streamId of the answer
    aws nimble --endpoint-url $AWS_ENDPOINT_URL get-streaming-session-stream --studio-id $BACKLOT_STUDIO_ID --session-id $SESSION --stream-id $STREAM
    # open stream.url in a browser

`, text.String(), file, env[len(env)-1].value, toSource(file))
	return err
}

// toSource is a file as a shell's dot takes it, which looks on PATH for a name
// without a slash.
func toSource(file string) string {
	if !strings.Contains(file, "/") || strings.HasPrefix(file, "-") {
		file = "./" + file
	}
	if plainWord.MatchString(file) {
		return file
	}
	return "'" + strings.ReplaceAll(file, "'", `'\''`) + "'"
}

var plainWord = regexp.MustCompile(`^[\w./@%+=:,-]+$`)

type variable struct{ name, value string }

// devEnv is everything a script needs. Keys of an earlier start are kept.
func devEnv(ctx context.Context, c config.Config, known *records, s devStudio, public *url.URL, file string) ([]variable, error) {
	before, err := readEnv(file)
	if err != nil {
		return nil, err
	}
	artist := s.users[0]
	token, err := known.directory.OneTimeLink(ctx, artist.Principal())
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(s.users))
	for i, u := range s.users {
		ids[i] = u.PrincipalID
	}
	adminKey, adminSecret, err := keepKey(ctx, known.directory, administrator, before["AWS_ACCESS_KEY_ID"], before["AWS_SECRET_ACCESS_KEY"])
	if err != nil {
		return nil, err
	}
	artistKey, artistSecret, err := keepKey(ctx, known.directory, artist.Principal(), before["BACKLOT_ARTIST_ACCESS_KEY_ID"], before["BACKLOT_ARTIST_SECRET_ACCESS_KEY"])
	if err != nil {
		return nil, err
	}
	return []variable{
		{"AWS_ENDPOINT_URL", public.String()},
		{"AWS_REGION", c.Region},
		{"AWS_DEFAULT_REGION", c.Region},
		{"AWS_ACCESS_KEY_ID", adminKey},
		{"AWS_SECRET_ACCESS_KEY", adminSecret},
		{"BACKLOT_ARTIST_ACCESS_KEY_ID", artistKey},
		{"BACKLOT_ARTIST_SECRET_ACCESS_KEY", artistSecret},
		{"BACKLOT_ARTIST_PRINCIPAL_ID", artist.PrincipalID},
		{"BACKLOT_PRINCIPAL_IDS", strings.Join(ids, ",")},
		{"BACKLOT_IDENTITY_STORE_ID", s.identityStoreID},
		{"BACKLOT_STUDIO_ID", s.studioID},
		{"BACKLOT_LAUNCH_PROFILE_ID", s.profile},
		{"BACKLOT_STREAMING_IMAGE_ID", s.imageID},
		{"BACKLOT_EC2_IMAGE_ID", image.HostID()},
		{"BACKLOT_PORTAL_URL", public.String() + "/sign-in?token=" + token},
	}, nil
}

func readEnv(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			env[name] = value
		}
	}
	return env, nil
}

// keepKey returns the key told before, if it is good, or a new one.
func keepKey(ctx context.Context, d *identity.Directory, who studio.Principal, id, secret string) (string, string, error) {
	if id != "" {
		if known, holder, err := d.Key(ctx, id); err == nil && known == secret && holder == who {
			return id, secret, nil
		}
	}
	key, secret, err := d.CreateKey(ctx, who)
	return key.ID, secret, err
}

// giveToSudoUser lets the person who called sudo read the file.
func giveToSudoUser(file string) error {
	caller := os.Getenv("SUDO_UID")
	if caller == "" {
		return nil
	}
	uid, err := strconv.Atoi(caller)
	if err != nil {
		return fmt.Errorf("SUDO_UID is %q: %w", caller, err)
	}
	if err := os.Chown(file, uid, -1); err != nil {
		return fmt.Errorf("give %s to its reader: %w", file, err)
	}
	return nil
}

// seed makes what is missing of the studio. Client tokens make it safe to be
// interrupted, names make it safe to be done again later.
func seed(ctx context.Context, c config.Config, known *records, service *studio.Service) (devStudio, error) {
	var s devStudio
	var err error
	if s.identityStoreID, err = known.directory.StoreID(ctx); err != nil {
		return s, err
	}
	if s.users, err = seedUsers(ctx, known.directory); err != nil {
		return s, err
	}
	if s.studioID, err = seedStudio(ctx, c, service); err != nil {
		return s, err
	}
	component, err := seedComponent(ctx, service, s.studioID)
	if err != nil {
		return s, err
	}
	if s.imageID, err = seedImage(ctx, service, s.studioID); err != nil {
		return s, err
	}
	if s.profile, err = seedProfile(ctx, service, s.studioID, component, s.imageID); err != nil {
		return s, err
	}
	_, err = service.PutLaunchProfileMembers(ctx, administrator, &studio.PutLaunchProfileMembersRequest{
		StudioID: s.studioID, LaunchProfileID: s.profile, IdentityStoreID: s.identityStoreID,
		Members: []studio.NewLaunchProfileMember{{Persona: "USER", PrincipalID: s.users[0].PrincipalID}},
	})
	return s, err
}

func seedUsers(ctx context.Context, d *identity.Directory) ([]identity.User, error) {
	for _, name := range devUsers {
		if _, err := d.AddUser(ctx, name); err != nil && !errors.Is(err, identity.ErrNameTaken) {
			return nil, err
		}
	}
	all, err := d.Users(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]identity.User{}
	for _, u := range all {
		byName[u.Name] = u
	}
	users := make([]identity.User, len(devUsers))
	for i, name := range devUsers {
		users[i] = byName[name]
	}
	return users, nil
}

func seedStudio(ctx context.Context, c config.Config, service *studio.Service) (string, error) {
	const name = "demo"
	all, err := service.ListStudios(ctx, administrator, &studio.ListStudiosRequest{})
	if err != nil {
		return "", err
	}
	for _, s := range all.Studios {
		if s.StudioName == name && usable(s.State) {
			return s.StudioID, nil
		}
	}
	role := "arn:aws:iam::" + c.AccountID + ":role/"
	made, err := service.CreateStudio(ctx, administrator, &studio.CreateStudioRequest{
		StudioName: name, DisplayName: "Demo", AdminRoleARN: role + "studio-admin", UserRoleARN: role + "studio-user",
	})
	if err != nil {
		return "", err
	}
	return made.Studio.StudioID, settled(ctx, func() (studio.State, error) {
		now, err := service.GetStudio(ctx, administrator, &studio.GetStudioRequest{StudioID: made.Studio.StudioID})
		if err != nil {
			return "", err
		}
		return now.Studio.State, nil
	})
}

func seedComponent(ctx context.Context, service *studio.Service, studioID string) (string, error) {
	const name = "Tools"
	all, err := service.ListStudioComponents(ctx, administrator, &studio.ListStudioComponentsRequest{StudioID: studioID})
	if err != nil {
		return "", err
	}
	for _, k := range all.StudioComponents {
		if k.Name == name && usable(k.State) {
			return k.StudioComponentID, nil
		}
	}
	about := "Stands for what every desktop of the studio shares"
	made, err := service.CreateStudioComponent(ctx, administrator, &studio.CreateStudioComponentRequest{
		StudioID: studioID, Name: name, Type: "CUSTOM", Description: &about,
	})
	if err != nil {
		return "", err
	}
	id := made.StudioComponent.StudioComponentID
	return id, settled(ctx, func() (studio.State, error) {
		now, err := service.GetStudioComponent(ctx, administrator, &studio.GetStudioComponentRequest{StudioID: studioID, StudioComponentID: id})
		if err != nil {
			return "", err
		}
		return now.StudioComponent.State, nil
	})
}

func seedImage(ctx context.Context, service *studio.Service, studioID string) (string, error) {
	// The studio's own: one that is provided may have a licence that nobody has accepted.
	all, err := service.ListStreamingImages(ctx, administrator, &studio.ListStreamingImagesRequest{StudioID: studioID, Owner: studioID})
	if err != nil {
		return "", err
	}
	for _, i := range all.StreamingImages {
		if i.EC2ImageID == image.HostID() && usable(i.State) {
			return i.StreamingImageID, nil
		}
	}
	about := "The programs of the machine that Backlot runs on"
	made, err := service.CreateStreamingImage(ctx, administrator, &studio.CreateStreamingImageRequest{
		StudioID: studioID, EC2ImageID: image.HostID(), Name: "This machine", Description: &about,
	})
	if err != nil {
		return "", err
	}
	id := made.StreamingImage.StreamingImageID
	return id, settled(ctx, func() (studio.State, error) {
		now, err := service.GetStreamingImage(ctx, administrator, &studio.GetStreamingImageRequest{StudioID: studioID, StreamingImageID: id})
		if err != nil {
			return "", err
		}
		return now.StreamingImage.State, nil
	})
}

func seedProfile(ctx context.Context, service *studio.Service, studioID, component, imageID string) (string, error) {
	const name = "Desktop"
	all, err := service.ListLaunchProfiles(ctx, administrator, &studio.ListLaunchProfilesRequest{StudioID: studioID})
	if err != nil {
		return "", err
	}
	for _, p := range all.LaunchProfiles {
		if p.Name == name && usable(p.State) {
			return p.LaunchProfileID, nil
		}
	}
	about := "A Linux desktop with the programs of this machine"
	made, err := service.CreateLaunchProfile(ctx, administrator, &studio.CreateLaunchProfileRequest{
		StudioID: studioID, Name: name, Description: &about,
		EC2SubnetIDs: []string{}, LaunchProfileProtocolVersions: []string{"2021-03-31"}, StudioComponentIDs: []string{component},
		StreamConfiguration: studio.StreamConfigurationCreate{
			ClipboardMode: "ENABLED", EC2InstanceTypes: []string{"g4dn.xlarge", "g4dn.2xlarge", "g5.xlarge"}, StreamingImageIDs: []string{imageID},
			MaxSessionLengthInMinutes: 690, SessionPersistenceMode: "ACTIVATED",
			SessionBackup:       &studio.StreamConfigurationSessionBackup{Mode: "AUTOMATIC", MaxBackupsToRetain: 3},
			SessionStorage:      &studio.StreamConfigurationSessionStorage{Mode: []string{"UPLOAD"}},
			VolumeConfiguration: &studio.VolumeConfiguration{Size: 100, Throughput: 125, IOPS: 3000},
		},
	})
	if err != nil {
		return "", err
	}
	id := made.LaunchProfile.LaunchProfileID
	return id, settled(ctx, func() (studio.State, error) {
		now, err := service.GetLaunchProfile(ctx, administrator, &studio.GetLaunchProfileRequest{StudioID: studioID, LaunchProfileID: id})
		if err != nil {
			return "", err
		}
		return now.LaunchProfile.State, nil
	})
}

// usable tells whether a thing of a name is there, or on its way.
func usable(s studio.State) bool {
	return s != studio.Deleted && s != studio.CreateFailed && s != studio.DeleteInProgress
}

// settled waits until a thing is READY.
func settled(ctx context.Context, state func() (studio.State, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		now, err := state()
		if err != nil {
			return err
		}
		switch now {
		case studio.Ready:
			return nil
		case studio.CreateFailed:
			return errors.New("could not be made; its status message says why")
		default:
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("still %s: %w", now, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
