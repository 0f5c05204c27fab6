package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go/service/nimblestudio"
)

// mostBackups is how many are kept of each session.
const mostBackups = 3

// ownBackup is a backup as our own operations show it.
type ownBackup struct {
	BackupID, Origin, State, StatusCode string
	Checksum                            *struct{ Root string }
	Verification                        *struct{ State string }
}

// own calls one of our own operations as the artist.
func (s *server) own(method, path, token string, out any) error {
	at := s.env["AWS_ENDPOINT_URL"] + "/backlot/v1/studios/" + url.PathEscape(s.env["BACKLOT_STUDIO_ID"]) + "/" + path
	body := ""
	if method == http.MethodPost {
		body = "{}"
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, at, strings.NewReader(body))
	if err != nil {
		return err
	}
	if token != "" {
		r.Header.Set("X-Amz-Client-Token", token)
	}
	sum := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: s.env["BACKLOT_ARTIST_ACCESS_KEY_ID"], SecretAccessKey: s.env["BACKLOT_ARTIST_SECRET_ACCESS_KEY"]}
	if err := v4.NewSigner().SignHTTP(r.Context(), key, r, hex.EncodeToString(sum[:]), "nimble", s.env["AWS_REGION"], time.Now()); err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	if raw, ok := out.(*bytes.Buffer); ok {
		_, err = raw.Write(text)
		return err
	}
	return json.Unmarshal(text, out)
}

// listed are the session's backups, the newest first.
func (f *failing) listed() []ownBackup {
	f.t.Helper()
	var out struct{ Backups []ownBackup }
	if err := f.own(http.MethodGet, "streaming-sessions/"+f.session.id+"/backups", "", &out); err != nil {
		f.t.Fatal(err)
	}
	return out.Backups
}

func (f *failing) ready() []ownBackup {
	f.t.Helper()
	return slices.DeleteFunc(f.listed(), func(b ownBackup) bool { return b.State != "READY" })
}

// What is asked for. Each takes a client token, so that it can be asked again where
// the answer was lost.

func (f *failing) askCreate(token string) error {
	out, err := f.api(true).CreateStreamingSessionWithContext(f.t.Context(), &nimblestudio.CreateStreamingSessionInput{
		StudioId: new(f.env["BACKLOT_STUDIO_ID"]), LaunchProfileId: new(f.env["BACKLOT_LAUNCH_PROFILE_ID"]), ClientToken: &token,
	})
	if err == nil {
		f.session = &streamingSession{f.server, *out.Session.SessionId}
		f.content, f.backups, f.made = "", map[string]string{}, ""
	}
	return err
}

func (f *failing) askStopRetaining(token string) error { return f.askStop(token, "RETAIN") }
func (f *failing) askStopDeleting(token string) error  { return f.askStop(token, "DELETE") }

func (f *failing) askStop(token, retention string) error {
	_, err := f.api(true).StopStreamingSessionWithContext(f.t.Context(), &nimblestudio.StopStreamingSessionInput{
		StudioId: new(f.env["BACKLOT_STUDIO_ID"]), SessionId: &f.session.id, VolumeRetentionMode: &retention, ClientToken: &token,
	})
	return err
}

func (f *failing) askStart(token string) error { return f.askStartFrom(token, "") }

func (f *failing) askRestore(token string) error { return f.askStartFrom(token, f.from) }

func (f *failing) askStartFrom(token, backup string) error {
	in := &nimblestudio.StartStreamingSessionInput{StudioId: new(f.env["BACKLOT_STUDIO_ID"]), SessionId: &f.session.id, ClientToken: &token}
	if backup != "" {
		in.BackupId = &backup
	}
	_, err := f.api(true).StartStreamingSessionWithContext(f.t.Context(), in)
	return err
}

func (f *failing) askRemove(token string) error {
	_, err := f.api(true).DeleteStreamingSessionWithContext(f.t.Context(), &nimblestudio.DeleteStreamingSessionInput{
		StudioId: new(f.env["BACKLOT_STUDIO_ID"]), SessionId: &f.session.id, ClientToken: &token,
	})
	return err
}

func (f *failing) askBackUp(token string) error {
	var out struct{ Backup ownBackup }
	err := f.own(http.MethodPost, "streaming-sessions/"+f.session.id+"/backups", token, &out)
	if err == nil {
		f.made = out.Backup.BackupID
	}
	return err
}

// must asks for something while nothing fails.
func (f *failing) must(ask func(string) error) {
	f.t.Helper()
	if err := ask(f.token()); err != nil {
		f.t.Fatal(err)
	}
}

// What operations begin from.

func (f *failing) needNothing() {
	f.t.Helper()
	if f.session != nil {
		f.must(f.askRemove)
		f.removed()
	}
}

func (f *failing) needSomething() {
	f.t.Helper()
	if f.session == nil || len(f.backups) == 0 {
		f.needReady()
		f.must(f.askBackUp)
		f.backedUp()
	}
}

// needReady makes the session run, with something new that no backup has.
func (f *failing) needReady() {
	f.t.Helper()
	switch {
	case f.session == nil:
		f.must(f.askCreate)
		f.runs()
	case f.state() == "STOPPED":
		f.must(f.askStart)
		f.runs()
	}
	f.written++
	f.content = fmt.Sprintf("day %d\n", f.written)
	f.inHome("printf '" + strings.TrimSpace(f.content) + "\\n' >work && sync work")
}

func (f *failing) needVolume() {
	f.t.Helper()
	f.needReady()
	f.must(f.askStopRetaining)
	f.stopped()
}

func (f *failing) needNoVolume() {
	f.t.Helper()
	f.needReady()
	f.must(f.askStopDeleting)
	f.stopped()
}

func (f *failing) needMostBackups() {
	f.t.Helper()
	f.needReady()
	// Safety backups do not count before the next stop.
	count := func() int {
		return len(slices.DeleteFunc(f.ready(), func(b ownBackup) bool { return b.Origin == "SAFETY" }))
	}
	for count() < mostBackups {
		f.must(f.askBackUp)
		f.backedUp()
	}
	f.needReady()
}

// needUnsaved makes a stopped session whose volume no backup holds, and another
// backup to go back to.
func (f *failing) needUnsaved() {
	f.t.Helper()
	f.needReady()
	f.must(f.askBackUp)
	f.summed()
	f.from = f.made
	f.needReady()
	f.arm("volume/snapshot before permanent")
	f.must(f.askStopRetaining)
	f.awaitFault()
	f.await("STOPPED")
	f.disarm()
}

// What operations come to.

// runs: the desktop is there, with what the artist had written.
func (f *failing) runs() {
	f.t.Helper()
	f.await("READY")
	f.awaitDesktop()
	if f.content != "" {
		if err := f.holds("work", f.content); err != nil {
			f.t.Error(err)
		}
	}
	f.checkBackups()
}

// stopped: nothing runs, and a backup holds what the artist had written, or at
// least the next start shows it.
func (f *failing) stopped() {
	f.t.Helper()
	f.await("STOPPED")
	if left := processes(f.t, "backlot-"+f.installationID()); len(left) > 0 {
		f.t.Errorf("processes of a stopped session: %v", left)
	}
	f.checkBackups()
	if len(f.backups) > mostBackups {
		f.t.Errorf("%d backups are READY", len(f.backups))
	}
	all := f.listed()
	if len(all) > 0 && all[0].State == "CREATE_FAILED" {
		f.must(f.askStart)
		f.runs()
		return
	}
	if len(all) == 0 || all[0].State != "READY" || f.backups[all[0].BackupID] != f.content {
		f.t.Errorf("the backup of the stop: %+v", all)
	}
}

// restored: the session is what the backup is, and another holds what it was before.
func (f *failing) restored() {
	f.t.Helper()
	f.await("READY")
	was := f.content
	f.other = f.backups[f.from] // once more secured where it had to be started twice
	f.checkBackups()
	f.content, f.other = f.other, ""
	f.runs()
	kept := false
	for _, b := range f.ready() {
		kept = kept || f.backups[b.BackupID] == was && b.Origin == "SAFETY"
	}
	if !kept {
		f.t.Errorf("no backup holds what the restore replaced: %+v", f.listed())
	}
	// The volume that was replaced goes.
	eventually(f.t, 2*time.Minute, func() error {
		n := 0
		for _, thing := range f.traces() {
			if strings.HasPrefix(thing, "volumes ") {
				n++
			}
		}
		if n != 1 {
			return fmt.Errorf("%d volumes", n)
		}
		return nil
	})
}

// backedUp: the backup that was asked for is READY.
func (f *failing) backedUp() {
	f.t.Helper()
	f.awaitBackup(func(b ownBackup) bool { return b.BackupID == f.made && b.State == "READY" })
	f.runs()
}

// summed: it has been read for the first time, too.
func (f *failing) summed() {
	f.t.Helper()
	f.backedUp()
	f.awaitBackup(func(b ownBackup) bool { return b.BackupID == f.made && b.Checksum != nil && b.Checksum.Root != "" })
}

func (f *failing) awaitBackup(is func(ownBackup) bool) {
	f.t.Helper()
	eventually(f.t, within, func() error {
		all := f.listed()
		if !slices.ContainsFunc(all, is) {
			return fmt.Errorf("backups are %+v", all)
		}
		return nil
	})
}

// removed: nothing is left of the session.
func (f *failing) removed() {
	f.t.Helper()
	f.await("DELETED")
	f.noTraces(15*time.Second, func(thing string) bool {
		return strings.HasPrefix(thing, "snapshots ") && strings.HasSuffix(thing, "c") // it is looked at in the end
	})
	f.session, f.content, f.backups = nil, "", map[string]string{}
}

// checkBackups reads each backup that is new, which holds what the artist had
// written last, and sees that there are neither too many nor too few.
func (f *failing) checkBackups() {
	f.t.Helper()
	var all []ownBackup
	eventually(f.t, within, func() error {
		all = f.listed()
		if slices.ContainsFunc(all, func(b ownBackup) bool { return strings.HasSuffix(b.State, "_IN_PROGRESS") }) {
			return fmt.Errorf("backups are %+v", all)
		}
		return nil
	})
	most, now := mostBackups, map[string]string{}
	for _, b := range all {
		if b.Verification != nil && b.Verification.State == "DAMAGED" {
			f.t.Errorf("a backup is damaged: %+v", b)
		}
		if b.State != "READY" {
			continue
		}
		if b.Origin == "SAFETY" {
			most++ // until the next stop
		}
		holds, known := f.backups[b.BackupID]
		if !known {
			var text bytes.Buffer
			if err := f.own(http.MethodGet, "streaming-session-backups/"+b.BackupID+"/file?path="+url.QueryEscape("/home/artist/work"), "", &text); err != nil {
				f.t.Error(err)
			}
			if holds = text.String(); holds != f.content && (f.other == "" || holds != f.other) {
				f.t.Errorf("the new backup %+v holds %q, want %q", b, holds, f.content)
			}
		}
		now[b.BackupID] = holds
	}
	if len(now) > most || len(now) == 0 && len(f.backups) > 0 {
		f.t.Errorf("%d backups are READY, after %d: %+v", len(now), len(f.backups), all)
	}
	f.backups = now
}
