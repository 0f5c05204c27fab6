package studio

import (
	"context"
	"io"
	"time"
)

// BackupDetails is a backup with all that is known of it.
type BackupDetails struct {
	ARN             string            `json:"arn,omitempty"`
	BackupID        string            `json:"backupId,omitempty"`
	Checksum        *Checksum         `json:"checksum,omitempty"`
	CreatedAt       time.Time         `json:"createdAt,omitzero"`
	LaunchProfileID string            `json:"launchProfileId,omitempty"`
	Origin          string            `json:"origin,omitempty" shape:"BackupOrigin"`
	OwnedBy         string            `json:"ownedBy,omitempty"`
	SessionID       string            `json:"sessionId,omitempty" shape:"StreamingSessionId"`
	State           State             `json:"state,omitempty" shape:"StreamingSessionState"`
	StatusCode      StatusCode        `json:"statusCode,omitempty" shape:"StreamingSessionStatusCode"`
	StatusMessage   string            `json:"statusMessage,omitempty"`
	Tags            map[string]string `json:"tags"`
	Verification    *Verification     `json:"verification,omitempty"`
}

// Checksum is what a backup came to when it was read for the first time.
type Checksum struct {
	Root     string    `json:"root,omitempty"`
	Files    int       `json:"files"`
	Bytes    int       `json:"bytes"`
	SummedAt time.Time `json:"summedAt,omitzero"`
}

// Verification is what reading a backup again has shown.
type Verification struct {
	State       State     `json:"state,omitempty" shape:"BackupVerificationState"`
	At          time.Time `json:"at,omitzero"`
	Message     string    `json:"message,omitempty"`
	Differences int       `json:"differences"`
	Paths       []string  `json:"paths,omitempty" shape:"BackupVerificationPathList"`
}

// BackupFile is a file of a backup.
type BackupFile struct {
	Name       string    `json:"name,omitempty"`
	Type       string    `json:"type,omitempty" shape:"BackupFileType"`
	Mode       string    `json:"mode,omitempty"`
	UserID     int       `json:"userId"`
	GroupID    int       `json:"groupId"`
	Size       int       `json:"size"`
	ModifiedAt time.Time `json:"modifiedAt,omitzero"`
	Target     string    `json:"target,omitempty"`
}

// The types of a BackupFile.
const (
	FileRegular   = "FILE"
	FileDirectory = "DIRECTORY"
	FileSymlink   = "SYMBOLIC_LINK"
	FileOther     = "OTHER"
)

// CreateBackupRequest is what CreateBackup is asked with.
type CreateBackupRequest struct {
	SessionID   string            `path:"sessionId" json:"-" required:"true"`
	StudioID    string            `path:"studioId" json:"-" required:"true"`
	ClientToken string            `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// CreateBackupResponse is what CreateBackup answers.
type CreateBackupResponse struct {
	Backup *BackupDetails `json:"backup,omitempty"`
}

// GetBackupRequest is what GetBackup is asked with.
type GetBackupRequest struct {
	BackupID string `path:"backupId" json:"-" required:"true"`
	StudioID string `path:"studioId" json:"-" required:"true"`
}

// GetBackupResponse is what GetBackup answers.
type GetBackupResponse struct {
	Backup *BackupDetails `json:"backup,omitempty"`
}

// ListBackupsRequest is what ListBackups is asked with.
type ListBackupsRequest struct {
	SessionID  string `path:"sessionId" json:"-" required:"true"`
	StudioID   string `path:"studioId" json:"-" required:"true"`
	MaxResults *int   `query:"maxResults" json:"-" shape:"MaxResults"`
	NextToken  string `query:"nextToken" json:"-"`
}

// ListBackupsResponse is what ListBackups answers.
type ListBackupsResponse struct {
	Backups   []BackupDetails `json:"backups" shape:"BackupDetailsList"`
	NextToken string          `json:"nextToken,omitempty"`
}

// DeleteBackupRequest is what DeleteBackup is asked with.
type DeleteBackupRequest struct {
	BackupID    string `path:"backupId" json:"-" required:"true"`
	StudioID    string `path:"studioId" json:"-" required:"true"`
	ClientToken string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// DeleteBackupResponse is what DeleteBackup answers.
type DeleteBackupResponse struct {
	Backup *BackupDetails `json:"backup,omitempty"`
}

// VerifyBackupRequest is what VerifyBackup is asked with.
type VerifyBackupRequest struct {
	BackupID    string `path:"backupId" json:"-" required:"true"`
	StudioID    string `path:"studioId" json:"-" required:"true"`
	ClientToken string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// VerifyBackupResponse is what VerifyBackup answers.
type VerifyBackupResponse struct {
	Backup *BackupDetails `json:"backup,omitempty"`
}

// RestoreBackupRequest is what RestoreBackup is asked with.
type RestoreBackupRequest struct {
	BackupID         string            `path:"backupId" json:"-" required:"true"`
	StudioID         string            `path:"studioId" json:"-" required:"true"`
	ClientToken      string            `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	EC2InstanceType  *string           `json:"ec2InstanceType,omitempty" shape:"StreamingInstanceType"`
	LaunchProfileID  *string           `json:"launchProfileId,omitempty"`
	OwnedBy          *string           `json:"ownedBy,omitempty"`
	StreamingImageID *string           `json:"streamingImageId,omitempty" shape:"StreamingImageId"`
	Tags             map[string]string `json:"tags,omitempty"`
}

// RestoreBackupResponse is what RestoreBackup answers.
type RestoreBackupResponse struct {
	Session *StreamingSession `json:"session,omitempty"`
}

// ListBackupFilesRequest is what ListBackupFiles is asked with.
type ListBackupFilesRequest struct {
	BackupID   string `path:"backupId" json:"-" required:"true"`
	StudioID   string `path:"studioId" json:"-" required:"true"`
	MaxResults *int   `query:"maxResults" json:"-" shape:"MaxResults"`
	NextToken  string `query:"nextToken" json:"-"`
	Path       string `query:"path" json:"-" shape:"BackupFilePath"`
}

// ListBackupFilesResponse is what ListBackupFiles answers.
type ListBackupFilesResponse struct {
	Files     []BackupFile `json:"files" shape:"BackupFileList"`
	NextToken string       `json:"nextToken,omitempty"`
}

// GetBackupFileRequest is what GetBackupFile is asked with.
type GetBackupFileRequest struct {
	BackupID string `path:"backupId" json:"-" required:"true"`
	StudioID string `path:"studioId" json:"-" required:"true"`
	Path     string `query:"path" json:"-" required:"true" shape:"BackupFilePath"`
}

// GetBackupFileResponse is the file that GetBackupFile answers; whoever has it closes Content.
type GetBackupFileResponse struct {
	File    BackupFile
	Content io.ReadSeekCloser
}

// ExportBackupRequest is what ExportBackup is asked with.
type ExportBackupRequest struct {
	BackupID string `path:"backupId" json:"-" required:"true"`
	StudioID string `path:"studioId" json:"-" required:"true"`
}

// ExportBackupResponse is the archive that ExportBackup answers.
type ExportBackupResponse struct {
	// Name is what the archive may be called as a file.
	Name string
	// WriteTo writes the archive. After an error, what was written is none.
	WriteTo func(ctx context.Context, w io.Writer) error
}

// ImportBackupRequest is what ImportBackup is asked with.
type ImportBackupRequest struct {
	SessionID   string `path:"sessionId" json:"-" required:"true"`
	StudioID    string `path:"studioId" json:"-" required:"true"`
	ClientToken string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	// Archive is the body of the request.
	Archive io.Reader `stream:"body" json:"-"`
}

// ImportBackupResponse is what ImportBackup answers.
type ImportBackupResponse struct {
	Backup *BackupDetails `json:"backup,omitempty"`
}
