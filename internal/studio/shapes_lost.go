package studio

import "time"

// Lost is a volume or snapshot that nobody wants and that is kept all the same.
type Lost struct {
	LostID    string    `json:"lostId,omitempty"`
	Kind      string    `json:"kind,omitempty" shape:"LostKind"`
	UsedBytes int       `json:"usedBytes"`
	ChangedAt time.Time `json:"changedAt,omitzero"`
	Reason    string    `json:"reason,omitempty"`
	SessionID string    `json:"sessionId,omitempty" shape:"StreamingSessionId"`
}

// ListLostRequest is what ListLost is asked with.
type ListLostRequest struct {
	MaxResults *int   `query:"maxResults" json:"-" shape:"MaxResults"`
	NextToken  string `query:"nextToken" json:"-"`
}

// ListLostResponse is what ListLost answers.
type ListLostResponse struct {
	Lost      []Lost `json:"lost" shape:"LostList"`
	NextToken string `json:"nextToken,omitempty"`
}

// AdoptLostRequest is what AdoptLost is asked with.
type AdoptLostRequest struct {
	LostID           string            `path:"lostId" json:"-" required:"true"`
	StudioID         string            `path:"studioId" json:"-" required:"true"`
	ClientToken      string            `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	EC2InstanceType  *string           `json:"ec2InstanceType,omitempty" shape:"StreamingInstanceType"`
	LaunchProfileID  string            `json:"launchProfileId,omitempty" required:"true"`
	OwnedBy          *string           `json:"ownedBy,omitempty"`
	StreamingImageID *string           `json:"streamingImageId,omitempty" shape:"StreamingImageId"`
	Tags             map[string]string `json:"tags,omitempty"`
}

// AdoptLostResponse is what AdoptLost answers.
type AdoptLostResponse struct {
	Session *StreamingSession `json:"session,omitempty"`
}

// DeleteLostRequest is what DeleteLost is asked with.
type DeleteLostRequest struct {
	LostID      string `path:"lostId" json:"-" required:"true"`
	ClientToken string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// DeleteLostResponse is what DeleteLost answers.
type DeleteLostResponse struct{}
