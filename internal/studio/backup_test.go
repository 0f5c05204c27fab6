package studio_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// backUp makes a backup of a session now.
func (w *world) backUp(t *testing.T, id string) *studio.BackupDetails {
	t.Helper()
	w.clock.advance(time.Second)
	made, err := w.CreateBackup(t.Context(), artist, &studio.CreateBackupRequest{StudioID: w.studioID, SessionID: id, Tags: map[string]string{"why": "because"}})
	must(t, err)
	if b := made.Backup; b.State != studio.CreateInProgress || b.Origin != "MANUAL" || b.Tags["why"] != "because" {
		t.Fatalf("%+v", b)
	}
	w.settle(t, t.Context())
	return w.backup(t, made.Backup.BackupID)
}

func (w *world) backup(t *testing.T, id string) *studio.BackupDetails {
	t.Helper()
	b, err := w.GetBackup(t.Context(), admin, &studio.GetBackupRequest{StudioID: w.studioID, BackupID: id})
	must(t, err)
	return b.Backup
}

// kept are the ids of a session's READY backups, the newest first.
func (w *world) kept(t *testing.T, session string) (ids []string) {
	t.Helper()
	l, err := w.ListBackups(t.Context(), artist, &studio.ListBackupsRequest{StudioID: w.studioID, SessionID: session})
	must(t, err)
	for _, b := range l.Backups {
		if b.State == studio.Ready {
			ids = append(ids, b.BackupID)
		}
	}
	return ids
}

func (w *world) deleteBackup(t *testing.T, id string) error {
	t.Helper()
	_, err := w.DeleteBackup(t.Context(), admin, &studio.DeleteBackupRequest{StudioID: w.studioID, BackupID: id})
	return err
}

// restore makes a session of a backup, whose volume is not made yet.
func (w *world) restore(t *testing.T, backup string) string {
	t.Helper()
	made, err := w.RestoreBackup(t.Context(), artist, &studio.RestoreBackupRequest{StudioID: w.studioID, BackupID: backup})
	must(t, err)
	if s := made.Session; s.State != studio.CreateInProgress || s.StartedFromBackupID != backup {
		t.Fatalf("%+v", s)
	}
	return made.Session.SessionID
}

func TestBackupsOnDemandCountInRetention(t *testing.T) {
	t.Parallel()
	w := setup(t) // three are retained
	s := w.launch(t)
	var made []string
	for range 3 {
		made = append(made, w.backUp(t, s.SessionID).BackupID)
	}
	w.stop(t, s.SessionID, "RETAIN")
	w.clock.advance(time.Second)
	last := w.backUp(t, s.SessionID) // of a stopped session, too
	kept := w.kept(t, s.SessionID)
	if len(kept) != 3 || kept[0] != last.BackupID || kept[2] != made[2] {
		t.Errorf("kept %v of %v and one more", kept, made)
	}
	// One that is known to be damaged makes room first.
	_, err := w.VerifyBackup(t.Context(), artist, &studio.VerifyBackupRequest{StudioID: w.studioID, BackupID: last.BackupID})
	must(t, err)
	for w.backup(t, last.BackupID).Verification.State != "DAMAGED" {
		w.inspect(t, studio.InspectionResult{Root: "r", Differences: 1, Paths: []string{"work: contents"}})
	}
	fresh := w.backUp(t, s.SessionID)
	if kept := w.kept(t, s.SessionID); len(kept) != 3 || kept[0] != fresh.BackupID || slices.Contains(kept, last.BackupID) {
		t.Errorf("kept %v", kept)
	}
}

// TestAStoppedBackupIsNoStopBackup lets what is written after it be backed up, too.
func TestAStoppedBackupIsNoStopBackup(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	w.stop(t, s.SessionID, "RETAIN")
	_, err := w.CreateBackup(t.Context(), artist, &studio.CreateBackupRequest{StudioID: w.studioID, SessionID: s.SessionID})
	must(t, err)
	w.write(t, w.start(t, s.SessionID, nil), "later") // with the backup still pending
	if s := w.stop(t, s.SessionID, "DELETE"); s.State != studio.Stopped {
		t.Fatalf("%+v", s)
	}
	if got := w.content(t, w.start(t, s.SessionID, nil)); got != "later" {
		t.Errorf("the session has %q", got)
	}
}

func TestDeletedBackups(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	b := w.backUp(t, s.SessionID)
	must(t, w.deleteBackup(t, b.BackupID))
	w.settle(t, t.Context())
	if got := w.backup(t, b.BackupID); got.State != studio.Deleted || len(w.snapshots) != 0 {
		t.Errorf("%+v; left are %v", got, w.snapshots)
	}
	wants(t, w.deleteBackup(t, b.BackupID), studio.NotFound, studio.CodeNotFound)
	wants(t, w.deleteBackup(t, "nothing"), studio.NotFound, studio.CodeNotFound)

	// While its session stops, a backup may be all that will be left.
	b = w.backUp(t, s.SessionID)
	_, err := w.StopStreamingSession(t.Context(), artist, &studio.StopStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
	must(t, err)
	wants(t, w.deleteBackup(t, b.BackupID), studio.Conflict, studio.CodeState)
}

func TestRestoresIntoNewSessions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	w.write(t, s, "monday")
	b := w.backUp(t, s.SessionID)
	w.write(t, s, "tuesday")

	// While it is being restored from, nothing takes it away.
	id := w.restore(t, b.BackupID)
	wants(t, w.deleteBackup(t, b.BackupID), studio.Conflict, studio.CodeInUse)
	for range 4 {
		_, err := w.CreateBackup(t.Context(), artist, &studio.CreateBackupRequest{StudioID: w.studioID, SessionID: s.SessionID})
		must(t, err)
		w.clock.advance(time.Second)
		w.finish(t, t.Context(), studio.TableSessions, s.SessionID)
	}
	if kept := w.kept(t, s.SessionID); len(kept) != 4 || kept[3] != b.BackupID {
		t.Errorf("kept %v", kept)
	}
	_, err := w.DeleteStreamingSession(t.Context(), admin, &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
	must(t, err)
	w.finish(t, t.Context(), studio.TableSessions, s.SessionID)
	if got := w.get(t, s.SessionID); got.State != studio.Deleted {
		t.Fatalf("%+v", got)
	}
	if got := w.backup(t, b.BackupID); got.State != studio.DeleteInProgress || len(w.snapshots) != 1 {
		t.Errorf("%+v; left are %v", got, w.snapshots)
	}
	w.settle(t, t.Context())
	restored := w.get(t, id)
	if restored.State != studio.Ready || w.content(t, restored) != "monday" {
		t.Fatalf("%+v", restored)
	}
	if got := w.backup(t, b.BackupID); got.State != studio.Deleted || len(w.snapshots) != 0 {
		t.Errorf("%+v; left are %v", got, w.snapshots)
	}
}

func TestARestoreThatFailsLetsGo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	b := w.backUp(t, s.SessionID)
	w.broken = func(a studio.Action) *studio.Failure {
		if a != studio.CreateVolume {
			return nil
		}
		return &studio.Failure{Code: studio.InternalFailure, Final: true, Err: errors.New("test")}
	}
	id := w.restore(t, b.BackupID)
	w.settle(t, t.Context())
	if got := w.get(t, id); got.State != studio.CreateFailed {
		t.Fatalf("%+v", got)
	}
	must(t, w.deleteBackup(t, b.BackupID))
}

func TestRestoresThatAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	b := w.backUp(t, s.SessionID)
	ask := func(p studio.Principal, change func(*studio.RestoreBackupRequest)) error {
		req := &studio.RestoreBackupRequest{StudioID: w.studioID, BackupID: b.BackupID}
		change(req)
		_, err := w.RestoreBackup(t.Context(), p, req)
		return err
	}
	fleeting := w.newProfile(t, t.Context(), func(r *studio.CreateLaunchProfileRequest) {
		r.StreamConfiguration.SessionPersistenceMode = ""
		r.StreamConfiguration.SessionBackup, r.StreamConfiguration.VolumeConfiguration = nil, nil
	})
	wants(t, ask(artist, func(r *studio.RestoreBackupRequest) { r.LaunchProfileID = &fleeting }), studio.Validation, studio.CodeCombination)
	wants(t, ask(artist, func(r *studio.RestoreBackupRequest) { r.EC2InstanceType = new("g5.16xlarge") }), studio.Validation, studio.CodeNotOffered)
	wants(t, ask(artist, func(r *studio.RestoreBackupRequest) { r.OwnedBy = &other.ID }), studio.AccessDenied, studio.CodeNotAllowed)
	wants(t, ask(other, func(*studio.RestoreBackupRequest) {}), studio.AccessDenied, studio.CodeNotAllowed)
	wants(t, ask(admin, func(r *studio.RestoreBackupRequest) { r.LaunchProfileID = new("nothing") }), studio.NotFound, studio.CodeNotFound)
	must(t, ask(admin, func(r *studio.RestoreBackupRequest) { r.OwnedBy, r.ClientToken = &other.ID, "once" }))
	must(t, ask(admin, func(r *studio.RestoreBackupRequest) { r.OwnedBy, r.ClientToken = &other.ID, "once" }))
	l, err := w.ListStreamingSessions(t.Context(), admin, &studio.ListStreamingSessionsRequest{StudioID: w.studioID, OwnedBy: other.ID})
	if err != nil || len(l.Sessions) != 1 {
		t.Errorf("%d sessions, %v", len(l.Sessions), err)
	}
	must(t, w.deleteBackup(t, w.backUp(t, s.SessionID).BackupID))
	w.settle(t, t.Context())
	must(t, w.deleteBackup(t, b.BackupID))
	wants(t, ask(artist, func(*studio.RestoreBackupRequest) {}), studio.Conflict, studio.CodeState)
}

func TestVerifiedBackups(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	id := w.backUp(t, s.SessionID).BackupID
	verify := func(want string, results ...studio.InspectionResult) {
		t.Helper()
		asked, err := w.VerifyBackup(t.Context(), artist, &studio.VerifyBackupRequest{StudioID: w.studioID, BackupID: id})
		must(t, err)
		if got := asked.Backup.Verification.State; got != "IN_PROGRESS" {
			t.Fatalf("asked: %s", got)
		}
		for _, r := range results {
			w.inspect(t, r)
			w.clock.advance(time.Hour)
		}
		if v := w.backup(t, id).Verification; string(v.State) != want {
			t.Fatalf("%+v, want %s", v, want)
		}
		w.nothingToRead(t)
	}
	sum := studio.InspectionResult{Root: "r", Files: 2, Bytes: 3}
	verify("VERIFIED", sum, sum) // read for the first time, and again
	if c := w.backup(t, id).Checksum; c.Root != "r" || c.Files != 2 || c.Bytes != 3 || c.SummedAt.IsZero() {
		t.Errorf("%+v", c)
	}
	paths := slices.Repeat([]string{"work: contents"}, 30)
	verify("DAMAGED", studio.InspectionResult{Differences: 30, Paths: paths})
	if v := w.backup(t, id).Verification; v.Differences != 30 || len(v.Paths) != 20 || v.Message == "" || v.At.IsZero() {
		t.Errorf("%+v", v)
	}
	lost := studio.InspectionResult{Err: errors.New("test")}
	verify("NOT_VERIFIED", lost, lost, lost)
	verify("DAMAGED", studio.InspectionResult{Unreadable: 1})
	verify("VERIFIED", sum)
}

func TestFilesOfBackups(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	w.write(t, s, "monday")
	b := w.backUp(t, s.SessionID)
	var names []string
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		l, err := w.ListBackupFiles(t.Context(), artist, &studio.ListBackupFilesRequest{StudioID: w.studioID, BackupID: b.BackupID, Path: "/", NextToken: token, MaxResults: new(3)})
		must(t, err)
		for _, f := range l.Files {
			names = append(names, f.Name)
		}
		token = l.NextToken
	}
	if got := strings.Join(names, " "); got != "a b c work" {
		t.Errorf("files: %s", got)
	}
	fetch := func(path string) (string, error) {
		f, err := w.GetBackupFile(t.Context(), artist, &studio.GetBackupFileRequest{StudioID: w.studioID, BackupID: b.BackupID, Path: path})
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(f.Content)
		return string(text), err
	}
	for _, path := range []string{"work", "/work", "/../x/.././work", "//work"} {
		if got, err := fetch(path); got != "monday" || err != nil {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	_, err := fetch("/nothing")
	wants(t, err, studio.NotFound, studio.CodeNotFound)
	_, err = w.ListBackupFiles(t.Context(), artist, &studio.ListBackupFilesRequest{StudioID: w.studioID, BackupID: b.BackupID, Path: "/nothing"})
	wants(t, err, studio.NotFound, studio.CodeNotFound)
}

func TestArchives(t *testing.T) {
	t.Parallel()
	w := setup(t, func(r *studio.CreateLaunchProfileRequest) { r.StreamConfiguration.SessionBackup.MaxBackupsToRetain = 1 })
	s := w.launch(t)
	w.write(t, s, "monday")
	b := w.backUp(t, s.SessionID)
	e, err := w.ExportBackup(t.Context(), artist, &studio.ExportBackupRequest{StudioID: w.studioID, BackupID: b.BackupID})
	must(t, err)
	var archive bytes.Buffer
	must(t, e.WriteTo(t.Context(), &archive))
	w.write(t, s, "tuesday")
	w.stop(t, s.SessionID, "DELETE")
	w.clock.advance(time.Second)

	take := func(token string, r io.Reader) (*studio.BackupDetails, error) {
		made, err := w.ImportBackup(t.Context(), admin, &studio.ImportBackupRequest{StudioID: w.studioID, SessionID: s.SessionID, ClientToken: token, Archive: r})
		if err != nil {
			return nil, err
		}
		return made.Backup, nil
	}
	imported, err := take("once", bytes.NewReader(archive.Bytes()))
	must(t, err)
	if again, err := take("once", iotest.ErrReader(errors.New("it is read again"))); err != nil || again.BackupID != imported.BackupID {
		t.Errorf("again: %+v, %v", again, err)
	}
	if imported.State != studio.Ready || imported.Origin != "IMPORT" {
		t.Errorf("%+v", imported)
	}
	// All that is left of the session itself stays, whatever is imported, and is what it starts from.
	w.settle(t, t.Context())
	if kept := w.kept(t, s.SessionID); len(kept) != 2 || kept[0] != imported.BackupID {
		t.Errorf("kept %v", kept)
	}
	if got := w.content(t, w.start(t, s.SessionID, nil)); got != "tuesday" {
		t.Errorf("started with %q", got)
	}
	// Read for the first time, it must be what the archive said.
	for w.backup(t, imported.BackupID).Checksum == nil {
		w.inspect(t, studio.InspectionResult{Root: "another"})
	}
	if v := w.backup(t, imported.BackupID).Verification; v.State != "DAMAGED" {
		t.Errorf("%+v", v)
	}
}

// TestInterruptedImports are those whose server is killed, and whose session is deleted.
func TestInterruptedImports(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	take := func(r io.Reader) (err error) {
		defer func() { _ = recover() }()
		_, err = w.ImportBackup(t.Context(), admin, &studio.ImportBackupRequest{StudioID: w.studioID, SessionID: s.SessionID, Archive: r})
		return err
	}
	must(t, take(killer{}))
	if list := w.backups(t); list[0].State != studio.CreateInProgress || len(w.volumes) != 2 {
		t.Fatalf("%+v %v", list, w.volumes)
	}
	wanted, err := w.Wanted(t.Context())
	must(t, err)
	for id := range w.volumes {
		if !wanted.Volumes[id] {
			t.Errorf("%s is not wanted", id)
		}
	}
	w.settle(t, t.Context())
	if list := w.backups(t); list[0].State != studio.CreateFailed || len(w.volumes) != 1 {
		t.Errorf("%+v %v", list, w.volumes)
	}

	// One that was at its end has more time, but not after its server has ended.
	must(t, take(strings.NewReader("archive "+deadly)))
	must(t, w.Recover(t.Context()))
	w.settle(t, t.Context())
	if list := w.backups(t); list[0].State != studio.CreateFailed || len(w.volumes) != 1 {
		t.Errorf("%+v %v", list, w.volumes)
	}

	// What goes on for long is no dead one, until nobody wants it any more.
	slow := &steps{read: func(n int) {
		w.clock.advance(time.Minute)
		w.finish(t, t.Context(), studio.TableBackups, w.backups(t)[0].BackupID)
		if n == 10 {
			_, err := w.DeleteStreamingSession(t.Context(), admin, &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
			must(t, err)
		}
	}}
	wants(t, take(slow), studio.Conflict, studio.CodeState)
	if slow.n != 10 {
		t.Errorf("%d steps", slow.n)
	}
	w.settle(t, t.Context())
	if len(w.volumes)+len(w.snapshots) != 0 {
		t.Errorf("left: %v %v", w.volumes, w.snapshots)
	}
}

// steps is an archive without end that says how often it was read.
type steps struct {
	n    int
	read func(n int)
}

func (s *steps) Read(p []byte) (int, error) {
	s.n++
	s.read(s.n)
	return copy(p, "archive "), nil
}

// TestOneBackupAtATime has a backup on demand fail while the next one in time is due.
func TestOneBackupAtATime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	w.clock.advance(4*time.Hour - time.Second)
	made, err := w.CreateBackup(t.Context(), artist, &studio.CreateBackupRequest{StudioID: w.studioID, SessionID: s.SessionID})
	must(t, err)
	w.broken = func(studio.Action) *studio.Failure {
		return &studio.Failure{Code: studio.InternalFailure, Err: errors.New("test")}
	}
	for range 10 {
		w.step(t, t.Context())
		w.clock.advance(time.Second)
	}
	w.broken = nil
	w.settle(t, t.Context())
	if b := w.backup(t, made.Backup.BackupID); b.State != studio.Ready {
		t.Errorf("%+v", b)
	}
	if list := w.backups(t); len(list) != 2 || list[0].State != studio.Ready {
		t.Errorf("%+v", list)
	}
}
