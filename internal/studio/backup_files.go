package studio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"
)

// readyBackup finds a READY backup whose files p may see.
func (s *Service) readyBackup(ctx context.Context, p Principal, operation, studioID, id string) (b *Backup, err error) {
	return b, s.read(ctx, func(tx Tx) error {
		b, err = s.permitBackup(ctx, tx, p, operation, studioID, id)
		switch {
		case err != nil:
			return err
		case b.State == Deleted:
			return absent("backup", id)
		case b.State != Ready:
			return wrongState("backup", id, b.State)
		}
		return nil
	})
}

// inside is a path below the top of a backup: "." is the top.
func inside(p string) string {
	if p = path.Clean("/" + p)[1:]; p == "" {
		return "."
	}
	return p
}

// noFile answers for the Vault that there is no such file.
func noFile(err error, kind, at string) error {
	if !errors.Is(err, ErrNoFile) {
		return outcome(err)
	}
	at = path.Clean("/" + at)
	return &Error{
		Kind: NotFound, Code: CodeNotFound, Message: fmt.Sprintf("There is no %s %s in the backup.", kind, cut(at, 256)),
		Context: map[string]string{"resourceId": at}, Err: err,
	}
}

// ListBackupFiles lists a directory of a backup, by name.
func (s *Service) ListBackupFiles(ctx context.Context, p Principal, req *ListBackupFilesRequest) (*ListBackupFilesResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	b, err := s.readyBackup(ctx, p, "ListBackupFiles", req.StudioID, req.BackupID)
	if err != nil {
		return nil, err
	}
	vault, err := s.vault()
	if err != nil {
		return nil, err
	}
	page := listing{"ListBackupFiles", req, req.NextToken, limit(req.MaxResults, pageMax)}
	var after Place
	if page.token != "" {
		if after, err = s.openPageToken(page); err != nil {
			return nil, err
		}
	}
	files, err := vault.Entries(ctx, b.Key, inside(req.Path), after.ID, page.size+1)
	if err != nil {
		return nil, noFile(err, "directory", req.Path)
	}
	answer := &ListBackupFilesResponse{Files: files}
	if len(files) > page.size {
		answer.Files = files[:page.size]
		answer.NextToken = s.pageToken(page, Place{time.Time{}, files[page.size-1].Name})
	}
	return answer, nil
}

// GetBackupFile opens one regular file of a backup.
func (s *Service) GetBackupFile(ctx context.Context, p Principal, req *GetBackupFileRequest) (*GetBackupFileResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	b, err := s.readyBackup(ctx, p, "GetBackupFile", req.StudioID, req.BackupID)
	if err != nil {
		return nil, err
	}
	vault, err := s.vault()
	if err != nil {
		return nil, err
	}
	content, file, err := vault.Open(ctx, b.Key, inside(req.Path))
	if err != nil {
		return nil, noFile(err, "regular file", req.Path)
	}
	return &GetBackupFileResponse{File: file, Content: content}, nil
}

// ExportBackup answers a backup as an archive, which can be imported into any
// session, here or elsewhere.
func (s *Service) ExportBackup(ctx context.Context, p Principal, req *ExportBackupRequest) (*ExportBackupResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	b, err := s.readyBackup(ctx, p, "ExportBackup", req.StudioID, req.BackupID)
	if err != nil {
		return nil, err
	}
	vault, err := s.vault()
	if err != nil {
		return nil, err
	}
	meta := map[string]string{
		"backupId": b.BackupID, "sessionId": b.SessionID, "studioId": b.StudioID, "launchProfileId": b.LaunchProfileID, "ownedBy": b.OwnedBy,
		"createdAt": b.CreatedAt.Format(time.RFC3339), "origin": b.Origin, "root": b.Root,
	}
	return &ExportBackupResponse{
		Name:    "backup-" + b.BackupID + ".tar.zst",
		WriteTo: func(ctx context.Context, w io.Writer) error { return vault.Export(ctx, b.Key, meta, w) },
	}, nil
}
