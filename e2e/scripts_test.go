package e2e_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/nimblestudio"
)

// components makes a component of each element, run context to script, and has the
// launch profile use these and no others.
func (s *server) components(scripts ...map[string]string) (ids []string) {
	s.t.Helper()
	api, ctx, studio := s.api(false), s.t.Context(), new(s.env["BACKLOT_STUDIO_ID"])
	for i, of := range scripts {
		in := &nimblestudio.CreateStudioComponentInput{
			StudioId: studio, Name: new(fmt.Sprint("component ", i)), Type: new("CUSTOM"),
			ScriptParameters: []*nimblestudio.ScriptParameterKeyValue{{Key: new("VALUE"), Value: new(secret)}},
		}
		for when, text := range of {
			in.InitializationScripts = append(in.InitializationScripts, &nimblestudio.StudioComponentInitializationScript{
				LaunchProfileProtocolVersion: new("2021-03-31"), Platform: new("LINUX"), RunContext: &when, Script: &text,
			})
		}
		made, err := api.CreateStudioComponentWithContext(ctx, in)
		if err != nil {
			s.t.Fatal(err)
		}
		id := aws.StringValue(made.StudioComponent.StudioComponentId)
		if err := api.WaitUntilStudioComponentReadyWithContext(ctx, &nimblestudio.GetStudioComponentInput{StudioId: studio, StudioComponentId: &id}); err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	s.use(ids)
	return ids
}

func (s *server) use(components []string) {
	s.t.Helper()
	studio, profile := new(s.env["BACKLOT_STUDIO_ID"]), new(s.env["BACKLOT_LAUNCH_PROFILE_ID"])
	if _, err := s.api(false).UpdateLaunchProfileWithContext(s.t.Context(), &nimblestudio.UpdateLaunchProfileInput{
		StudioId: studio, LaunchProfileId: profile, StudioComponentIds: aws.StringSlice(components),
	}); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, 10*time.Second, func() error {
		out, err := s.api(false).GetLaunchProfileWithContext(s.t.Context(), &nimblestudio.GetLaunchProfileInput{StudioId: studio, LaunchProfileId: profile})
		if err == nil && aws.StringValue(out.LaunchProfile.State) != "READY" {
			err = fmt.Errorf("the launch profile is %s", aws.StringValue(out.LaunchProfile.State))
		}
		return err
	})
}

// awaitDesktop waits for the window manager, by which inHome enters.
func (s *server) awaitDesktop() {
	s.t.Helper()
	eventually(s.t, 10*time.Second, func() error {
		if s.find("openbox") == 0 {
			return fmt.Errorf("no window manager runs")
		}
		return nil
	})
}

const secret = "it's \"se\ncret\" $HOME"

// TestScripts: what components of the launch profile say is done before a desktop
// can be streamed, at its creation and at each start; a server may die meanwhile.
func TestScripts(t *testing.T) {
	s := newServer(t)
	s.components(
		map[string]string{
			"SYSTEM_INITIALIZATION": `ls /sys/class/net | grep -qv lo || exit 9
sleep 1; (id -un; echo "$VALUE") >/etc/studio; echo "$VALUE"; echo one >>/etc/order`,
			"USER_INITIALIZATION": `(id -un; pwd; cat /etc/studio) >greeting`,
		},
		map[string]string{"SYSTEM_INITIALIZATION": "#!/bin/bash\n[[ -e /etc/studio ]] && echo two >>/etc/order"},
	)
	work := s.createSession()
	time.Sleep(600 * time.Millisecond) // into the first script, or what comes before it
	s.kill(syscall.SIGKILL)
	s.start()
	work.wait("READY", 20*time.Second)
	s.awaitDesktop()
	if err := s.holds("greeting", "artist\n/home/artist\nroot\n"+secret+"\n"); err != nil {
		t.Error(err)
	}
	runs := func() string { return s.inHome("cat /etc/order") }
	created := runs()
	if !strings.HasSuffix(created, "one\ntwo\n") {
		t.Errorf("scripts ran as %q", created)
	}
	work.stop()
	work.wait("STOPPED", time.Minute)
	began := time.Now()
	work.start("")
	work.wait("READY", time.Minute)
	t.Logf("READY %s after the start, of which the scripts took 1 s", time.Since(began).Round(time.Millisecond))
	s.awaitDesktop()
	if got := runs(); got != created+"one\ntwo\n" {
		t.Errorf("scripts ran as %q at the start", got)
	}
	if strings.Contains(s.log.tail(100000), "se\ncret") || strings.Contains(s.log.tail(100000), `se\ncret`) {
		t.Error("the log holds a parameter")
	}
}

// TestScriptFails: the session says whose script it was and how it ended, and a
// session that was there before keeps what it had.
func TestScriptFails(t *testing.T) {
	s := newServer(t)
	work := s.createSession()
	work.wait("READY", time.Minute)
	s.inHome("echo kept > note.txt")
	work.stop()
	work.wait("STOPPED", time.Minute)

	ids := s.components(map[string]string{"SYSTEM_INITIALIZATION": "echo $VALUE; exit 3"})
	fails := func(work streamingSession, state string) {
		t.Helper()
		began := time.Now()
		eventually(t, 30*time.Second, func() error {
			if now := aws.StringValue(work.get().State); now != state {
				return fmt.Errorf("session is %s, not %s", now, state)
			}
			return nil
		})
		t.Logf("%s after %s", state, time.Since(began).Round(time.Millisecond))
		got := work.get()
		want := "The system initialization script of the studio component " + ids[0] + " failed: exit status 3."
		if aws.StringValue(got.StatusCode) != "INITIALIZATION_SCRIPT_ERROR" || aws.StringValue(got.StatusMessage) != want {
			t.Errorf("%s: %s", aws.StringValue(got.StatusCode), aws.StringValue(got.StatusMessage))
		}
	}
	created := s.createSession()
	fails(created, "CREATE_FAILED")
	created.delete()
	work.start("")
	fails(work, "START_FAILED")

	s.components(map[string]string{"SYSTEM_INITIALIZATION": "true"})
	work.start("")
	work.wait("READY", time.Minute)
	s.awaitDesktop()
	if err := s.holds("note.txt", "kept\n"); err != nil {
		t.Error(err)
	}
}
