package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// doctor runs `backlot doctor …` with the administrator's keys, or none.
func (s *server) doctor(keys bool, args ...string) (out string, code int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(binDir, "backlot"), append([]string{"doctor"}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if keys {
		cmd.Env = append(s.awsEnv(false), "AWS_ENDPOINT_URL="+s.env["AWS_ENDPOINT_URL"], "BACKLOT_STUDIO_ID="+s.env["BACKLOT_STUDIO_ID"])
	}
	text, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(text) + string(exit.Stderr), exit.ExitCode()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text), 0
}

// says complains unless the doctor says all that, and ends so.
func (s *server) says(code int, texts []string, keys bool, args ...string) {
	s.t.Helper()
	out, got := s.doctor(keys, args...)
	for _, text := range texts {
		if !strings.Contains(out, text) {
			s.t.Errorf("doctor %v does not say %q:\n%s", args, text, out)
		}
	}
	if got != code {
		s.t.Errorf("doctor %v ends with %d, want %d:\n%s", args, got, code, out)
	}
}

// TestDoctor loses a volume and a snapshot, as an older copy of the store would.
func TestDoctor(t *testing.T) {
	s := newServer(t)
	well := []string{"Nothing is wrong."}
	s.says(0, well, true)
	work := s.createSession().runs()
	work.keeps("monday")
	key := ""
	for _, thing := range s.traces() {
		if id, ok := strings.CutPrefix(thing, "volumes "); ok {
			key = id
		}
	}
	for _, args := range [][]string{{"volumes/" + key, "volumes/lostvolume"}, {"-r", "volumes/" + key, "snapshots/lostsnapshot"}} {
		snapshot := exec.CommandContext(t.Context(), "btrfs", append([]string{"subvolume", "snapshot"}, args...)...)
		snapshot.Dir = s.volumes()
		if out, err := snapshot.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	s.says(1, []string{"! volume lostvolume: It is lost", "! snapshot lostsnapshot: It is lost", "adopt lostvolume"}, true)
	out, code := s.doctor(true, "--json")
	var found struct{ Findings []struct{ About string } }
	text, _, _ := strings.Cut(out, "\nbacklot:")
	if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimSpace(text), "backlot: something needs a person")), &found); err != nil || code != 1 || len(found.Findings) != 2 {
		t.Errorf("%d, %v, %+v", code, err, found)
	}
	s.says(0, []string{"A server runs here"}, false, "--data", s.data)

	profile := s.env["BACKLOT_LAUNCH_PROFILE_ID"]
	for id, name := range map[string]string{"lostvolume": "one", "lostsnapshot": "two"} {
		out, code := s.doctor(true, "adopt", id, "--launch-profile", profile, "--owned-by", s.env["BACKLOT_ARTIST_PRINCIPAL_ID"], "--json")
		var answer struct{ Session struct{ SessionID string } }
		if err := json.Unmarshal([]byte(out), &answer); err != nil || code != 0 {
			t.Fatalf("adopt: %d, %v\n%s", code, err, out)
		}
		adopted := streamingSession{s, answer.Session.SessionID}
		adopted.runs()
		if got := adopted.does("cat monday; echo mine >" + name); got != "monday\n" {
			t.Errorf("%s holds %q", id, got)
		}
		s.says(1, []string{"NOT_FOUND"}, true, "adopt", id, "--launch-profile", profile)
		s.says(1, []string{"NOT_FOUND"}, true, "delete", id, "--yes")
		adopted.delete()
		adopted.wait("DELETED", time.Minute)
	}
	s.says(0, well, true)

	again := exec.CommandContext(t.Context(), "btrfs", "subvolume", "snapshot", "volumes/"+key, "volumes/lostagain")
	again.Dir = s.volumes()
	if out, err := again.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.says(1, []string{"--yes"}, true, "delete", "lostagain")
	s.kill(syscall.SIGKILL)
	s.says(1, []string{"processes of sessions run, but no server does", "! volume lostagain"}, false, "--data", s.data)
	s.says(1, []string{"! the server"}, true)
	s.start()
	s.says(0, nil, true, "delete", "lostagain", "--yes")
	work.does("test $(cat monday) = monday")
	s.kill(syscall.SIGTERM)
	s.down()
	s.says(0, well, false, "--data", s.data)
	s.start() // to end it as all tests do
}
