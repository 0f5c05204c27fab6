package studio

import "time"

// LaunchProfile says what workstations its members may launch, and by which rules
// these live.
type LaunchProfile struct {
	ARN                           string               `json:"arn,omitempty"`
	CreatedAt                     time.Time            `json:"createdAt,omitzero"`
	CreatedBy                     string               `json:"createdBy,omitempty"`
	Description                   string               `json:"description,omitempty" shape:"LaunchProfileDescription"`
	EC2SubnetIDs                  []string             `json:"ec2SubnetIds" shape:"EC2SubnetIdList"`
	LaunchProfileID               string               `json:"launchProfileId,omitempty" shape:"LaunchProfileId"`
	LaunchProfileProtocolVersions []string             `json:"launchProfileProtocolVersions" shape:"LaunchProfileProtocolVersionList"`
	Name                          string               `json:"name,omitempty" shape:"LaunchProfileName"`
	State                         State                `json:"state,omitempty" shape:"LaunchProfileState"`
	StatusCode                    StatusCode           `json:"statusCode,omitempty" shape:"LaunchProfileStatusCode"`
	StatusMessage                 string               `json:"statusMessage,omitempty"`
	StreamConfiguration           *StreamConfiguration `json:"streamConfiguration,omitempty"`
	StudioComponentIDs            []string             `json:"studioComponentIds" shape:"LaunchProfileStudioComponentIdList"`
	Tags                          map[string]string    `json:"tags"`
	UpdatedAt                     time.Time            `json:"updatedAt,omitzero"`
	UpdatedBy                     string               `json:"updatedBy,omitempty"`
	ValidationResults             []ValidationResult   `json:"validationResults" shape:"ValidationResults"`
}

// StreamConfiguration holds the rules for sessions of a launch profile.
type StreamConfiguration struct {
	AutomaticTerminationMode         string                             `json:"automaticTerminationMode,omitempty" shape:"AutomaticTerminationMode"`
	ClipboardMode                    string                             `json:"clipboardMode" shape:"StreamingClipboardMode" required:"true"`
	EC2InstanceTypes                 []string                           `json:"ec2InstanceTypes" shape:"StreamingInstanceTypeList" required:"true"`
	MaxSessionLengthInMinutes        int                                `json:"maxSessionLengthInMinutes" shape:"StreamConfigurationMaxSessionLengthInMinutes" default:"690"`
	MaxStoppedSessionLengthInMinutes int                                `json:"maxStoppedSessionLengthInMinutes" shape:"StreamConfigurationMaxStoppedSessionLengthInMinutes" default:"0"`
	SessionBackup                    *StreamConfigurationSessionBackup  `json:"sessionBackup,omitempty"`
	SessionPersistenceMode           string                             `json:"sessionPersistenceMode,omitempty" shape:"SessionPersistenceMode"`
	SessionStorage                   *StreamConfigurationSessionStorage `json:"sessionStorage,omitempty"`
	StreamingImageIDs                []string                           `json:"streamingImageIds" shape:"StreamingImageIdList" required:"true"`
	VolumeConfiguration              *VolumeConfiguration               `json:"volumeConfiguration,omitempty"`
}

// StreamConfigurationCreate is StreamConfiguration as it is asked for.
type StreamConfigurationCreate struct {
	AutomaticTerminationMode         string                             `json:"automaticTerminationMode,omitempty" shape:"AutomaticTerminationMode"`
	ClipboardMode                    string                             `json:"clipboardMode" shape:"StreamingClipboardMode" required:"true"`
	EC2InstanceTypes                 []string                           `json:"ec2InstanceTypes" shape:"StreamingInstanceTypeList" required:"true"`
	MaxSessionLengthInMinutes        int                                `json:"maxSessionLengthInMinutes" shape:"StreamConfigurationMaxSessionLengthInMinutes" default:"690"`
	MaxStoppedSessionLengthInMinutes int                                `json:"maxStoppedSessionLengthInMinutes" shape:"StreamConfigurationMaxStoppedSessionLengthInMinutes" default:"0"`
	SessionBackup                    *StreamConfigurationSessionBackup  `json:"sessionBackup,omitempty"`
	SessionPersistenceMode           string                             `json:"sessionPersistenceMode,omitempty" shape:"SessionPersistenceMode"`
	SessionStorage                   *StreamConfigurationSessionStorage `json:"sessionStorage,omitempty"`
	StreamingImageIDs                []string                           `json:"streamingImageIds" shape:"StreamingImageIdList" required:"true"`
	VolumeConfiguration              *VolumeConfiguration               `json:"volumeConfiguration,omitempty"`
}

// StreamConfigurationSessionBackup says whether backups are made, and how many are kept.
type StreamConfigurationSessionBackup struct {
	MaxBackupsToRetain int    `json:"maxBackupsToRetain" shape:"StreamConfigurationMaxBackupsToRetain" default:"0"`
	Mode               string `json:"mode,omitempty" shape:"SessionBackupMode"`
}

// StreamConfigurationSessionStorage allows files to be sent to the workstation.
type StreamConfigurationSessionStorage struct {
	Mode []string                     `json:"mode" shape:"StreamingSessionStorageModeList" required:"true"`
	Root *StreamingSessionStorageRoot `json:"root,omitempty"`
}

// StreamingSessionStorageRoot is the folder that files are sent to.
type StreamingSessionStorageRoot struct {
	Linux   string `json:"linux,omitempty" shape:"StreamingSessionStorageRootPathLinux"`
	Windows string `json:"windows,omitempty" shape:"StreamingSessionStorageRootPathWindows"`
}

// VolumeConfiguration bounds a session's volume: size in GiB, throughput in MiB/s.
type VolumeConfiguration struct {
	IOPS       int `json:"iops" shape:"VolumeIops" default:"3000"`
	Size       int `json:"size" shape:"VolumeSizeInGiB" default:"500"`
	Throughput int `json:"throughput" shape:"VolumeThroughputInMiBs" default:"125"`
}

// ValidationResult is what one check of a launch profile's surroundings found.
type ValidationResult struct {
	State         State      `json:"state" shape:"LaunchProfileValidationState" required:"true"`
	StatusCode    StatusCode `json:"statusCode" shape:"LaunchProfileValidationStatusCode" required:"true"`
	StatusMessage string     `json:"statusMessage" shape:"LaunchProfileValidationStatusMessage" required:"true"`
	Type          string     `json:"type" shape:"LaunchProfileValidationType" required:"true"`
}

// LaunchProfileInitialization is a launch profile with its references resolved, for
// a machine that wants to join.
type LaunchProfileInitialization struct {
	ActiveDirectory              *LaunchProfileInitializationActiveDirectory `json:"activeDirectory,omitempty"`
	EC2SecurityGroupIDs          []string                                    `json:"ec2SecurityGroupIds,omitempty" shape:"LaunchProfileSecurityGroupIdList"`
	LaunchProfileID              string                                      `json:"launchProfileId,omitempty" shape:"LaunchProfileId"`
	LaunchProfileProtocolVersion string                                      `json:"launchProfileProtocolVersion,omitempty" shape:"LaunchProfileProtocolVersion"`
	LaunchPurpose                string                                      `json:"launchPurpose,omitempty" shape:"LaunchPurpose"`
	Name                         string                                      `json:"name,omitempty" shape:"LaunchProfileName"`
	Platform                     string                                      `json:"platform,omitempty" shape:"LaunchProfilePlatform"`
	SystemInitializationScripts  []LaunchProfileInitializationScript         `json:"systemInitializationScripts" shape:"LaunchProfileInitializationScriptList"`
	UserInitializationScripts    []LaunchProfileInitializationScript         `json:"userInitializationScripts" shape:"LaunchProfileInitializationScriptList"`
}

// LaunchProfileInitializationActiveDirectory is the directory that a machine joins.
type LaunchProfileInitializationActiveDirectory struct {
	ComputerAttributes                  []ActiveDirectoryComputerAttribute `json:"computerAttributes" shape:"ActiveDirectoryComputerAttributeList"`
	DirectoryID                         string                             `json:"directoryId,omitempty" shape:"DirectoryId"`
	DirectoryName                       string                             `json:"directoryName,omitempty"`
	DNSIPAddresses                      []string                           `json:"dnsIpAddresses" shape:"ActiveDirectoryDnsIpAddressList"`
	OrganizationalUnitDistinguishedName string                             `json:"organizationalUnitDistinguishedName,omitempty" shape:"ActiveDirectoryOrganizationalUnitDistinguishedName"`
	StudioComponentID                   string                             `json:"studioComponentId,omitempty" shape:"StudioComponentId"`
	StudioComponentName                 string                             `json:"studioComponentName,omitempty" shape:"StudioComponentName"`
}

// LaunchProfileInitializationScript is a component's script for a machine that joins.
type LaunchProfileInitializationScript struct {
	RuntimeRoleARN              string `json:"runtimeRoleArn,omitempty" shape:"RoleArn"`
	Script                      string `json:"script,omitempty" shape:"StudioComponentInitializationScriptContent"`
	SecureInitializationRoleARN string `json:"secureInitializationRoleArn,omitempty" shape:"RoleArn"`
	StudioComponentID           string `json:"studioComponentId,omitempty" shape:"StudioComponentId"`
	StudioComponentName         string `json:"studioComponentName,omitempty" shape:"StudioComponentName"`
}

// LaunchProfileMembership lets a user launch from a launch profile.
type LaunchProfileMembership struct {
	IdentityStoreID string `json:"identityStoreId,omitempty"`
	Persona         string `json:"persona,omitempty" shape:"LaunchProfilePersona"`
	PrincipalID     string `json:"principalId,omitempty"`
	SID             string `json:"sid,omitempty"`
}

// NewLaunchProfileMember is a membership that is asked for.
type NewLaunchProfileMember struct {
	Persona     string `json:"persona" shape:"LaunchProfilePersona" required:"true"`
	PrincipalID string `json:"principalId" required:"true"`
}

// CreateLaunchProfileRequest is what CreateLaunchProfile is asked with.
type CreateLaunchProfileRequest struct {
	EC2SubnetIDs                  []string                  `json:"ec2SubnetIds" shape:"EC2SubnetIdList" required:"true"`
	LaunchProfileProtocolVersions []string                  `json:"launchProfileProtocolVersions" shape:"LaunchProfileProtocolVersionList" required:"true"`
	Name                          string                    `json:"name" shape:"LaunchProfileName" required:"true"`
	StreamConfiguration           StreamConfigurationCreate `json:"streamConfiguration" required:"true"`
	StudioComponentIDs            []string                  `json:"studioComponentIds" shape:"LaunchProfileStudioComponentIdList" required:"true"`
	StudioID                      string                    `path:"studioId" json:"-" required:"true"`
	ClientToken                   string                    `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	Description                   *string                   `json:"description,omitempty" shape:"LaunchProfileDescription"`
	Tags                          map[string]string         `json:"tags,omitempty"`
}

// CreateLaunchProfileResponse is what CreateLaunchProfile answers.
type CreateLaunchProfileResponse struct {
	LaunchProfile *LaunchProfile `json:"launchProfile,omitempty"`
}

// DeleteLaunchProfileRequest is what DeleteLaunchProfile is asked with.
type DeleteLaunchProfileRequest struct {
	LaunchProfileID string `path:"launchProfileId" json:"-" required:"true"`
	StudioID        string `path:"studioId" json:"-" required:"true"`
	ClientToken     string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// DeleteLaunchProfileResponse is what DeleteLaunchProfile answers.
type DeleteLaunchProfileResponse struct {
	LaunchProfile *LaunchProfile `json:"launchProfile,omitempty"`
}

// DeleteLaunchProfileMemberRequest is what DeleteLaunchProfileMember is asked with.
type DeleteLaunchProfileMemberRequest struct {
	LaunchProfileID string `path:"launchProfileId" json:"-" required:"true"`
	PrincipalID     string `path:"principalId" json:"-" required:"true"`
	StudioID        string `path:"studioId" json:"-" required:"true"`
	ClientToken     string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// DeleteLaunchProfileMemberResponse is what DeleteLaunchProfileMember answers.
type DeleteLaunchProfileMemberResponse struct{}

// GetLaunchProfileRequest is what GetLaunchProfile is asked with.
type GetLaunchProfileRequest struct {
	LaunchProfileID string `path:"launchProfileId" json:"-" required:"true"`
	StudioID        string `path:"studioId" json:"-" required:"true"`
}

// GetLaunchProfileResponse is what GetLaunchProfile answers.
type GetLaunchProfileResponse struct {
	LaunchProfile *LaunchProfile `json:"launchProfile,omitempty"`
}

// GetLaunchProfileDetailsRequest is what GetLaunchProfileDetails is asked with.
type GetLaunchProfileDetailsRequest struct {
	LaunchProfileID string `path:"launchProfileId" json:"-" required:"true"`
	StudioID        string `path:"studioId" json:"-" required:"true"`
}

// GetLaunchProfileDetailsResponse is what GetLaunchProfileDetails answers.
type GetLaunchProfileDetailsResponse struct {
	LaunchProfile            *LaunchProfile           `json:"launchProfile,omitempty"`
	StreamingImages          []StreamingImage         `json:"streamingImages" shape:"StreamingImageList"`
	StudioComponentSummaries []StudioComponentSummary `json:"studioComponentSummaries" shape:"StudioComponentSummaryList"`
}

// GetLaunchProfileInitializationRequest is what GetLaunchProfileInitialization is asked with.
type GetLaunchProfileInitializationRequest struct {
	LaunchProfileID               string   `path:"launchProfileId" json:"-" required:"true"`
	LaunchProfileProtocolVersions []string `query:"launchProfileProtocolVersions" json:"-" shape:"StringList" required:"true"`
	LaunchPurpose                 string   `query:"launchPurpose" json:"-" required:"true"`
	Platform                      string   `query:"platform" json:"-" required:"true"`
	StudioID                      string   `path:"studioId" json:"-" required:"true"`
}

// GetLaunchProfileInitializationResponse is what GetLaunchProfileInitialization answers.
type GetLaunchProfileInitializationResponse struct {
	LaunchProfileInitialization *LaunchProfileInitialization `json:"launchProfileInitialization,omitempty"`
}

// GetLaunchProfileMemberRequest is what GetLaunchProfileMember is asked with.
type GetLaunchProfileMemberRequest struct {
	LaunchProfileID string `path:"launchProfileId" json:"-" required:"true"`
	PrincipalID     string `path:"principalId" json:"-" required:"true"`
	StudioID        string `path:"studioId" json:"-" required:"true"`
}

// GetLaunchProfileMemberResponse is what GetLaunchProfileMember answers.
type GetLaunchProfileMemberResponse struct {
	Member *LaunchProfileMembership `json:"member,omitempty"`
}

// ListLaunchProfileMembersRequest is what ListLaunchProfileMembers is asked with.
type ListLaunchProfileMembersRequest struct {
	LaunchProfileID string `path:"launchProfileId" json:"-" required:"true"`
	StudioID        string `path:"studioId" json:"-" required:"true"`
	MaxResults      *int   `query:"maxResults" json:"-" shape:"MaxResults"`
	NextToken       string `query:"nextToken" json:"-"`
}

// ListLaunchProfileMembersResponse is what ListLaunchProfileMembers answers.
type ListLaunchProfileMembersResponse struct {
	Members   []LaunchProfileMembership `json:"members" shape:"LaunchProfileMembershipList"`
	NextToken string                    `json:"nextToken,omitempty"`
}

// ListLaunchProfilesRequest is what ListLaunchProfiles is asked with.
type ListLaunchProfilesRequest struct {
	StudioID    string  `path:"studioId" json:"-" required:"true"`
	MaxResults  *int    `query:"maxResults" json:"-" shape:"MaxResults"`
	NextToken   string  `query:"nextToken" json:"-"`
	PrincipalID string  `query:"principalId" json:"-"`
	States      []State `query:"states" json:"-" shape:"LaunchProfileStateList"`
}

// ListLaunchProfilesResponse is what ListLaunchProfiles answers.
type ListLaunchProfilesResponse struct {
	LaunchProfiles []LaunchProfile `json:"launchProfiles" shape:"LaunchProfileList"`
	NextToken      string          `json:"nextToken,omitempty"`
}

// PutLaunchProfileMembersRequest is what PutLaunchProfileMembers is asked with.
type PutLaunchProfileMembersRequest struct {
	IdentityStoreID string                   `json:"identityStoreId" required:"true"`
	LaunchProfileID string                   `path:"launchProfileId" json:"-" required:"true"`
	Members         []NewLaunchProfileMember `json:"members" shape:"NewLaunchProfileMemberList" required:"true"`
	StudioID        string                   `path:"studioId" json:"-" required:"true"`
	ClientToken     string                   `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// PutLaunchProfileMembersResponse is what PutLaunchProfileMembers answers.
type PutLaunchProfileMembersResponse struct{}

// UpdateLaunchProfileRequest is what UpdateLaunchProfile is asked with.
type UpdateLaunchProfileRequest struct {
	LaunchProfileID               string                     `path:"launchProfileId" json:"-" required:"true"`
	StudioID                      string                     `path:"studioId" json:"-" required:"true"`
	ClientToken                   string                     `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	Description                   *string                    `json:"description,omitempty" shape:"LaunchProfileDescription"`
	LaunchProfileProtocolVersions []string                   `json:"launchProfileProtocolVersions,omitempty" shape:"LaunchProfileProtocolVersionList"`
	Name                          *string                    `json:"name,omitempty" shape:"LaunchProfileName"`
	StreamConfiguration           *StreamConfigurationCreate `json:"streamConfiguration,omitempty"`
	StudioComponentIDs            []string                   `json:"studioComponentIds,omitempty" shape:"LaunchProfileStudioComponentIdList"`
}

// UpdateLaunchProfileResponse is what UpdateLaunchProfile answers.
type UpdateLaunchProfileResponse struct {
	LaunchProfile *LaunchProfile `json:"launchProfile,omitempty"`
}

// UpdateLaunchProfileMemberRequest is what UpdateLaunchProfileMember is asked with.
type UpdateLaunchProfileMemberRequest struct {
	LaunchProfileID string `path:"launchProfileId" json:"-" required:"true"`
	Persona         string `json:"persona" shape:"LaunchProfilePersona" required:"true"`
	PrincipalID     string `path:"principalId" json:"-" required:"true"`
	StudioID        string `path:"studioId" json:"-" required:"true"`
	ClientToken     string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// UpdateLaunchProfileMemberResponse is what UpdateLaunchProfileMember answers.
type UpdateLaunchProfileMemberResponse struct {
	Member *LaunchProfileMembership `json:"member,omitempty"`
}
