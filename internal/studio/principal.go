package studio

import "context"

// Principal is who calls: the holder of a key or of a browser login.
type Principal struct {
	// ID is what createdBy and updatedBy show: the user's principal id, or the
	// key's account-administrator name.
	ID string
	// Administrator of the account: may do everything in it.
	Administrator bool
}

// User is somebody of the identity store.
func (p Principal) User() bool { return !p.Administrator }

// Question is what Access is asked: may Principal do Action on Resource?
type Question struct {
	Principal Principal
	// StudioAdministrator tells that the principal is an administrator in the
	// studio the question is about.
	StudioAdministrator bool
	// StudioMember tells, for JoinSession alone, that the principal is one of the
	// studio's: an administrator of it or a member of one of its launch profiles.
	StudioMember bool
	// Action is the operation's name: "GetStreamingSession".
	Action string
	// Resource is what it acts on.
	Resource Resource
	// Request holds the caller's own words that policies look at, such as ownedBy
	// and principalId of a list; absent ones are absent.
	Request map[string]string
	// Tags are those that the request gives, TagKeys the keys of those that it takes.
	Tags    map[string]string
	TagKeys []string
}

// Resource is the thing an operation acts on.
type Resource struct {
	Type      string // "studio", "launch-profile", "streaming-session", …, as in ARNs
	ID        string
	StudioID  string
	OwnedBy   string
	CreatedBy string
	// Member tells that the principal is a member of the launch profile.
	Member bool
	Tags   map[string]string
}

// Access decides who may do what.
type Access interface {
	Allowed(ctx context.Context, q Question) (bool, error)
}
