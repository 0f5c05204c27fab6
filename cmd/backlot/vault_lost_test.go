package main

import (
	"errors"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
)

func TestVaultSurveysWhatIsLost(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	for _, err := range []error{
		v.volumes.Create(t.Context(), "bare", volume.Options{}),
		v.volumes.Create(t.Context(), "full", volume.Options{FromSnapshot: "one"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	there, err := v.Holdings(t.Context())
	if err != nil || len(there.Volumes) != 2 || len(there.Snapshots) != 1 {
		t.Errorf("%+v, %v", there, err)
	}
	for id, want := range map[string]bool{"bare": true, "full": false} {
		if empty, err := v.Empty(t.Context(), id); err != nil || empty != want {
			t.Errorf("%s: %t, %v", id, empty, err)
		}
	}
	for id, kind := range map[string]string{"full": studio.LostVolume, "one": studio.LostSnapshot} {
		bytes, changed, err := v.Survey(t.Context(), kind, id)
		if ago := time.Since(changed); err != nil || bytes == 0 || ago < 0 || ago > time.Minute {
			t.Errorf("%s: %d bytes, changed %s ago, %v", id, bytes, ago, err)
		}
		for range 2 {
			if err := v.Remove(t.Context(), kind, id); err != nil {
				t.Error(err)
			}
		}
		if _, _, err := v.Survey(t.Context(), kind, id); !errors.Is(err, studio.ErrNoFile) {
			t.Error(err)
		}
	}
	if _, err := v.Empty(t.Context(), "full"); !errors.Is(err, studio.ErrNoFile) {
		t.Error(err)
	}
}
