package studio

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Image is a streaming image as it is kept.
type Image struct {
	StreamingImage
	revision

	StudioID  string    `json:"studioId"`
	CreatedAt time.Time `json:"createdAt"`
	CreatedBy string    `json:"createdBy"`
	ForgetAt  time.Time `json:"forgetAt,omitzero"`
}

// Table implements Noun.
func (*Image) Table() Table { return TableImages }

// Row implements Noun.
func (i *Image) Row(now time.Time) Row {
	return Row{
		ID: i.StreamingImageID, StudioID: i.StudioID, OwnedBy: i.Owner, CreatedBy: i.CreatedBy, State: i.State,
		CreatedAt: i.CreatedAt, DueAt: dueAt(i, now),
	}
}

// Next implements living.
func (i *Image) Next(now time.Time) (Action, time.Time) {
	return first(now, at(i.ForgetAt, Forget))
}

func (i *Image) enter(on event, code StatusCode, says string) error {
	if err := imageMachine.apply(&i.State, on, i.StreamingImageID); err != nil {
		return err
	}
	i.StatusCode, i.StatusMessage = code, says
	return nil
}

// CreateStreamingImage makes a streaming image of a machine image.
func (s *Service) CreateStreamingImage(ctx context.Context, p Principal, req *CreateStreamingImageRequest) (*CreateStreamingImageResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := checkTags(req.Tags); err != nil {
		return nil, err
	}
	platform, ok, err := s.cfg.Images.Platform(ctx, req.EC2ImageID)
	if err != nil {
		return nil, outcome(fmt.Errorf("look at machine image %s: %w", req.EC2ImageID, err))
	}
	if !ok {
		platform = ""
	}
	var i Image
	err = s.write(ctx, func(tx Tx, now time.Time) error {
		r := studioOf(req.StudioID)
		r.Tags = req.Tags
		if err := s.permit(ctx, tx, p, "CreateStreamingImage", r, nil); err != nil {
			return err
		}
		if err := s.openStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		id, again, err := s.once(ctx, tx, now, p, "CreateStreamingImage", req.ClientToken, req, func() (string, error) {
			if err := s.room(ctx, tx, TableImages, req.StudioID, "streaming images of a studio", s.cfg.Quotas.StreamingImages); err != nil {
				return "", err
			}
			made, err := s.newImage(p, now, req, platform)
			if err != nil {
				return "", err
			}
			i = *made
			return i.StreamingImageID, tx.Save(ctx, &i)
		})
		if again {
			return tx.Find(ctx, id, &i)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &CreateStreamingImageResponse{StreamingImage: &i.StreamingImage}, nil
}

func (s *Service) newImage(p Principal, now time.Time, req *CreateStreamingImageRequest, platform string) (*Image, error) {
	id, err := newID(s.cfg.Random)
	if err != nil {
		return nil, err
	}
	i := &Image{
		StreamingImage: StreamingImage{
			StreamingImageID: id, ARN: s.arn(typeImage, id), EC2ImageID: req.EC2ImageID, Name: req.Name, Description: given(req.Description),
			Owner: req.StudioID, Platform: platform, EulaIDs: []string{}, Tags: ownTags(req.Tags), State: CreateInProgress,
		},
		StudioID: req.StudioID, CreatedAt: now, CreatedBy: p.ID,
	}
	if platform == "" {
		i.ForgetAt = now.Add(s.cfg.Timing.Keep)
		return i, i.enter(eventFailed, "ACCESS_DENIED", "There is no machine image of that id on this installation.")
	}
	return i, i.enter(eventMade, "STREAMING_IMAGE_READY", "The streaming image is ready.")
}

func (s *Service) findImage(ctx context.Context, tx Tx, studioID, id string) (*Image, Resource, error) {
	var i Image
	ok, err := found(tx.Find(ctx, id, &i))
	if !ok || i.StudioID != studioID {
		return nil, Resource{Type: typeImage, ID: id, StudioID: studioID}, err
	}
	return &i, Resource{Type: typeImage, ID: id, StudioID: studioID, CreatedBy: i.CreatedBy, Tags: i.Tags}, nil
}

// GetStreamingImage shows one streaming image.
func (s *Service) GetStreamingImage(ctx context.Context, p Principal, req *GetStreamingImageRequest) (*GetStreamingImageResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer GetStreamingImageResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		i, r, err := s.findImage(ctx, tx, req.StudioID, req.StreamingImageID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "GetStreamingImage", r, nil); err != nil {
			return err
		}
		if i == nil {
			return absent("streaming image", req.StreamingImageID)
		}
		answer.StreamingImage = &i.StreamingImage
		return nil
	})
}

// ListStreamingImages lists a studio's streaming images.
func (s *Service) ListStreamingImages(ctx context.Context, p Principal, req *ListStreamingImagesRequest) (*ListStreamingImagesResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := ListStreamingImagesResponse{StreamingImages: []StreamingImage{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		if err := s.permit(ctx, tx, p, "ListStreamingImages", studioOf(req.StudioID), nil); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		owner := req.Owner
		if strings.EqualFold(owner, "amazon") {
			owner = "amazon"
		}
		images, next, err := page[Image](ctx, s, tx, listing{"ListStreamingImages", req, req.NextToken, pageSize},
			Query{StudioID: req.StudioID, OwnedBy: owner})
		for _, i := range images {
			answer.StreamingImages = append(answer.StreamingImages, i.StreamingImage)
		}
		answer.NextToken = next
		return err
	})
}
