package studio

import (
	"context"
	"time"
)

// storedStudio is a studio as it is kept.
type storedStudio struct {
	Studio
	revision
	life

	CreatedBy string `json:"createdBy"`
	// Asked is what an update under way asks for.
	Asked *Studio `json:"asked,omitempty"`
}

func (*storedStudio) Table() Table { return TableStudios }

// Row keeps the name of what is there, or may yet be, from being taken again.
func (h *storedStudio) Row(now time.Time) Row {
	r := Row{ID: h.StudioID, StudioID: h.StudioID, CreatedBy: h.CreatedBy, State: h.State, CreatedAt: h.CreatedAt, DueAt: dueAt(h, now)}
	if h.State != Deleted && h.State != CreateFailed {
		r.Unique = h.StudioName
	}
	return r
}

// Next implements living.
func (h *storedStudio) Next(now time.Time) (Action, time.Time) { return h.next(now, h.State) }

func (h *storedStudio) card() card {
	of := studioKind
	if h.StatusCode == repairing {
		of = repairKind
	}
	return card{of, h.StudioID, &h.State, &h.StatusCode, &h.StatusMessage, &h.UpdatedAt, &h.life}
}

func (s *Service) findStudio(ctx context.Context, tx Tx, id string) (*storedStudio, Resource, error) {
	var h storedStudio
	if ok, err := found(tx.Find(ctx, id, &h)); !ok {
		return nil, studioOf(id), err
	}
	return &h, Resource{Type: typeStudio, ID: id, StudioID: id, CreatedBy: h.CreatedBy, Tags: h.Tags}, nil
}

// theStudio is the studio of an id, NotFound when there is none.
func (s *Service) theStudio(ctx context.Context, tx Tx, id string) (*storedStudio, error) {
	h, _, err := s.findStudio(ctx, tx, id)
	if err == nil && h == nil {
		err = absent("studio", id)
	}
	return h, err
}

// openStudio is a studio that things can be put into.
func (s *Service) openStudio(ctx context.Context, tx Tx, id string) error {
	h, err := s.theStudio(ctx, tx, id)
	switch {
	case err != nil:
		return err
	case h.State == Deleted || h.State == CreateFailed:
		return absent("studio", id)
	case !usable(h.State):
		return wrongState("studio", id, h.State)
	}
	return nil
}

// CreateStudio makes a studio.
func (s *Service) CreateStudio(ctx context.Context, p Principal, req *CreateStudioRequest) (*CreateStudioResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := checkTags(req.Tags); err != nil {
		return nil, err
	}
	if c := req.StudioEncryptionConfiguration; c != nil && (c.KeyType == "CUSTOMER_MANAGED_KEY") != (c.KeyARN != "") {
		return nil, combination("A key of one's own (CUSTOMER_MANAGED_KEY) needs keyArn, and any other keyType must not have it.")
	}
	h, err := create(ctx, s, call{p, "CreateStudio", req, req.ClientToken}, func(tx Tx) error {
		return s.ask(ctx, tx, Question{Principal: p, Action: "CreateStudio", Resource: Resource{Type: typeStudio}, Tags: req.Tags})
	}, func(tx Tx, now time.Time) (*storedStudio, error) {
		if err := s.room(ctx, tx, TableStudios, "", "studios", s.cfg.Quotas.Studios); err != nil {
			return nil, err
		}
		switch known, err := found(tx.FindUnique(ctx, req.StudioName, &storedStudio{})); {
		case err != nil:
			return nil, err
		case known:
			return nil, &Error{
				Kind: Conflict, Code: CodeTaken, Message: "There is a studio of this name already; choose another.",
				Context: map[string]string{"member": "studioName"},
			}
		}
		return s.newStudio(p, now, req)
	})
	if err != nil {
		return nil, err
	}
	return &CreateStudioResponse{Studio: &h.Studio}, nil
}

func (s *Service) newStudio(p Principal, now time.Time, req *CreateStudioRequest) (*storedStudio, error) {
	name, err := newName(s.cfg.Random, 16)
	if err != nil {
		return nil, err
	}
	client, err := newName(s.cfg.Random, 22)
	if err != nil {
		return nil, err
	}
	id := s.cfg.Region + ":stid-" + name
	encryption := req.StudioEncryptionConfiguration
	if encryption == nil {
		encryption = &StudioEncryptionConfiguration{KeyType: "AWS_OWNED_KEY"}
	}
	h := &storedStudio{
		Studio: Studio{
			StudioID: id, ARN: s.arn(typeStudio, id), CreatedAt: now, UpdatedAt: now, DisplayName: req.DisplayName, HomeRegion: s.cfg.Region,
			SSOClientID: client, State: CreateInProgress, StudioEncryptionConfiguration: encryption, StudioName: req.StudioName,
			StudioURL: s.cfg.StudioURL(req.StudioName), Tags: ownTags(req.Tags), AdminRoleARN: req.AdminRoleARN, UserRoleARN: req.UserRoleARN,
		},
		CreatedBy: p.ID,
	}
	h.card().say(false)
	return h, nil
}

// GetStudio shows one studio.
func (s *Service) GetStudio(ctx context.Context, p Principal, req *GetStudioRequest) (*GetStudioResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer GetStudioResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		h, r, err := s.findStudio(ctx, tx, req.StudioID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "GetStudio", r, nil); err != nil {
			return err
		}
		if h == nil {
			return absent("studio", req.StudioID)
		}
		answer.Studio = h.Studio
		return nil
	})
}

// ListStudios lists the studios of the installation.
func (s *Service) ListStudios(ctx context.Context, p Principal, req *ListStudiosRequest) (*ListStudiosResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := ListStudiosResponse{Studios: []Studio{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		if err := s.permit(ctx, tx, p, "ListStudios", Resource{}, nil); err != nil {
			return err
		}
		studios, next, err := page[storedStudio](ctx, s, tx, listing{"ListStudios", req, req.NextToken, pageSize}, Query{})
		for _, h := range studios {
			answer.Studios = append(answer.Studios, h.Studio)
		}
		answer.NextToken = next
		return err
	})
}
