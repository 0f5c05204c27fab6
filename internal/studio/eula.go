package studio

import (
	"context"
	"slices"
	"strings"
	"time"
)

// acceptance is that of one licence for one studio as it is kept.
type acceptance struct {
	EulaAcceptance
	revision
}

func (*acceptance) Table() Table { return TableAcceptances }

// Row lets there be one acceptance of each licence for a studio.
func (a *acceptance) Row(time.Time) Row {
	return Row{ID: acceptanceID(a.AccepteeID, a.EulaID), StudioID: a.AccepteeID, CreatedBy: a.AcceptedBy, CreatedAt: a.AcceptedAt}
}

// acceptanceID names the acceptance of a licence: no id holds the sign between the two.
func acceptanceID(studioID, eulaID string) string { return studioID + "/" + eulaID }

// eulaOf is a licence as the resource of a question.
func eulaOf(id, studioID string) Resource {
	return Resource{Type: typeEula, ID: id, StudioID: studioID}
}

// eula is the place of a licence in the catalogue, -1 when it is not in it.
func (s *Service) eula(id string) int {
	return slices.IndexFunc(s.cfg.Eulas, func(e Eula) bool { return e.EulaID == id })
}

// GetEula shows one licence.
func (s *Service) GetEula(ctx context.Context, p Principal, req *GetEulaRequest) (*GetEulaResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := s.permitEula(ctx, p, "GetEula", req.EulaID); err != nil {
		return nil, err
	}
	i := s.eula(req.EulaID)
	if i < 0 {
		return nil, absent("EULA", req.EulaID)
	}
	return &GetEulaResponse{Eula: &s.cfg.Eulas[i]}, nil
}

// ListEulas lists the licences of the installation.
func (s *Service) ListEulas(ctx context.Context, p Principal, req *ListEulasRequest) (*ListEulasResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := s.permitEula(ctx, p, "ListEulas", ""); err != nil {
		return nil, err
	}
	l := listing{"ListEulas", req, req.NextToken, pageSize}
	from := 0
	if l.token != "" {
		place, err := s.openPageToken(l)
		if err != nil {
			return nil, err
		}
		from = s.eula(place.ID) + 1
	}
	answer := ListEulasResponse{Eulas: []Eula{}}
	for _, e := range s.cfg.Eulas[from:] {
		if len(req.EulaIDs) > 0 && !slices.Contains(req.EulaIDs, e.EulaID) {
			continue
		}
		if len(answer.Eulas) == l.size {
			last := answer.Eulas[l.size-1]
			answer.NextToken = s.pageToken(l, Place{last.CreatedAt, last.EulaID})
			break
		}
		answer.Eulas = append(answer.Eulas, e)
	}
	return &answer, nil
}

func (s *Service) permitEula(ctx context.Context, p Principal, operation, id string) error {
	return s.read(ctx, func(tx Tx) error { return s.permit(ctx, tx, p, operation, eulaOf(id, ""), nil) })
}

// ListEulaAcceptances lists which licences are accepted for a studio.
func (s *Service) ListEulaAcceptances(ctx context.Context, p Principal, req *ListEulaAcceptancesRequest) (*ListEulaAcceptancesResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := ListEulaAcceptancesResponse{EulaAcceptances: []EulaAcceptance{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		if err := s.permit(ctx, tx, p, "ListEulaAcceptances", Resource{Type: typeAcceptance, StudioID: req.StudioID}, nil); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		q := Query{StudioID: req.StudioID}
		for _, id := range req.EulaIDs {
			q.IDs = append(q.IDs, acceptanceID(req.StudioID, id))
		}
		accepted, next, err := page[acceptance](ctx, s, tx, listing{"ListEulaAcceptances", req, req.NextToken, pageSize}, q)
		for _, a := range accepted {
			answer.EulaAcceptances = append(answer.EulaAcceptances, a.EulaAcceptance)
		}
		answer.NextToken = next
		return err
	})
}

// AcceptEulas accepts licences for a studio, all or none. One that is accepted
// already stays as it is.
func (s *Service) AcceptEulas(ctx context.Context, p Principal, req *AcceptEulasRequest) (*AcceptEulasResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer AcceptEulasResponse
	return &answer, s.write(ctx, func(tx Tx, now time.Time) error {
		answer.EulaAcceptances = []EulaAcceptance{}
		if err := s.permit(ctx, tx, p, "AcceptEulas", eulaOf("", req.StudioID), nil); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		for _, id := range req.EulaIDs {
			if s.eula(id) < 0 {
				return absent("EULA", id)
			}
		}
		// A token is looked at only to refuse one that was used for something else:
		// to accept once more changes nothing.
		_, _, err := s.once(ctx, tx, now, p, "AcceptEulas", req.ClientToken, req, func() (string, error) {
			return req.StudioID, s.openStudio(ctx, tx, req.StudioID)
		})
		if err != nil {
			return err
		}
		for _, id := range req.EulaIDs {
			a, err := s.accept(ctx, tx, now, p, req.StudioID, id)
			if err != nil {
				return err
			}
			answer.EulaAcceptances = append(answer.EulaAcceptances, a.EulaAcceptance)
		}
		return nil
	})
}

func (s *Service) accept(ctx context.Context, tx Tx, now time.Time, p Principal, studioID, eulaID string) (*acceptance, error) {
	a := new(acceptance)
	if ok, err := found(tx.Find(ctx, acceptanceID(studioID, eulaID), a)); ok || err != nil {
		return a, err
	}
	id, err := newID(s.cfg.Random)
	if err != nil {
		return nil, err
	}
	a = &acceptance{EulaAcceptance: EulaAcceptance{
		EulaAcceptanceID: id, EulaID: eulaID, AccepteeID: studioID, AcceptedBy: p.ID, AcceptedAt: now,
	}}
	return a, taken(tx.Save(ctx, a))
}

// accepted answers Validation when a licence that a streaming image asks for is
// not accepted for the studio.
func accepted(ctx context.Context, tx Tx, studioID string, eulaIDs []string) error {
	var missing []string
	for _, id := range eulaIDs {
		if ok, err := found(tx.Find(ctx, acceptanceID(studioID, id), &acceptance{})); err != nil {
			return err
		} else if !ok {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &Error{
		Kind: Validation, Code: CodeEula, Message: "The streaming image needs licences that are not accepted for this studio; an administrator can accept them.",
		Context: map[string]string{"eulaIds": strings.Join(missing, ",")},
	}
}
