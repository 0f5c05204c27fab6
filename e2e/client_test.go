package e2e_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/nimblestudio"
)

// debianAWS is Debian's own client; another `aws` may come first in PATH.
const debianAWS = "/usr/bin/aws"

// awsEnv is the environment of a client with the administrator's keys, or the artist's.
func (s *server) awsEnv(artist bool) []string {
	id, secret := s.env["AWS_ACCESS_KEY_ID"], s.env["AWS_SECRET_ACCESS_KEY"]
	if artist {
		id, secret = s.env["BACKLOT_ARTIST_ACCESS_KEY_ID"], s.env["BACKLOT_ARTIST_SECRET_ACCESS_KEY"]
	}
	return []string{
		"PATH=/usr/bin:/bin", "HOME=" + s.t.TempDir(), "AWS_PAGER=", "AWS_DEFAULT_OUTPUT=json",
		"AWS_REGION=" + s.env["AWS_REGION"], "AWS_DEFAULT_REGION=" + s.env["AWS_DEFAULT_REGION"],
		"AWS_ACCESS_KEY_ID=" + id, "AWS_SECRET_ACCESS_KEY=" + secret,
	}
}

// aws runs `aws nimble …` as the artist and returns what it prints.
func (s *server) aws(args ...string) map[string]any {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Minute)
	defer cancel()
	args = append([]string{"--endpoint-url", s.env["AWS_ENDPOINT_URL"], "nimble"}, args...)
	cmd := exec.CommandContext(ctx, debianAWS, args...)
	cmd.Env = s.awsEnv(true)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("aws %v: %v\n%s", args, err, out)
	}
	answer := map[string]any{}
	if len(out) > 0 {
		if err := json.Unmarshal(out, &answer); err != nil {
			s.t.Fatalf("aws %v printed no JSON: %v\n%s", args, err, out)
		}
	}
	return answer
}

// member looks up a path of members in what a client printed.
func member(t testing.TB, answer map[string]any, path ...string) string {
	t.Helper()
	var at any = answer
	for _, name := range path {
		m, ok := at.(map[string]any)
		if !ok {
			t.Fatalf("no member %v in %v", path, answer)
		}
		at = m[name]
	}
	if at == nil {
		return ""
	}
	return fmt.Sprint(at)
}

// api is the SDK's client with the artist's keys: quicker to poll with than the CLI.
func (s *server) api(artist bool) *nimblestudio.NimbleStudio {
	return s.apiAt(s.env["AWS_ENDPOINT_URL"], artist)
}

// apiAt is api for a server that is reached at another url.
func (s *server) apiAt(url string, artist bool) *nimblestudio.NimbleStudio {
	id, secret := s.env["AWS_ACCESS_KEY_ID"], s.env["AWS_SECRET_ACCESS_KEY"]
	if artist {
		id, secret = s.env["BACKLOT_ARTIST_ACCESS_KEY_ID"], s.env["BACKLOT_ARTIST_SECRET_ACCESS_KEY"]
	}
	return nimblestudio.New(session.Must(session.NewSession(&aws.Config{
		Endpoint:    &url,
		Region:      new(s.env["AWS_REGION"]),
		Credentials: credentials.NewStaticCredentials(id, secret, ""),
		HTTPClient: &http.Client{Transport: &http.Transport{
			Proxy:           http.ProxyFromEnvironment,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the server under test makes its own
		}},
	})))
}

// session is a streaming session as a script handles it.
type streamingSession struct {
	*server
	id string
}

func (s *server) createSession() streamingSession {
	s.t.Helper()
	out, err := s.api(true).CreateStreamingSessionWithContext(s.t.Context(), &nimblestudio.CreateStreamingSessionInput{
		StudioId:        new(s.env["BACKLOT_STUDIO_ID"]),
		LaunchProfileId: new(s.env["BACKLOT_LAUNCH_PROFILE_ID"]),
	})
	if err != nil {
		s.t.Fatalf("create session: %v", err)
	}
	return streamingSession{s, aws.StringValue(out.Session.SessionId)}
}

func (s streamingSession) get() *nimblestudio.StreamingSession {
	s.t.Helper()
	out, err := s.api(true).GetStreamingSessionWithContext(s.t.Context(), &nimblestudio.GetStreamingSessionInput{
		StudioId: new(s.env["BACKLOT_STUDIO_ID"]), SessionId: &s.id,
	})
	if err != nil {
		s.t.Fatalf("get session: %v", err)
	}
	return out.Session
}

func (s streamingSession) stop() {
	s.t.Helper()
	if _, err := s.api(true).StopStreamingSessionWithContext(s.t.Context(), &nimblestudio.StopStreamingSessionInput{
		StudioId: new(s.env["BACKLOT_STUDIO_ID"]), SessionId: &s.id,
	}); err != nil {
		s.t.Fatalf("stop session: %v", err)
	}
}

func (s streamingSession) start(backupID string) {
	s.t.Helper()
	in := &nimblestudio.StartStreamingSessionInput{StudioId: new(s.env["BACKLOT_STUDIO_ID"]), SessionId: &s.id}
	if backupID != "" {
		in.BackupId = &backupID
	}
	if _, err := s.api(true).StartStreamingSessionWithContext(s.t.Context(), in); err != nil {
		s.t.Fatalf("start session: %v", err)
	}
}

func (s streamingSession) delete() {
	s.t.Helper()
	if _, err := s.api(true).DeleteStreamingSessionWithContext(s.t.Context(), &nimblestudio.DeleteStreamingSessionInput{
		StudioId: new(s.env["BACKLOT_STUDIO_ID"]), SessionId: &s.id,
	}); err != nil {
		s.t.Fatalf("delete session: %v", err)
	}
}

// wait polls until the session is in the state, and fails on any *_FAILED.
func (s streamingSession) wait(state string, within time.Duration) *nimblestudio.StreamingSession {
	s.t.Helper()
	var found *nimblestudio.StreamingSession
	eventually(s.t, within, func() error {
		found = s.get()
		if now := aws.StringValue(found.State); now != state {
			err := fmt.Errorf("session is %s (%s: %s), not %s", now, aws.StringValue(found.StatusCode), aws.StringValue(found.StatusMessage), state)
			if slices.Contains([]string{"CREATE_FAILED", "START_FAILED", "STOP_FAILED", "DELETE_FAILED"}, now) {
				s.t.Fatal(err)
			}
			return err
		}
		return nil
	})
	return found
}

// backups lists the session's backups, newest first.
func (s streamingSession) backups() []*nimblestudio.StreamingSessionBackup {
	s.t.Helper()
	out, err := s.api(true).ListStreamingSessionBackupsWithContext(s.t.Context(), &nimblestudio.ListStreamingSessionBackupsInput{
		StudioId: new(s.env["BACKLOT_STUDIO_ID"]), OwnedBy: new(s.env["BACKLOT_ARTIST_PRINCIPAL_ID"]),
	})
	if err != nil {
		s.t.Fatalf("list backups: %v", err)
	}
	return slices.DeleteFunc(out.StreamingSessionBackups, func(b *nimblestudio.StreamingSessionBackup) bool {
		return aws.StringValue(b.SessionId) != s.id
	})
}

// stream opens a stream and returns its url once it is READY.
func (s streamingSession) stream() string { return s.streamFor(600) }

func (s streamingSession) streamFor(seconds int64) string {
	s.t.Helper()
	studio := new(s.env["BACKLOT_STUDIO_ID"])
	made, err := s.api(true).CreateStreamingSessionStreamWithContext(s.t.Context(), &nimblestudio.CreateStreamingSessionStreamInput{
		StudioId: studio, SessionId: &s.id, ExpirationInSeconds: &seconds,
	})
	if err != nil {
		s.t.Fatalf("create stream: %v", err)
	}
	var url string
	eventually(s.t, 10*time.Second, func() error {
		out, err := s.api(true).GetStreamingSessionStreamWithContext(s.t.Context(), &nimblestudio.GetStreamingSessionStreamInput{
			StudioId: studio, SessionId: &s.id, StreamId: made.Stream.StreamId,
		})
		if err != nil {
			return err
		}
		if url = aws.StringValue(out.Stream.Url); url == "" {
			return fmt.Errorf("stream is %s", aws.StringValue(out.Stream.State))
		}
		return nil
	})
	return url
}
