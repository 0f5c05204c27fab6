package studio

// amazon is the owner of provided images: those that come with the installation
// and are in every studio.
const amazon = "amazon"

// platformLinux is the only platform that this installation runs.
const platformLinux = "LINUX"

// providedImage is the provided image of an id as a studio has it, nil when there is none.
func (s *Service) providedImage(studioID, id string) *Image {
	for _, i := range s.cfg.ProvidedImages {
		if i.StreamingImageID == id {
			return s.provide(studioID, i)
		}
	}
	return nil
}

func (s *Service) provide(studioID string, i StreamingImage) *Image {
	i.ARN, i.Owner, i.Tags, i.EulaIDs = s.arn(typeImage, i.StreamingImageID), amazon, map[string]string{}, listed(i.EulaIDs)
	i.State, i.StatusCode, i.StatusMessage = Ready, imageKind.made, "The streaming image is ready."
	return &Image{StreamingImage: i, StudioID: studioID}
}

// provided is the error of changing a provided image.
func provided(id string) *Error {
	return &Error{
		Kind: AccessDenied, Code: CodeProvided, Message: "The streaming image comes with the installation and cannot be changed.",
		Context: map[string]string{"resourceId": id},
	}
}
