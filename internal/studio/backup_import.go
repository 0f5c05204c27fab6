package studio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// ImportBackup makes a backup of a session from an archive. The backup is listed
// from the first moment, and answered when it is READY.
func (s *Service) ImportBackup(ctx context.Context, p Principal, req *ImportBackupRequest) (*ImportBackupResponse, error) {
	archive := req.Archive
	asked := *req
	asked.Archive = nil // it is read once, and no part of what a client token is compared with
	if err := Check(&asked); err != nil {
		return nil, err
	}
	var session *Session
	var vault Vault
	known := true
	b, err := create(ctx, s, call{p, "ImportBackup", &asked, req.ClientToken}, func(tx Tx) (err error) {
		session, err = s.permitSession(ctx, tx, Question{Principal: p, Action: "ImportBackup"}, req.StudioID, req.SessionID)
		return err
	}, func(tx Tx, now time.Time) (b *Backup, err error) {
		if vault, err = s.vault(); err != nil {
			return nil, err
		}
		switch session.State {
		case Ready, Stopped, StopInProgress, StopFailed, StartInProgress, StartFailed:
		default:
			return nil, wrongState("session", session.SessionID, session.State)
		}
		if b, err = s.newBackup(session, now, originImport); err != nil {
			return nil, err
		}
		known = false
		b.Volume, b.Deadline = ImportVolume(b.Key), now.Add(importPatience)
		return b, tx.Save(ctx, session)
	})
	if err != nil {
		return nil, err
	}
	if known {
		return &ImportBackupResponse{Backup: b.details()}, nil
	}
	sum, err := vault.Import(ctx, b.Key, session.VolumeBytes(), s.importing(ctx, b, archive))
	// Even where the caller has gone, what came of it is recorded.
	b, err = s.imported(context.WithoutCancel(ctx), vault, b, sum, err)
	if err != nil {
		return nil, err
	}
	return &ImportBackupResponse{Backup: b.details()}, nil
}

// importing is an archive that is being read for a backup: now and then the row
// learns that it goes on, and nothing more is read once nobody wants the backup.
func (s *Service) importing(ctx context.Context, b *Backup, archive io.Reader) io.Reader {
	beaten := b.CreatedAt
	return readFunc(func(p []byte) (int, error) {
		n, err := archive.Read(p)
		patience := importPatience
		now := s.now()
		switch {
		case errors.Is(err, io.EOF):
			patience = importEnd
		case err != nil || now.Sub(beaten) < importBeat:
			return n, err
		}
		beaten = now
		if lost := s.beat(ctx, b.BackupID, patience); lost != nil {
			return 0, lost
		}
		return n, err
	})
}

// beat says that an import goes on.
func (s *Service) beat(ctx context.Context, id string, patience time.Duration) error {
	return s.write(ctx, func(tx Tx, now time.Time) error {
		var b Backup
		if err := tx.Find(ctx, id, &b); err != nil {
			return fmt.Errorf("find backup %s to be imported: %w", id, err)
		}
		if b.State != CreateInProgress {
			return wrongState("backup", id, b.State)
		}
		b.Deadline = now.Add(patience)
		return tx.Save(ctx, &b)
	})
}

// imported records what came of an import. A snapshot that nobody wants any more
// is discarded.
func (s *Service) imported(ctx context.Context, vault Vault, b *Backup, sum Sum, failed error) (*Backup, error) {
	id, key := b.BackupID, b.Key
	var now time.Time
	err := s.write(ctx, func(tx Tx, at time.Time) error {
		b, now = &Backup{}, at
		if err := tx.Find(ctx, id, b); err != nil {
			return fmt.Errorf("find backup %s that was imported: %w", id, err)
		}
		switch {
		case b.State != CreateInProgress:
			return wrongState("backup", id, b.State)
		case failed != nil:
			if err := b.failed(now, Failure{Code: InternalFailure, Message: "The archive could not be imported: " + importFault(failed)}, s.cfg.Timing); err != nil {
				return err
			}
			return tx.Save(ctx, b)
		}
		if err := b.enter(eventMade); err != nil {
			return err
		}
		b.Deadline = time.Time{}
		b.Root, b.Files, b.Bytes = sum.Root, sum.Files, sum.Bytes
		if err := tx.Save(ctx, b); err != nil {
			return err
		}
		var session Session
		if ok, err := found(tx.Find(ctx, b.SessionID, &session)); !ok {
			return err
		}
		return s.retainBackups(ctx, tx, now, &session, false)
	})
	switch {
	case failed != nil:
		return nil, importError(failed)
	case err == nil:
		return b, nil
	case KindOf(err) != Internal: // else it may have been recorded; the loop deletes what was not
		if gone := vault.Remove(ctx, LostSnapshot, key); gone != nil {
			s.cfg.Log.WarnContext(ctx, "cannot discard what was imported in vain", "snapshot", key, "err", gone)
		}
	}
	return nil, err
}

// importError is what the caller of an import that failed is told.
func importError(err error) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, ErrNoRoom):
		return &Error{
			Kind: QuotaExceeded, Code: CodeRoom, Err: err,
			Message: "The archive does not fit into the session's volume or on the disk of the volumes; nothing of it was kept.",
		}
	case errors.Is(err, ErrNoArchive):
		return &Error{Kind: Validation, Code: CodeArchive, Message: "What was sent is not a whole archive of a backup; export it again.", Err: err}
	default:
		return err
	}
}

// importFault says the same to those who look at the backup.
func importFault(err error) string {
	var e *Error
	if errors.As(importError(err), &e) && e.Kind != Internal {
		return e.Message
	}
	return "the upload broke off, or something went wrong on the server."
}
