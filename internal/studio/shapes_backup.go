package studio

import "time"

// Verification is what reading a backup again has shown.
type Verification struct {
	State       State     `json:"state,omitempty" shape:"BackupVerificationState"`
	At          time.Time `json:"at,omitzero"`
	Message     string    `json:"message,omitempty"`
	Differences int       `json:"differences,omitempty"`
	Paths       []string  `json:"paths,omitempty" shape:"BackupVerificationPathList"`
}
