package studio_test

import (
	"context"
	"io"
	"strings"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/backlot/backlot/internal/studio"
)

// anyBackup is one of the backups there are, of whatever state.
func (m *model) anyBackup(rt *rapid.T, ctx context.Context) *studio.Backup {
	all := m.list(rt, ctx, m.any(rt))
	if len(all) == 0 {
		rt.Skip("none")
	}
	return rapid.SampledFrom(all).Draw(rt, "backup")
}

func (m *model) deleteBackup(rt *rapid.T, ctx context.Context) {
	b := m.anyBackup(rt, ctx)
	_, err := m.DeleteBackup(ctx, admin, &studio.DeleteBackupRequest{StudioID: m.studioID, BackupID: b.BackupID})
	m.answered(rt, err)
	if err == nil {
		if by := m.needed(rt, ctx, b.Key); by != "" {
			rt.Fatalf("%s was to be deleted while %s is made from it", b.BackupID, by)
		}
		m.forgone[b.SessionID] = true
		m.good[b.SessionID] = m.goodOf(rt, ctx, b.SessionID) > 0
	}
}

func (m *model) restore(rt *rapid.T, ctx context.Context) {
	if len(m.sessions) >= 3 {
		rt.Skip("enough")
	}
	answer, err := m.RestoreBackup(ctx, artist, &studio.RestoreBackupRequest{StudioID: m.studioID, BackupID: m.anyBackup(rt, ctx).BackupID})
	m.answered(rt, err)
	if err == nil {
		m.ids = append(m.ids, answer.Session.SessionID)
		m.sessions[answer.Session.SessionID] = answer.Session.State
	}
}

// inspectAny reads what is to be read next, well or not.
func (m *model) inspectAny(rt *rapid.T, ctx context.Context) {
	i, ok, err := m.NextInspection(ctx)
	must(rt, err)
	if !ok {
		rt.Skip("none")
	}
	content, there := m.snapshots[i.Snapshot]
	if !there {
		rt.Fatalf("%+v is to be read and is not there", i)
	}
	r := studio.InspectionResult{Root: rootOf(content), Files: 1}
	switch rapid.IntRange(0, 3).Draw(rt, "result") {
	case 0:
		r.Err = io.ErrUnexpectedEOF
	case 1:
		r.Differences, r.Paths = 1, []string{"work: contents"}
	}
	must(rt, m.RecordInspection(ctx, i, r))
	var b studio.Backup
	must(rt, m.store.Read(ctx, func(tx studio.Tx) error { return tx.Find(ctx, i.BackupID, &b) }))
	m.good[b.SessionID] = m.goodOf(rt, ctx, b.SessionID) > 0
}

// importAny imports an archive: whole, broken, or by a server that is killed.
func (m *model) importAny(rt *rapid.T, ctx context.Context) {
	req := &studio.ImportBackupRequest{StudioID: m.studioID, SessionID: m.any(rt), Archive: strings.NewReader("archive x")}
	switch rapid.IntRange(0, 3).Draw(rt, "how") {
	case 0:
		req.Archive = strings.NewReader("nonsense")
	case 1:
		req.Archive = iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("archive x")))
	case 2:
		req.Archive = killer{}
	}
	defer func() {
		if killed := recover(); killed != nil && killed != (killer{}) {
			panic(killed)
		}
	}()
	_, err := m.ImportBackup(ctx, admin, req)
	if studio.KindOf(err) != studio.Internal {
		m.answered(rt, err)
	}
}

// killer is an archive whose reading ends the server.
type killer struct{}

func (k killer) Read([]byte) (int, error) { panic(k) }

// goodOf counts a session's READY backups that are not known to be damaged.
func (m *model) goodOf(rt *rapid.T, ctx context.Context, id string) (n int) {
	for _, b := range m.ready(rt, ctx, id) {
		if b.Verification.State != "DAMAGED" {
			n++
		}
	}
	return n
}

// goodStays holds a session to keeping a good backup if it had one.
func (m *model) goodStays(rt *rapid.T, ctx context.Context, s *studio.Session) {
	good := m.goodOf(rt, ctx, s.SessionID) > 0
	switch s.State {
	case studio.DeleteInProgress, studio.Deleted, studio.DeleteFailed:
	default:
		if m.good[s.SessionID] && !good {
			rt.Fatalf("the last good backup is gone of %+v", s)
		}
	}
	m.good[s.SessionID] = good
}
