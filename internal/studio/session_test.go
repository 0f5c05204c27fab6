package studio_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/studio"
)

func TestSessionLives(t *testing.T) {
	t.Parallel()
	w := setup(t)
	began := w.clock.Now()

	created, err := w.CreateStreamingSession(t.Context(), artist, &studio.CreateStreamingSessionRequest{
		StudioID: w.studioID, LaunchProfileID: w.profileID, Tags: map[string]string{"shot": "42"},
	})
	must(t, err)
	s := created.Session
	want := &studio.StreamingSession{
		ARN: "arn:aws:nimble:us-west-2:" + account + ":streaming-session/" + strings.TrimPrefix(s.SessionID, "us-west-2:"), SessionID: s.SessionID,
		AutomaticTerminationMode: "DEACTIVATED", BackupMode: "AUTOMATIC", MaxBackupsToRetain: 3, SessionPersistenceMode: "ACTIVATED",
		CreatedAt: began, CreatedBy: artist.ID, UpdatedAt: began, UpdatedBy: artist.ID, OwnedBy: artist.ID,
		EC2InstanceType: "g4dn.xlarge", LaunchProfileID: w.profileID, StreamingImageID: w.imageID,
		State: "CREATE_IN_PROGRESS", StatusCode: "STREAMING_SESSION_CREATE_IN_PROGRESS", StatusMessage: "The workstation is being made.",
		Tags: map[string]string{"shot": "42"}, VolumeConfiguration: &studio.VolumeConfiguration{IOPS: 3000, Size: 100, Throughput: 125},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Fatal(diff)
	}
	id := s.SessionID

	w.settle(t, t.Context())
	s = w.get(t, id)
	if s.State != studio.Ready || s.StatusCode != "STREAMING_SESSION_READY" || !s.StopAt.Equal(w.clock.Now().Add(690*time.Minute)) || !s.TerminateAt.IsZero() {
		t.Fatalf("after create: %+v", s)
	}
	w.write(t, s, "monday")

	w.clock.advance(time.Hour)
	began = w.clock.Now()
	s = w.stop(t, id, "RETAIN")
	if s.State != studio.Stopped || s.StatusCode != "STREAMING_SESSION_STOPPED" || !s.StoppedAt.Equal(began) || s.StoppedBy != artist.ID ||
		s.VolumeRetentionMode != "RETAIN" || !s.StopAt.IsZero() || !s.TerminateAt.IsZero() || !s.StartedAt.IsZero() {
		t.Fatalf("after stop: %+v", s)
	}
	backups := w.backups(t)
	if len(backups) != 1 || backups[0].State != studio.Ready || backups[0].SessionID != id || backups[0].OwnedBy != artist.ID || backups[0].Tags["shot"] != "42" {
		t.Fatalf("backups: %+v", backups)
	}
	monday := backups[0].BackupID

	s = w.start(t, id, nil)
	if s.State != studio.Ready || s.StatusCode != "STREAMING_SESSION_STARTED" || s.StartedBy != artist.ID || s.StartedAt.IsZero() ||
		s.StartedFromBackupID != "" || s.StoppedAt.IsZero() || w.content(t, s) != "monday" {
		t.Fatalf("after start: %+v with %q", s, w.content(t, s))
	}
	w.write(t, s, "tuesday")
	w.clock.advance(time.Hour)
	w.stop(t, id, "RETAIN")

	s = w.start(t, id, &monday)
	if s.StartedFromBackupID != monday || w.content(t, s) != "monday" {
		t.Fatalf("after start from backup: %+v with %q", s, w.content(t, s))
	}
	// The stop backup holds what was replaced: none more was needed.
	if n := len(w.backups(t)); n != 2 {
		t.Fatalf("%d backups", n)
	}

	deleted, err := w.DeleteStreamingSession(t.Context(), artist, &studio.DeleteStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
	must(t, err)
	if deleted.Session.State != studio.DeleteInProgress {
		t.Fatalf("delete: %+v", deleted.Session)
	}
	w.settle(t, t.Context())
	if s = w.get(t, id); s.State != studio.Deleted || s.StatusCode != "STREAMING_SESSION_DELETED" {
		t.Fatalf("after delete: %+v", s)
	}
	if len(w.running)+len(w.volumes)+len(w.snapshots) != 0 {
		t.Fatalf("left behind: %v %v %v", w.running, w.volumes, w.snapshots)
	}
	for _, b := range w.backups(t) {
		if b.State != studio.Deleted {
			t.Fatalf("backup: %+v", b)
		}
	}
	_, err = w.StopStreamingSession(t.Context(), artist, &studio.StopStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
	wants(t, err, studio.NotFound, studio.CodeNotFound)

	w.clock.advance(8 * 24 * time.Hour)
	w.settle(t, t.Context())
	_, err = w.GetStreamingSession(t.Context(), admin, &studio.GetStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
	wants(t, err, studio.NotFound, studio.CodeNotFound)
	_, err = w.GetStreamingSession(t.Context(), artist, &studio.GetStreamingSessionRequest{StudioID: w.studioID, SessionID: id})
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
}
