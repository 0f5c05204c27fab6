package studio

// SessionShare is the link by which members of the studio may look at a session.
type SessionShare struct {
	Right string `json:"right,omitempty" shape:"SessionShareRight"`
	URL   string `json:"url,omitempty" shape:"SensitiveString"`
}

// PutSessionShareRequest is what PutSessionShare is asked with.
type PutSessionShareRequest struct {
	SessionID string `path:"sessionId" json:"-" required:"true"`
	StudioID  string `path:"studioId" json:"-" required:"true"`
	Right     string `json:"right" required:"true" shape:"SessionShareRight"`
}

// PutSessionShareResponse is what PutSessionShare answers.
type PutSessionShareResponse struct {
	Share *SessionShare `json:"share,omitempty"`
}

// GetSessionShareRequest is what GetSessionShare is asked with.
type GetSessionShareRequest struct {
	SessionID string `path:"sessionId" json:"-" required:"true"`
	StudioID  string `path:"studioId" json:"-" required:"true"`
}

// GetSessionShareResponse is what GetSessionShare answers.
type GetSessionShareResponse struct {
	Share *SessionShare `json:"share,omitempty"`
}

// DeleteSessionShareRequest is what DeleteSessionShare is asked with.
type DeleteSessionShareRequest struct {
	SessionID string `path:"sessionId" json:"-" required:"true"`
	StudioID  string `path:"studioId" json:"-" required:"true"`
}

// DeleteSessionShareResponse is what DeleteSessionShare answers.
type DeleteSessionShareResponse struct{}
