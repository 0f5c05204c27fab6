package studio

import "time"

// Eula is a licence that somebody must accept for the studio.
type Eula struct {
	Content   string    `json:"content,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	EulaID    string    `json:"eulaId,omitempty" shape:"EulaId"`
	Name      string    `json:"name,omitempty" shape:"EulaName"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

// EulaAcceptance says who accepted a licence for a studio.
type EulaAcceptance struct {
	AcceptedAt       time.Time `json:"acceptedAt,omitzero"`
	AcceptedBy       string    `json:"acceptedBy,omitempty"`
	AccepteeID       string    `json:"accepteeId,omitempty"`
	EulaAcceptanceID string    `json:"eulaAcceptanceId,omitempty" shape:"EulaAcceptanceId"`
	EulaID           string    `json:"eulaId,omitempty" shape:"EulaId"`
}

// AcceptEulasRequest is what AcceptEulas is asked with.
type AcceptEulasRequest struct {
	StudioID    string   `path:"studioId" json:"-" required:"true"`
	ClientToken string   `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	EulaIDs     []string `json:"eulaIds,omitempty" shape:"EulaIdList"`
}

// AcceptEulasResponse is what AcceptEulas answers.
type AcceptEulasResponse struct {
	EulaAcceptances []EulaAcceptance `json:"eulaAcceptances" shape:"EulaAcceptanceList"`
}

// GetEulaRequest is what GetEula is asked with.
type GetEulaRequest struct {
	EulaID string `path:"eulaId" json:"-" required:"true"`
}

// GetEulaResponse is what GetEula answers.
type GetEulaResponse struct {
	Eula *Eula `json:"eula,omitempty"`
}

// ListEulaAcceptancesRequest is what ListEulaAcceptances is asked with.
type ListEulaAcceptancesRequest struct {
	StudioID  string   `path:"studioId" json:"-" required:"true"`
	EulaIDs   []string `query:"eulaIds" json:"-" shape:"StringList"`
	NextToken string   `query:"nextToken" json:"-"`
}

// ListEulaAcceptancesResponse is what ListEulaAcceptances answers.
type ListEulaAcceptancesResponse struct {
	EulaAcceptances []EulaAcceptance `json:"eulaAcceptances" shape:"EulaAcceptanceList"`
	NextToken       string           `json:"nextToken,omitempty"`
}

// ListEulasRequest is what ListEulas is asked with.
type ListEulasRequest struct {
	EulaIDs   []string `query:"eulaIds" json:"-" shape:"StringList"`
	NextToken string   `query:"nextToken" json:"-"`
}

// ListEulasResponse is what ListEulas answers.
type ListEulasResponse struct {
	Eulas     []Eula `json:"eulas" shape:"EulaList"`
	NextToken string `json:"nextToken,omitempty"`
}
