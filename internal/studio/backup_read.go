package studio

import "context"

// details is the backup as our own operations show it.
func (b *Backup) details() *BackupDetails {
	d := &BackupDetails{
		ARN: b.ARN, BackupID: b.BackupID, CreatedAt: b.CreatedAt, LaunchProfileID: b.LaunchProfileID, Origin: b.Origin, OwnedBy: b.OwnedBy,
		SessionID: b.SessionID, State: b.State, StatusCode: b.StatusCode, StatusMessage: b.StatusMessage, Tags: b.Tags,
	}
	if !b.SummedAt.IsZero() {
		d.Checksum = &Checksum{Root: b.Root, Files: int(b.Files), Bytes: int(b.Bytes), SummedAt: b.SummedAt}
	}
	if b.State == Ready {
		v := b.Verification
		if v.State == "" {
			v.State = notVerified
		}
		d.Verification = &v
	}
	return d
}

// GetBackup shows one backup with all that is known of it.
func (s *Service) GetBackup(ctx context.Context, p Principal, req *GetBackupRequest) (*GetBackupResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer GetBackupResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		b, err := s.permitBackup(ctx, tx, p, "GetBackup", req.StudioID, req.BackupID)
		if err == nil {
			answer.Backup = b.details()
		}
		return err
	})
}

// permitBackup finds a backup for an operation that p may do with it.
func (s *Service) permitBackup(ctx context.Context, tx Tx, p Principal, operation, studioID, id string) (*Backup, error) {
	b, r, err := s.findBackup(ctx, tx, studioID, id)
	if err != nil {
		return nil, err
	}
	if err := s.permit(ctx, tx, p, operation, r, nil); err != nil {
		return nil, err
	}
	if b == nil {
		return nil, absent("backup", id)
	}
	return b, nil
}

// ListBackups lists a session's backups, the newest first.
func (s *Service) ListBackups(ctx context.Context, p Principal, req *ListBackupsRequest) (*ListBackupsResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := ListBackupsResponse{Backups: []BackupDetails{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		session, r, err := s.findSession(ctx, tx, req.StudioID, req.SessionID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "ListBackups", r, nil); err != nil {
			return err
		}
		if session == nil {
			return absent("streaming session", req.SessionID)
		}
		backups, next, err := page[Backup](ctx, s, tx, listing{"ListBackups", req, req.NextToken, limit(req.MaxResults, pageMax)},
			Query{ParentID: session.SessionID, NewestFirst: true})
		for _, b := range backups {
			answer.Backups = append(answer.Backups, *b.details())
		}
		answer.NextToken = next
		return err
	})
}
