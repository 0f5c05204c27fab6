package studio

// StreamingImage is a machine image as a studio knows it.
type StreamingImage struct {
	ARN                     string                                 `json:"arn,omitempty"`
	Description             string                                 `json:"description,omitempty" shape:"StreamingImageDescription"`
	EC2ImageID              string                                 `json:"ec2ImageId,omitempty" shape:"EC2ImageId"`
	EncryptionConfiguration *StreamingImageEncryptionConfiguration `json:"encryptionConfiguration,omitempty"`
	EulaIDs                 []string                               `json:"eulaIds" shape:"EulaIdList"`
	Name                    string                                 `json:"name" shape:"StreamingImageName"`
	Owner                   string                                 `json:"owner,omitempty" shape:"StreamingImageOwner"`
	Platform                string                                 `json:"platform,omitempty" shape:"StreamingImagePlatform"`
	State                   State                                  `json:"state,omitempty" shape:"StreamingImageState"`
	StatusCode              StatusCode                             `json:"statusCode,omitempty" shape:"StreamingImageStatusCode"`
	StatusMessage           string                                 `json:"statusMessage,omitempty"`
	StreamingImageID        string                                 `json:"streamingImageId,omitempty" shape:"StreamingImageId"`
	Tags                    map[string]string                      `json:"tags"`
}

// StreamingImageEncryptionConfiguration tells the key that an image is encrypted with.
type StreamingImageEncryptionConfiguration struct {
	KeyARN  string `json:"keyArn,omitempty" shape:"StreamingImageEncryptionConfigurationKeyArn"`
	KeyType string `json:"keyType" shape:"StreamingImageEncryptionConfigurationKeyType" required:"true"`
}

// CreateStreamingImageRequest is what CreateStreamingImage is asked with.
type CreateStreamingImageRequest struct {
	EC2ImageID  string            `json:"ec2ImageId" shape:"EC2ImageId" required:"true"`
	Name        string            `json:"name" shape:"StreamingImageName" required:"true"`
	StudioID    string            `path:"studioId" json:"-" required:"true"`
	ClientToken string            `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	Description *string           `json:"description,omitempty" shape:"StreamingImageDescription"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// CreateStreamingImageResponse is what CreateStreamingImage answers.
type CreateStreamingImageResponse struct {
	StreamingImage *StreamingImage `json:"streamingImage,omitempty"`
}

// DeleteStreamingImageRequest is what DeleteStreamingImage is asked with.
type DeleteStreamingImageRequest struct {
	StreamingImageID string `path:"streamingImageId" json:"-" required:"true"`
	StudioID         string `path:"studioId" json:"-" required:"true"`
	ClientToken      string `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
}

// DeleteStreamingImageResponse is what DeleteStreamingImage answers.
type DeleteStreamingImageResponse struct {
	StreamingImage *StreamingImage `json:"streamingImage,omitempty"`
}

// GetStreamingImageRequest is what GetStreamingImage is asked with.
type GetStreamingImageRequest struct {
	StreamingImageID string `path:"streamingImageId" json:"-" required:"true"`
	StudioID         string `path:"studioId" json:"-" required:"true"`
}

// GetStreamingImageResponse is what GetStreamingImage answers.
type GetStreamingImageResponse struct {
	StreamingImage *StreamingImage `json:"streamingImage,omitempty"`
}

// ListStreamingImagesRequest is what ListStreamingImages is asked with.
type ListStreamingImagesRequest struct {
	StudioID  string `path:"studioId" json:"-" required:"true"`
	NextToken string `query:"nextToken" json:"-"`
	Owner     string `query:"owner" json:"-"`
}

// ListStreamingImagesResponse is what ListStreamingImages answers.
type ListStreamingImagesResponse struct {
	NextToken       string           `json:"nextToken,omitempty"`
	StreamingImages []StreamingImage `json:"streamingImages" shape:"StreamingImageList"`
}

// UpdateStreamingImageRequest is what UpdateStreamingImage is asked with.
type UpdateStreamingImageRequest struct {
	StreamingImageID string  `path:"streamingImageId" json:"-" required:"true"`
	StudioID         string  `path:"studioId" json:"-" required:"true"`
	ClientToken      string  `header:"X-Amz-Client-Token" json:"-" shape:"ClientToken"`
	Description      *string `json:"description,omitempty" shape:"StreamingImageDescription"`
	Name             *string `json:"name,omitempty" shape:"StreamingImageName"`
}

// UpdateStreamingImageResponse is what UpdateStreamingImage answers.
type UpdateStreamingImageResponse struct {
	StreamingImage *StreamingImage `json:"streamingImage,omitempty"`
}
