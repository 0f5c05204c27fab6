package studio_test

import (
	"errors"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// inspect records what a reading of what is wanted next came to.
func (w *world) inspect(t *testing.T, r studio.InspectionResult) studio.Inspection {
	t.Helper()
	i, ok, err := w.NextInspection(t.Context())
	must(t, err)
	if !ok {
		t.Fatal("nothing is to be read")
	}
	must(t, w.RecordInspection(t.Context(), i, r))
	return i
}

func (w *world) nothingToRead(t *testing.T) {
	t.Helper()
	if i, ok, err := w.NextInspection(t.Context()); ok || err != nil {
		t.Fatalf("to be read: %+v, %v", i, err)
	}
}

func TestBackupsAreRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	w.nothingToRead(t)
	w.stop(t, s.SessionID, "RETAIN")
	b := w.backups(t)[0]
	first := w.inspect(t, studio.InspectionResult{Err: errors.New("test")})
	if first.BackupID != b.BackupID || first.Verify || first.SessionID != "" || first.Manifest != first.Snapshot {
		t.Fatalf("%+v", first)
	}
	w.nothingToRead(t) // not at once again
	w.clock.advance(time.Minute)
	if again := w.inspect(t, studio.InspectionResult{Root: "r", Files: 3, Bytes: 10}); again != first {
		t.Fatalf("%+v", again)
	}
	w.nothingToRead(t)
}

func TestRestoredVolumesAreCompared(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	w.stop(t, s.SessionID, "RETAIN")
	b := w.backups(t)[0]
	w.start(t, s.SessionID, &b.BackupID)
	w.inspect(t, studio.InspectionResult{Root: "r"})
	w.nothingToRead(t) // without a sum there was nothing to compare with

	w.stop(t, s.SessionID, "RETAIN")
	w.start(t, s.SessionID, &b.BackupID)
	stored := w.stored(t, s.SessionID)
	if stored.Compare != stored.Volume+"c" {
		t.Fatalf("%+v", stored)
	}
	wanted, err := w.Wanted(t.Context())
	must(t, err)
	if !wanted.Snapshots[stored.Compare] {
		t.Error("the copy is not wanted")
	}
	for {
		i := w.inspect(t, studio.InspectionResult{Root: "r"})
		if i.SessionID == "" {
			continue
		}
		if want := (studio.Inspection{BackupID: b.BackupID, Snapshot: stored.Compare, Manifest: stored.From, Verify: true, SessionID: s.SessionID}); i != want {
			t.Fatalf("%+v, want %+v", i, want)
		}
		break
	}
	if stored = w.stored(t, s.SessionID); stored.Compare != "" {
		t.Errorf("%+v", stored)
	}
}
