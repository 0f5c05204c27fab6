package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/service/nimblestudio"
)

// backup runs `backlot backup …` with somebody's keys; failed is how it ended.
func (s *server) backup(artist bool, args ...string) (out string, failed error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(binDir, "backlot"), append([]string{"backup"}, args...)...)
	cmd.Env = append(s.awsEnv(artist), "AWS_ENDPOINT_URL="+s.env["AWS_ENDPOINT_URL"], "BACKLOT_STUDIO_ID="+s.env["BACKLOT_STUDIO_ID"])
	text, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = errors.New(exit.String() + ": " + string(exit.Stderr))
	}
	return string(text), err
}

// backupJSON is backup for what must go well, and print JSON.
func (s *server) backupJSON(artist bool, args ...string) map[string]any {
	s.t.Helper()
	out, err := s.backup(artist, append(args, "--json")...)
	if err != nil {
		s.t.Fatalf("backlot backup %v: %v\n%s", args, err, out)
	}
	answer := map[string]any{}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		s.t.Fatalf("backlot backup %v printed no JSON: %v\n%s", args, err, out)
	}
	return answer
}

// TestBackups takes an artist's work from one session through an archive into
// another one, and back to a desktop.
func TestBackups(t *testing.T) {
	s := newServer(t)
	const work = "the work of a day\n"
	one := s.createSession()
	one.wait(nimblestudio.StreamingSessionStateReady, 2*time.Minute)
	s.awaitDesktop()
	secret := filepath.Join(t.TempDir(), "secret") // of the server's machine
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", 20) + secret[1:]
	// Nothing is written through: what the kernel still has of it is in the backup, too.
	s.inHome("ln -s day.txt link && ln -s " + secret + " far && ln -s " + up + " farther && mkfifo pipe && echo 'the work of a day' > day.txt")

	made := s.backupJSON(true, "create", one.id, "--tag", "why=because", "--wait")
	backup := member(t, made, "backup", "backupId")
	if got := member(t, made, "backup", "origin") + member(t, made, "backup", "tags", "why"); got != "MANUALbecause" {
		t.Errorf("made: %v", made)
	}
	if list, err := s.backup(true, "list", one.id); err != nil || !strings.Contains(list, backup) {
		t.Errorf("list: %v\n%s", err, list)
	}
	files, err := s.backup(true, "files", backup, "/home/artist")
	if err != nil || !strings.Contains(files, "day.txt") || !strings.Contains(files, "link -> day.txt") {
		t.Errorf("files: %v\n%s", err, files)
	}
	for _, name := range []string{"day.txt", "link"} {
		if got, err := s.backup(true, "fetch", backup, "/home/artist/"+name, "-"); err != nil || got != work {
			t.Errorf("fetch %s: %q, %v", name, got, err)
		}
	}
	for _, way := range []string{up, secret, "/home/artist/far", "/home/artist/farther", "/home/artist/pipe", "/home", "/nothing", "/home/artist/day.txt/x"} {
		if got, err := s.backup(true, "fetch", backup, way, "-"); err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") {
			t.Errorf("fetch %s: %q, %v", way, got, err)
		}
	}

	checked := s.backupJSON(true, "verify", backup, "--wait")
	if member(t, checked, "backup", "verification", "state") != "VERIFIED" || len(member(t, checked, "backup", "checksum", "root")) != 64 {
		t.Errorf("verified: %v", checked)
	}

	archive := filepath.Join(t.TempDir(), "day.tar.zst")
	if out, err := s.backup(true, "export", backup, archive); err != nil {
		t.Fatalf("export: %v\n%s", err, out)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(archive), ".*")); len(left) > 0 {
		t.Errorf("export left %v", left)
	}
	one.stop()
	one.wait(nimblestudio.StreamingSessionStateStopped, time.Minute)

	two := s.createSession()
	two.wait(nimblestudio.StreamingSessionStateReady, 2*time.Minute)
	if out, err := s.backup(true, "import", two.id, archive); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("import by the artist: %v\n%s", err, out)
	}
	s.refuseBroken(two, archive)
	imported := s.backupJSON(false, "import", two.id, archive)
	if member(t, imported, "backup", "state") != "READY" || member(t, imported, "backup", "origin") != "IMPORT" {
		t.Fatalf("imported: %v", imported)
	}
	two.stop()
	two.wait(nimblestudio.StreamingSessionStateStopped, time.Minute)
	id := member(t, imported, "backup", "backupId")
	eventually(t, time.Minute, func() error { // read again, it is what the archive said
		b := s.backupJSON(true, "show", id)
		if got, want := b["backup"].(map[string]any)["checksum"], checked["backup"].(map[string]any)["checksum"].(map[string]any)["root"]; got == nil || got.(map[string]any)["root"] != want {
			return errors.New(member(t, b, "backup", "state") + " without the same checksum")
		}
		return nil
	})

	restored := s.backupJSON(true, "restore", id)
	three := streamingSession{s, member(t, restored, "session", "sessionId")}
	if member(t, restored, "session", "startedFromBackupId") != id {
		t.Errorf("restored: %v", restored)
	}
	three.wait(nimblestudio.StreamingSessionStateReady, 2*time.Minute)
	s.awaitDesktop()
	if err := s.holds("link", work); err != nil {
		t.Error(err)
	}
	eventually(t, time.Minute, func() error { // the volume is what the backup is
		b := s.backupJSON(true, "show", id)
		if member(t, b, "backup", "verification", "state") != "VERIFIED" {
			return errors.New("not compared")
		}
		return nil
	})
	if gone := s.backupJSON(false, "delete", id); member(t, gone, "backup", "state") != "DELETE_IN_PROGRESS" {
		t.Errorf("deleted: %v", gone)
	}
}

// refuseBroken imports what is no whole archive: nothing of it stays.
func (s *server) refuseBroken(session streamingSession, archive string) {
	s.t.Helper()
	whole, err := os.ReadFile(archive)
	if err != nil {
		s.t.Fatal(err)
	}
	flipped := slices.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, content := range map[string][]byte{"cut": whole[:len(whole)/2], "flipped": flipped, "longer": append(slices.Clone(whole), 'x')} {
		file := filepath.Join(s.t.TempDir(), name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			s.t.Fatal(err)
		}
		if out, err := s.backup(false, "import", session.id, file); err == nil || !strings.Contains(err.Error(), "INVALID_ARCHIVE") {
			s.t.Errorf("import of an archive that is %s: %v\n%s", name, err, out)
		}
	}
	failed := 0
	for _, b := range s.backupJSON(false, "list", session.id)["backups"].([]any) {
		if b.(map[string]any)["state"] == "CREATE_FAILED" {
			failed++
		}
	}
	if failed != 3 {
		s.t.Errorf("%d imports are listed as failed, want 3", failed)
	}
}
