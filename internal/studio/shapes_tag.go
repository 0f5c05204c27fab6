package studio

// ListTagsForResourceRequest is what ListTagsForResource is asked with.
type ListTagsForResourceRequest struct {
	ResourceARN string `path:"resourceArn" json:"-" required:"true"`
}

// ListTagsForResourceResponse is what ListTagsForResource answers.
type ListTagsForResourceResponse struct {
	Tags map[string]string `json:"tags"`
}

// TagResourceRequest is what TagResource is asked with.
type TagResourceRequest struct {
	ResourceARN string            `path:"resourceArn" json:"-" required:"true"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// TagResourceResponse is what TagResource answers.
type TagResourceResponse struct{}
