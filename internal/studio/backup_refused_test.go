package studio_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/studio"
)

// refusing is a Vault that imports nothing.
type refusing struct {
	studio.Vault
	why error
}

func (r *refusing) Import(_ context.Context, _ string, _ int64, archive io.Reader) (studio.Sum, error) {
	_, _ = io.Copy(io.Discard, archive)
	return studio.Sum{}, r.why
}

func TestBackupsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.launch(t)
	ask := func() error {
		_, err := w.CreateBackup(t.Context(), artist, &studio.CreateBackupRequest{StudioID: w.studioID, SessionID: s.SessionID})
		return err
	}
	must(t, ask())
	wants(t, ask(), studio.Conflict, studio.CodeBackingUp)
	w.settle(t, t.Context())
	w.stop(t, s.SessionID, "DELETE")
	wants(t, ask(), studio.Conflict, studio.CodeNothingToSave)
	remove(t, w, s.SessionID)
	wants(t, ask(), studio.NotFound, studio.CodeNotFound)
}

func TestImportsThatAreRefused(t *testing.T) {
	t.Parallel()
	for code, vault := range map[string]studio.Vault{
		studio.CodeNoVolumes: nil,
		studio.CodeArchive:   &refusing{why: studio.ErrNoArchive},
		studio.CodeRoom:      &refusing{why: studio.ErrNoRoom},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			w := open(t, t, t.TempDir(), func(c *studio.Config) { c.Vault = vault })
			w.furnish(t, t.Context())
			s := w.launch(t)
			_, err := w.ImportBackup(t.Context(), admin, &studio.ImportBackupRequest{
				StudioID: w.studioID, SessionID: s.SessionID, Archive: strings.NewReader("archive"),
			})
			wants(t, err, studio.KindOf(err), code)
			for _, b := range w.backups(t) {
				if b.State != studio.CreateFailed {
					t.Errorf("%+v", b)
				}
			}
		})
	}
}
