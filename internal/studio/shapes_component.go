package studio

import "time"

// StudioComponent is what launch profiles give access to: a farm, a file system,
// a directory, licences, or anything else, with the scripts that set it up.
type StudioComponent struct {
	ARN                         string                                `json:"arn,omitempty"`
	Configuration               *StudioComponentConfiguration         `json:"configuration,omitempty"`
	CreatedAt                   time.Time                             `json:"createdAt,omitzero"`
	CreatedBy                   string                                `json:"createdBy,omitempty"`
	Description                 string                                `json:"description,omitempty" shape:"StudioComponentDescription"`
	EC2SecurityGroupIDs         []string                              `json:"ec2SecurityGroupIds" shape:"StudioComponentSecurityGroupIdList"`
	InitializationScripts       []StudioComponentInitializationScript `json:"initializationScripts" shape:"StudioComponentInitializationScriptList"`
	Name                        string                                `json:"name" shape:"StudioComponentName"`
	RuntimeRoleARN              string                                `json:"runtimeRoleArn,omitempty" shape:"RoleArn"`
	ScriptParameters            []ScriptParameterKeyValue             `json:"scriptParameters" shape:"StudioComponentScriptParameterKeyValueList"`
	SecureInitializationRoleARN string                                `json:"secureInitializationRoleArn,omitempty" shape:"RoleArn"`
	State                       State                                 `json:"state,omitempty" shape:"StudioComponentState"`
	StatusCode                  StatusCode                            `json:"statusCode,omitempty" shape:"StudioComponentStatusCode"`
	StatusMessage               string                                `json:"statusMessage,omitempty"`
	StudioComponentID           string                                `json:"studioComponentId,omitempty" shape:"StudioComponentId"`
	Subtype                     string                                `json:"subtype,omitempty" shape:"StudioComponentSubtype"`
	Tags                        map[string]string                     `json:"tags"`
	Type                        string                                `json:"type,omitempty" shape:"StudioComponentType"`
	UpdatedAt                   time.Time                             `json:"updatedAt,omitzero"`
	UpdatedBy                   string                                `json:"updatedBy,omitempty"`
}

// StudioComponentSummary is what users of a launch profile see of a component.
type StudioComponentSummary struct {
	CreatedAt         time.Time `json:"createdAt,omitzero"`
	CreatedBy         string    `json:"createdBy,omitempty"`
	Description       string    `json:"description,omitempty" shape:"StudioComponentDescription"`
	Name              string    `json:"name" shape:"StudioComponentName"`
	StudioComponentID string    `json:"studioComponentId,omitempty" shape:"StudioComponentId"`
	Subtype           string    `json:"subtype,omitempty" shape:"StudioComponentSubtype"`
	Type              string    `json:"type,omitempty" shape:"StudioComponentType"`
	UpdatedAt         time.Time `json:"updatedAt,omitzero"`
	UpdatedBy         string    `json:"updatedBy,omitempty"`
}

// StudioComponentConfiguration says where the thing is that a component stands for.
// It is a union: exactly one member is set.
type StudioComponentConfiguration struct {
	ActiveDirectoryConfiguration  *ActiveDirectoryConfiguration  `json:"activeDirectoryConfiguration,omitempty"`
	ComputeFarmConfiguration      *ComputeFarmConfiguration      `json:"computeFarmConfiguration,omitempty"`
	LicenseServiceConfiguration   *LicenseServiceConfiguration   `json:"licenseServiceConfiguration,omitempty"`
	SharedFileSystemConfiguration *SharedFileSystemConfiguration `json:"sharedFileSystemConfiguration,omitempty"`
}

// ActiveDirectoryConfiguration names a directory and how computers join it.
type ActiveDirectoryConfiguration struct {
	ComputerAttributes                  []ActiveDirectoryComputerAttribute `json:"computerAttributes" shape:"ActiveDirectoryComputerAttributeList"`
	DirectoryID                         string                             `json:"directoryId,omitempty" shape:"DirectoryId"`
	OrganizationalUnitDistinguishedName string                             `json:"organizationalUnitDistinguishedName,omitempty" shape:"ActiveDirectoryOrganizationalUnitDistinguishedName"`
}

// ActiveDirectoryComputerAttribute is set on the account of a computer that joins.
type ActiveDirectoryComputerAttribute struct {
	Name  string `json:"name,omitempty" shape:"ActiveDirectoryComputerAttributeName"`
	Value string `json:"value,omitempty" shape:"ActiveDirectoryComputerAttributeValue"`
}

// ComputeFarmConfiguration says where a render farm is.
type ComputeFarmConfiguration struct {
	ActiveDirectoryUser string `json:"activeDirectoryUser,omitempty"`
	Endpoint            string `json:"endpoint,omitempty" shape:"SensitiveString"`
}

// LicenseServiceConfiguration says where a licence server is.
type LicenseServiceConfiguration struct {
	Endpoint string `json:"endpoint,omitempty" shape:"SensitiveString"`
}

// SharedFileSystemConfiguration says where a file system is and where it is mounted.
type SharedFileSystemConfiguration struct {
	Endpoint          string `json:"endpoint,omitempty" shape:"SensitiveString"`
	FileSystemID      string `json:"fileSystemId,omitempty"`
	LinuxMountPoint   string `json:"linuxMountPoint,omitempty" shape:"LinuxMountPoint"`
	ShareName         string `json:"shareName,omitempty" shape:"SensitiveString"`
	WindowsMountDrive string `json:"windowsMountDrive,omitempty" shape:"WindowsMountDrive"`
}

// StudioComponentInitializationScript runs when a machine starts, as root, or when
// its user's session begins, as the user.
type StudioComponentInitializationScript struct {
	LaunchProfileProtocolVersion string `json:"launchProfileProtocolVersion,omitempty" shape:"LaunchProfileProtocolVersion"`
	Platform                     string `json:"platform,omitempty" shape:"LaunchProfilePlatform"`
	RunContext                   string `json:"runContext,omitempty" shape:"StudioComponentInitializationScriptRunContext"`
	Script                       string `json:"script,omitempty" shape:"StudioComponentInitializationScriptContent"`
}

// ScriptParameterKeyValue is what the scripts of a component find in their environment.
type ScriptParameterKeyValue struct {
	Key   string `json:"key,omitempty" shape:"ScriptParameterKey"`
	Value string `json:"value,omitempty" shape:"ScriptParameterValue"`
}

// CreateStudioComponentRequest is what CreateStudioComponent is asked with.
type CreateStudioComponentRequest struct {
	Name                        string                                `json:"name" shape:"StudioComponentName" required:"true"`
	StudioID                    string                                `path:"studioId" json:"-" required:"true"`
	Type                        string                                `json:"type" shape:"StudioComponentType" required:"true"`
	ClientToken                 string                                `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	Configuration               *StudioComponentConfiguration         `json:"configuration,omitempty"`
	Description                 *string                               `json:"description,omitempty" shape:"StudioComponentDescription"`
	EC2SecurityGroupIDs         []string                              `json:"ec2SecurityGroupIds,omitempty" shape:"StudioComponentSecurityGroupIdList"`
	InitializationScripts       []StudioComponentInitializationScript `json:"initializationScripts,omitempty" shape:"StudioComponentInitializationScriptList"`
	RuntimeRoleARN              *string                               `json:"runtimeRoleArn,omitempty" shape:"RoleArn"`
	ScriptParameters            []ScriptParameterKeyValue             `json:"scriptParameters,omitempty" shape:"StudioComponentScriptParameterKeyValueList"`
	SecureInitializationRoleARN *string                               `json:"secureInitializationRoleArn,omitempty" shape:"RoleArn"`
	Subtype                     *string                               `json:"subtype,omitempty" shape:"StudioComponentSubtype"`
	Tags                        map[string]string                     `json:"tags,omitempty"`
}

// CreateStudioComponentResponse is what CreateStudioComponent answers.
type CreateStudioComponentResponse struct {
	StudioComponent *StudioComponent `json:"studioComponent,omitempty"`
}

// DeleteStudioComponentRequest is what DeleteStudioComponent is asked with.
type DeleteStudioComponentRequest struct {
	StudioComponentID string `path:"studioComponentId" json:"-" required:"true"`
	StudioID          string `path:"studioId" json:"-" required:"true"`
	ClientToken       string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// DeleteStudioComponentResponse is what DeleteStudioComponent answers.
type DeleteStudioComponentResponse struct {
	StudioComponent *StudioComponent `json:"studioComponent,omitempty"`
}

// GetStudioComponentRequest is what GetStudioComponent is asked with.
type GetStudioComponentRequest struct {
	StudioComponentID string `path:"studioComponentId" json:"-" required:"true"`
	StudioID          string `path:"studioId" json:"-" required:"true"`
}

// GetStudioComponentResponse is what GetStudioComponent answers.
type GetStudioComponentResponse struct {
	StudioComponent *StudioComponent `json:"studioComponent,omitempty"`
}

// ListStudioComponentsRequest is what ListStudioComponents is asked with.
type ListStudioComponentsRequest struct {
	StudioID   string   `path:"studioId" json:"-" required:"true"`
	MaxResults *int     `query:"maxResults" json:"-" shape:"MaxResults"`
	NextToken  string   `query:"nextToken" json:"-"`
	States     []State  `query:"states" json:"-" shape:"StudioComponentStateList"`
	Types      []string `query:"types" json:"-" shape:"StudioComponentTypeList"`
}

// ListStudioComponentsResponse is what ListStudioComponents answers.
type ListStudioComponentsResponse struct {
	NextToken        string            `json:"nextToken,omitempty"`
	StudioComponents []StudioComponent `json:"studioComponents" shape:"StudioComponentList"`
}

// UpdateStudioComponentRequest is what UpdateStudioComponent is asked with.
type UpdateStudioComponentRequest struct {
	StudioComponentID           string                                `path:"studioComponentId" json:"-" required:"true"`
	StudioID                    string                                `path:"studioId" json:"-" required:"true"`
	ClientToken                 string                                `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	Configuration               *StudioComponentConfiguration         `json:"configuration,omitempty"`
	Description                 *string                               `json:"description,omitempty" shape:"StudioComponentDescription"`
	EC2SecurityGroupIDs         []string                              `json:"ec2SecurityGroupIds,omitempty" shape:"StudioComponentSecurityGroupIdList"`
	InitializationScripts       []StudioComponentInitializationScript `json:"initializationScripts,omitempty" shape:"StudioComponentInitializationScriptList"`
	Name                        *string                               `json:"name,omitempty" shape:"StudioComponentName"`
	RuntimeRoleARN              *string                               `json:"runtimeRoleArn,omitempty" shape:"RoleArn"`
	ScriptParameters            []ScriptParameterKeyValue             `json:"scriptParameters,omitempty" shape:"StudioComponentScriptParameterKeyValueList"`
	SecureInitializationRoleARN *string                               `json:"secureInitializationRoleArn,omitempty" shape:"RoleArn"`
	Subtype                     *string                               `json:"subtype,omitempty" shape:"StudioComponentSubtype"`
	Type                        *string                               `json:"type,omitempty" shape:"StudioComponentType"`
}

// UpdateStudioComponentResponse is what UpdateStudioComponent answers.
type UpdateStudioComponentResponse struct {
	StudioComponent *StudioComponent `json:"studioComponent,omitempty"`
}
