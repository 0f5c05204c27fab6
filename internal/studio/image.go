package studio

import (
	"context"
	"strings"
	"time"
)

// Image is a streaming image as it is kept.
type Image struct {
	StreamingImage
	revision
	life

	StudioID  string    `json:"studioId"`
	CreatedAt time.Time `json:"createdAt"`
	CreatedBy string    `json:"createdBy"`
	// Asked is what an update under way asks for.
	Asked *StreamingImage `json:"asked,omitempty"`
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
func (i *Image) Next(now time.Time) (Action, time.Time) { return i.next(now, i.State) }

func (i *Image) card() card {
	return card{imageKind, i.StreamingImageID, &i.State, &i.StatusCode, &i.StatusMessage, nil, &i.life}
}

// CreateStreamingImage makes a streaming image of a machine image.
func (s *Service) CreateStreamingImage(ctx context.Context, p Principal, req *CreateStreamingImageRequest) (*CreateStreamingImageResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := checkTags(req.Tags); err != nil {
		return nil, err
	}
	i, err := create(ctx, s, call{p, "CreateStreamingImage", req, req.ClientToken},
		s.putIn(ctx, p, "CreateStreamingImage", req.StudioID, req.Tags),
		func(tx Tx, now time.Time) (*Image, error) {
			if err := s.openStudio(ctx, tx, req.StudioID); err != nil {
				return nil, err
			}
			if err := s.room(ctx, tx, TableImages, req.StudioID, "streaming images of a studio", s.cfg.Quotas.StreamingImages); err != nil {
				return nil, err
			}
			return s.newImage(p, now, req)
		})
	if err != nil {
		return nil, err
	}
	return &CreateStreamingImageResponse{StreamingImage: &i.StreamingImage}, nil
}

func (s *Service) newImage(p Principal, now time.Time, req *CreateStreamingImageRequest) (*Image, error) {
	id, err := newID(s.cfg.Random)
	if err != nil {
		return nil, err
	}
	i := &Image{
		StreamingImage: StreamingImage{
			StreamingImageID: id, ARN: s.arn(typeImage, id), EC2ImageID: req.EC2ImageID, Name: req.Name, Description: given(req.Description),
			Owner: req.StudioID, EulaIDs: []string{}, Tags: ownTags(req.Tags), State: CreateInProgress,
		},
		StudioID: req.StudioID, CreatedAt: now, CreatedBy: p.ID,
	}
	i.card().say(false)
	return i, nil
}

func (s *Service) findImage(ctx context.Context, tx Tx, studioID, id string) (*Image, Resource, error) {
	if i := s.providedImage(studioID, id); i != nil {
		return i, Resource{Type: typeImage, ID: id, StudioID: studioID}, nil
	}
	var i Image
	ok, err := found(tx.Find(ctx, id, &i))
	if !ok || i.StudioID != studioID {
		return nil, Resource{Type: typeImage, ID: id, StudioID: studioID}, err
	}
	return &i, Resource{Type: typeImage, ID: id, StudioID: studioID, CreatedBy: i.CreatedBy, Tags: i.Tags}, nil
}

// usableImage is a streaming image that sessions of the studio can be made of now.
func (s *Service) usableImage(ctx context.Context, tx Tx, studioID, id string) (*Image, error) {
	i, _, err := s.findImage(ctx, tx, studioID, id)
	switch {
	case err != nil:
		return nil, err
	case i == nil:
		return nil, wrongState(imageMachine.noun, id, Deleted)
	case !usable(i.State):
		return nil, wrongState(imageMachine.noun, id, i.State)
	}
	return i, accepted(ctx, tx, studioID, i.EulaIDs)
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

// ListStreamingImages lists the provided streaming images and a studio's own.
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
		if strings.EqualFold(owner, amazon) {
			owner = amazon
		}
		if req.NextToken == "" && (owner == "" || owner == amazon) {
			for _, i := range s.cfg.ProvidedImages {
				answer.StreamingImages = append(answer.StreamingImages, s.provide(req.StudioID, i).StreamingImage)
			}
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
