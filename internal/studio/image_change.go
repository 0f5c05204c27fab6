package studio

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// examine finds out what machine image a streaming image stands for: its
// platform, or none if there is no such image.
func (s *Service) examine(ctx context.Context, i *Image) (platform string, failed *Failure) {
	platform, ok, err := s.cfg.Images.Platform(ctx, i.EC2ImageID)
	if err != nil {
		err = fmt.Errorf("look at machine image %s: %w", i.EC2ImageID, err)
		s.cfg.Log.WarnContext(ctx, "cannot examine a streaming image", "id", i.StreamingImageID, "err", err)
		return "", &Failure{Code: InternalFailure, Message: "The machine images of this installation cannot be looked at.", Err: err}
	}
	if !ok {
		return "", nil
	}
	return platform, nil
}

func (i *Image) judge(context.Context, *Service, Tx) (StatusCode, string, error) {
	switch {
	case i.State != CreateInProgress:
		return "", "", nil
	case i.Platform == "":
		return "ACCESS_DENIED", "There is no machine image of that id on this installation.", nil
	case i.Platform != platformLinux:
		return "ACCESS_DENIED", "The machine image is made for " + i.Platform + ", but this installation runs only Linux.", nil
	}
	return "", "", nil
}

func (i *Image) conclude(_ context.Context, _ *Service, _ Tx, good bool) error {
	if good && i.State == UpdateInProgress {
		asked := *i.Asked
		asked.Tags, asked.State = i.Tags, i.State
		i.StreamingImage = asked
	}
	i.Asked = nil
	return nil
}

// changeImage makes one change to a streaming image that p asks for.
func (s *Service) changeImage(
	ctx context.Context, c call, studioID, id string, do func(tx Tx, now time.Time, i *Image) error,
) (*StreamingImage, error) {
	i, err := change(ctx, s, c, imageMachine.noun, id, func(tx Tx) (*Image, Resource, error) {
		return s.findImage(ctx, tx, studioID, id)
	}, func(tx Tx, now time.Time, i *Image) error {
		if i.Owner == amazon {
			return provided(id)
		}
		return do(tx, now, i)
	})
	if err != nil {
		return nil, err
	}
	return &i.StreamingImage, nil
}

// UpdateStreamingImage changes name and description of a studio's own image.
func (s *Service) UpdateStreamingImage(ctx context.Context, p Principal, req *UpdateStreamingImageRequest) (*UpdateStreamingImageResponse, error) {
	i, err := s.changeImage(ctx, call{p, "UpdateStreamingImage", req, req.ClientToken}, req.StudioID, req.StreamingImageID,
		func(_ Tx, now time.Time, i *Image) error {
			asked := i.StreamingImage
			replace(&asked.Name, req.Name)
			replace(&asked.Description, req.Description)
			i.Asked = &asked
			return s.begin(now, i, eventUpdate)
		})
	if err != nil {
		return nil, err
	}
	return &UpdateStreamingImageResponse{StreamingImage: i}, nil
}

// DeleteStreamingImage deletes a studio's own image that no launch profile offers.
// Sessions that were made of it live on.
func (s *Service) DeleteStreamingImage(ctx context.Context, p Principal, req *DeleteStreamingImageRequest) (*DeleteStreamingImageResponse, error) {
	i, err := s.changeImage(ctx, call{p, "DeleteStreamingImage", req, req.ClientToken}, req.StudioID, req.StreamingImageID,
		func(tx Tx, now time.Time, i *Image) error {
			if err := s.begin(now, i, eventDelete); err != nil {
				return err
			}
			return unused(ctx, tx, imageMachine.noun, i.StudioID, i.StreamingImageID, func(f *LaunchProfile) bool {
				return slices.Contains(f.StreamConfiguration.StreamingImageIDs, i.StreamingImageID)
			})
		})
	if err != nil {
		return nil, err
	}
	return &DeleteStreamingImageResponse{StreamingImage: i}, nil
}
