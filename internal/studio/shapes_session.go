package studio

import "time"

// StreamingSession is one virtual workstation made from a launch profile.
type StreamingSession struct {
	ARN                      string               `json:"arn,omitempty"`
	AutomaticTerminationMode string               `json:"automaticTerminationMode,omitempty" shape:"AutomaticTerminationMode"`
	BackupMode               string               `json:"backupMode,omitempty" shape:"SessionBackupMode"`
	CreatedAt                time.Time            `json:"createdAt,omitzero"`
	CreatedBy                string               `json:"createdBy,omitempty"`
	EC2InstanceType          string               `json:"ec2InstanceType,omitempty"`
	LaunchProfileID          string               `json:"launchProfileId,omitempty"`
	MaxBackupsToRetain       int                  `json:"maxBackupsToRetain" shape:"StreamConfigurationMaxBackupsToRetain"`
	OwnedBy                  string               `json:"ownedBy,omitempty"`
	SessionID                string               `json:"sessionId,omitempty" shape:"StreamingSessionId"`
	SessionPersistenceMode   string               `json:"sessionPersistenceMode,omitempty" shape:"SessionPersistenceMode"`
	StartedAt                time.Time            `json:"startedAt,omitzero"`
	StartedBy                string               `json:"startedBy,omitempty"`
	StartedFromBackupID      string               `json:"startedFromBackupId,omitempty"`
	State                    State                `json:"state,omitempty" shape:"StreamingSessionState"`
	StatusCode               StatusCode           `json:"statusCode,omitempty" shape:"StreamingSessionStatusCode"`
	StatusMessage            string               `json:"statusMessage,omitempty"`
	StopAt                   time.Time            `json:"stopAt,omitzero"`
	StoppedAt                time.Time            `json:"stoppedAt,omitzero"`
	StoppedBy                string               `json:"stoppedBy,omitempty"`
	StreamingImageID         string               `json:"streamingImageId,omitempty" shape:"StreamingImageId"`
	Tags                     map[string]string    `json:"tags"`
	TerminateAt              time.Time            `json:"terminateAt,omitzero"`
	UpdatedAt                time.Time            `json:"updatedAt,omitzero"`
	UpdatedBy                string               `json:"updatedBy,omitempty"`
	VolumeConfiguration      *VolumeConfiguration `json:"volumeConfiguration,omitempty"`
	VolumeRetentionMode      string               `json:"volumeRetentionMode,omitempty" shape:"VolumeRetentionMode"`
}

// StreamingSessionBackup is a frozen volume that its session can be started from.
type StreamingSessionBackup struct {
	ARN             string            `json:"arn,omitempty"`
	BackupID        string            `json:"backupId,omitempty"`
	CreatedAt       time.Time         `json:"createdAt,omitzero"`
	LaunchProfileID string            `json:"launchProfileId,omitempty"`
	OwnedBy         string            `json:"ownedBy,omitempty"`
	SessionID       string            `json:"sessionId,omitempty" shape:"StreamingSessionId"`
	State           State             `json:"state,omitempty" shape:"StreamingSessionState"`
	StatusCode      StatusCode        `json:"statusCode,omitempty" shape:"StreamingSessionStatusCode"`
	StatusMessage   string            `json:"statusMessage,omitempty"`
	Tags            map[string]string `json:"tags"`
}

// StreamingSessionStream is one grant to see a session's desktop and to work in it.
type StreamingSessionStream struct {
	CreatedAt  time.Time  `json:"createdAt,omitzero"`
	CreatedBy  string     `json:"createdBy,omitempty"`
	ExpiresAt  time.Time  `json:"expiresAt,omitzero"`
	OwnedBy    string     `json:"ownedBy,omitempty"`
	State      State      `json:"state,omitempty" shape:"StreamingSessionStreamState"`
	StatusCode StatusCode `json:"statusCode,omitempty" shape:"StreamingSessionStreamStatusCode"`
	StreamID   string     `json:"streamId,omitempty"`
	URL        string     `json:"url,omitempty" shape:"SensitiveString"`
}

// CreateStreamingSessionRequest is what CreateStreamingSession is asked with.
type CreateStreamingSessionRequest struct {
	LaunchProfileID  string            `json:"launchProfileId" required:"true"`
	StudioID         string            `path:"studioId" json:"-" required:"true"`
	ClientToken      string            `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	EC2InstanceType  *string           `json:"ec2InstanceType,omitempty" shape:"StreamingInstanceType"`
	OwnedBy          *string           `json:"ownedBy,omitempty"`
	StreamingImageID *string           `json:"streamingImageId,omitempty" shape:"StreamingImageId"`
	Tags             map[string]string `json:"tags,omitempty"`
}

// CreateStreamingSessionResponse is what CreateStreamingSession answers.
type CreateStreamingSessionResponse struct {
	Session *StreamingSession `json:"session,omitempty"`
}

// CreateStreamingSessionStreamRequest is what CreateStreamingSessionStream is asked with.
type CreateStreamingSessionStreamRequest struct {
	SessionID           string `path:"sessionId" json:"-" required:"true"`
	StudioID            string `path:"studioId" json:"-" required:"true"`
	ClientToken         string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	ExpirationInSeconds *int   `json:"expirationInSeconds,omitempty" shape:"StreamingSessionStreamExpirationInSeconds"`
}

// CreateStreamingSessionStreamResponse is what CreateStreamingSessionStream answers.
type CreateStreamingSessionStreamResponse struct {
	Stream *StreamingSessionStream `json:"stream,omitempty"`
}

// DeleteStreamingSessionRequest is what DeleteStreamingSession is asked with.
type DeleteStreamingSessionRequest struct {
	SessionID   string `path:"sessionId" json:"-" required:"true"`
	StudioID    string `path:"studioId" json:"-" required:"true"`
	ClientToken string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// DeleteStreamingSessionResponse is what DeleteStreamingSession answers.
type DeleteStreamingSessionResponse struct {
	Session *StreamingSession `json:"session,omitempty"`
}

// GetStreamingSessionRequest is what GetStreamingSession is asked with.
type GetStreamingSessionRequest struct {
	SessionID string `path:"sessionId" json:"-" required:"true"`
	StudioID  string `path:"studioId" json:"-" required:"true"`
}

// GetStreamingSessionResponse is what GetStreamingSession answers.
type GetStreamingSessionResponse struct {
	Session *StreamingSession `json:"session,omitempty"`
}

// GetStreamingSessionBackupRequest is what GetStreamingSessionBackup is asked with.
type GetStreamingSessionBackupRequest struct {
	BackupID string `path:"backupId" json:"-" required:"true"`
	StudioID string `path:"studioId" json:"-" required:"true"`
}

// GetStreamingSessionBackupResponse is what GetStreamingSessionBackup answers.
type GetStreamingSessionBackupResponse struct {
	StreamingSessionBackup *StreamingSessionBackup `json:"streamingSessionBackup,omitempty"`
}

// GetStreamingSessionStreamRequest is what GetStreamingSessionStream is asked with.
type GetStreamingSessionStreamRequest struct {
	SessionID string `path:"sessionId" json:"-" required:"true"`
	StreamID  string `path:"streamId" json:"-" required:"true"`
	StudioID  string `path:"studioId" json:"-" required:"true"`
}

// GetStreamingSessionStreamResponse is what GetStreamingSessionStream answers.
type GetStreamingSessionStreamResponse struct {
	Stream *StreamingSessionStream `json:"stream,omitempty"`
}

// ListStreamingSessionBackupsRequest is what ListStreamingSessionBackups is asked with.
type ListStreamingSessionBackupsRequest struct {
	StudioID  string `path:"studioId" json:"-" required:"true"`
	NextToken string `query:"nextToken" json:"-"`
	OwnedBy   string `query:"ownedBy" json:"-"`
}

// ListStreamingSessionBackupsResponse is what ListStreamingSessionBackups answers.
type ListStreamingSessionBackupsResponse struct {
	NextToken               string                   `json:"nextToken,omitempty"`
	StreamingSessionBackups []StreamingSessionBackup `json:"streamingSessionBackups" shape:"StreamingSessionBackupList"`
}

// ListStreamingSessionsRequest is what ListStreamingSessions is asked with.
type ListStreamingSessionsRequest struct {
	StudioID   string `path:"studioId" json:"-" required:"true"`
	CreatedBy  string `query:"createdBy" json:"-"`
	NextToken  string `query:"nextToken" json:"-"`
	OwnedBy    string `query:"ownedBy" json:"-"`
	SessionIDs string `query:"sessionIds" json:"-"`
}

// ListStreamingSessionsResponse is what ListStreamingSessions answers.
type ListStreamingSessionsResponse struct {
	NextToken string             `json:"nextToken,omitempty"`
	Sessions  []StreamingSession `json:"sessions" shape:"StreamingSessionList"`
}

// StartStreamingSessionRequest is what StartStreamingSession is asked with.
type StartStreamingSessionRequest struct {
	SessionID   string  `path:"sessionId" json:"-" required:"true"`
	StudioID    string  `path:"studioId" json:"-" required:"true"`
	BackupID    *string `json:"backupId,omitempty"`
	ClientToken string  `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// StartStreamingSessionResponse is what StartStreamingSession answers.
type StartStreamingSessionResponse struct {
	Session *StreamingSession `json:"session,omitempty"`
}

// StopStreamingSessionRequest is what StopStreamingSession is asked with.
type StopStreamingSessionRequest struct {
	SessionID           string  `path:"sessionId" json:"-" required:"true"`
	StudioID            string  `path:"studioId" json:"-" required:"true"`
	ClientToken         string  `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	VolumeRetentionMode *string `json:"volumeRetentionMode,omitempty" shape:"VolumeRetentionMode"`
}

// StopStreamingSessionResponse is what StopStreamingSession answers.
type StopStreamingSessionResponse struct {
	Session *StreamingSession `json:"session,omitempty"`
}
