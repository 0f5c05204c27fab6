package studio

import "time"

// Studio holds all the others.
type Studio struct {
	AdminRoleARN                  string                         `json:"adminRoleArn,omitempty" shape:"RoleArn"`
	ARN                           string                         `json:"arn,omitempty"`
	CreatedAt                     time.Time                      `json:"createdAt,omitzero"`
	DisplayName                   string                         `json:"displayName" shape:"StudioDisplayName"`
	HomeRegion                    string                         `json:"homeRegion,omitempty" shape:"Region"`
	SSOClientID                   string                         `json:"ssoClientId,omitempty"`
	State                         State                          `json:"state,omitempty" shape:"StudioState"`
	StatusCode                    StatusCode                     `json:"statusCode,omitempty" shape:"StudioStatusCode"`
	StatusMessage                 string                         `json:"statusMessage,omitempty"`
	StudioEncryptionConfiguration *StudioEncryptionConfiguration `json:"studioEncryptionConfiguration,omitempty"`
	StudioID                      string                         `json:"studioId,omitempty"`
	StudioName                    string                         `json:"studioName,omitempty" shape:"StudioName"`
	StudioURL                     string                         `json:"studioUrl,omitempty"`
	Tags                          map[string]string              `json:"tags"`
	UpdatedAt                     time.Time                      `json:"updatedAt,omitzero"`
	UserRoleARN                   string                         `json:"userRoleArn,omitempty" shape:"RoleArn"`
}

// StudioEncryptionConfiguration tells whose key what a studio keeps is encrypted with.
type StudioEncryptionConfiguration struct {
	KeyARN  string `json:"keyArn,omitempty" shape:"StudioEncryptionConfigurationKeyArn"`
	KeyType string `json:"keyType" shape:"StudioEncryptionConfigurationKeyType" required:"true"`
}

// StudioMembership makes a user an administrator of a studio.
type StudioMembership struct {
	IdentityStoreID string `json:"identityStoreId,omitempty"`
	Persona         string `json:"persona,omitempty" shape:"StudioPersona"`
	PrincipalID     string `json:"principalId,omitempty"`
	SID             string `json:"sid,omitempty"`
}

// NewStudioMember is a membership that is asked for.
type NewStudioMember struct {
	Persona     string `json:"persona" shape:"StudioPersona" required:"true"`
	PrincipalID string `json:"principalId" required:"true"`
}

// CreateStudioRequest is what CreateStudio is asked with.
type CreateStudioRequest struct {
	AdminRoleARN                  string                         `json:"adminRoleArn" shape:"RoleArn" required:"true"`
	DisplayName                   string                         `json:"displayName" shape:"StudioDisplayName" required:"true"`
	StudioName                    string                         `json:"studioName" shape:"StudioName" required:"true"`
	UserRoleARN                   string                         `json:"userRoleArn" shape:"RoleArn" required:"true"`
	ClientToken                   string                         `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	StudioEncryptionConfiguration *StudioEncryptionConfiguration `json:"studioEncryptionConfiguration,omitempty"`
	Tags                          map[string]string              `json:"tags,omitempty"`
}

// CreateStudioResponse is what CreateStudio answers.
type CreateStudioResponse struct {
	Studio *Studio `json:"studio,omitempty"`
}

// DeleteStudioRequest is what DeleteStudio is asked with.
type DeleteStudioRequest struct {
	StudioID    string `path:"studioId" json:"-" required:"true"`
	ClientToken string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// DeleteStudioResponse is what DeleteStudio answers.
type DeleteStudioResponse struct {
	Studio Studio `json:"studio" required:"true"`
}

// DeleteStudioMemberRequest is what DeleteStudioMember is asked with.
type DeleteStudioMemberRequest struct {
	PrincipalID string `path:"principalId" json:"-" required:"true"`
	StudioID    string `path:"studioId" json:"-" required:"true"`
	ClientToken string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// DeleteStudioMemberResponse is what DeleteStudioMember answers.
type DeleteStudioMemberResponse struct{}

// GetStudioRequest is what GetStudio is asked with.
type GetStudioRequest struct {
	StudioID string `path:"studioId" json:"-" required:"true"`
}

// GetStudioResponse is what GetStudio answers.
type GetStudioResponse struct {
	Studio Studio `json:"studio" required:"true"`
}

// GetStudioMemberRequest is what GetStudioMember is asked with.
type GetStudioMemberRequest struct {
	PrincipalID string `path:"principalId" json:"-" required:"true"`
	StudioID    string `path:"studioId" json:"-" required:"true"`
}

// GetStudioMemberResponse is what GetStudioMember answers.
type GetStudioMemberResponse struct {
	Member *StudioMembership `json:"member,omitempty"`
}

// ListStudioMembersRequest is what ListStudioMembers is asked with.
type ListStudioMembersRequest struct {
	StudioID   string `path:"studioId" json:"-" required:"true"`
	MaxResults *int   `query:"maxResults" json:"-" shape:"MaxResults"`
	NextToken  string `query:"nextToken" json:"-"`
}

// ListStudioMembersResponse is what ListStudioMembers answers.
type ListStudioMembersResponse struct {
	Members   []StudioMembership `json:"members" shape:"StudioMembershipList"`
	NextToken string             `json:"nextToken,omitempty"`
}

// ListStudiosRequest is what ListStudios is asked with.
type ListStudiosRequest struct {
	NextToken string `query:"nextToken" json:"-"`
}

// ListStudiosResponse is what ListStudios answers.
type ListStudiosResponse struct {
	NextToken string   `json:"nextToken,omitempty"`
	Studios   []Studio `json:"studios" shape:"StudioList" required:"true"`
}

// PutStudioMembersRequest is what PutStudioMembers is asked with.
type PutStudioMembersRequest struct {
	IdentityStoreID string            `json:"identityStoreId" required:"true"`
	Members         []NewStudioMember `json:"members" shape:"NewStudioMemberList" required:"true"`
	StudioID        string            `path:"studioId" json:"-" required:"true"`
	ClientToken     string            `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// PutStudioMembersResponse is what PutStudioMembers answers.
type PutStudioMembersResponse struct{}

// StartStudioSSOConfigurationRepairRequest is what StartStudioSSOConfigurationRepair is asked with.
type StartStudioSSOConfigurationRepairRequest struct {
	StudioID    string `path:"studioId" json:"-" required:"true"`
	ClientToken string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// StartStudioSSOConfigurationRepairResponse is what StartStudioSSOConfigurationRepair answers.
type StartStudioSSOConfigurationRepairResponse struct {
	Studio Studio `json:"studio" required:"true"`
}

// UntagResourceRequest is what UntagResource is asked with.
type UntagResourceRequest struct {
	ResourceARN string   `path:"resourceArn" json:"-" required:"true"`
	TagKeys     []string `query:"tagKeys" json:"-" shape:"StringList" required:"true"`
}

// UntagResourceResponse is what UntagResource answers.
type UntagResourceResponse struct{}

// UpdateStudioRequest is what UpdateStudio is asked with.
type UpdateStudioRequest struct {
	StudioID     string  `path:"studioId" json:"-" required:"true"`
	AdminRoleARN *string `json:"adminRoleArn,omitempty" shape:"RoleArn"`
	ClientToken  string  `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	DisplayName  *string `json:"displayName,omitempty" shape:"StudioDisplayName"`
	UserRoleARN  *string `json:"userRoleArn,omitempty" shape:"RoleArn"`
}

// UpdateStudioResponse is what UpdateStudio answers.
type UpdateStudioResponse struct {
	Studio Studio `json:"studio" required:"true"`
}
