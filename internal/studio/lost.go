package studio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The kinds of what can be lost.
const (
	LostVolume   = "VOLUME"
	LostSnapshot = "SNAPSHOT"
)

// Holdings are the volumes and snapshots that are on the machine.
type Holdings struct{ Volumes, Snapshots []string }

// Unwanted are those of the machine's volumes and snapshots that nobody wants.
type Unwanted struct {
	// Volumes are lost where there is a file in them; the others can go.
	Volumes []string
	// Expendable snapshots can go: their backup was deleted, or they were taken only
	// to be compared. Lost ones may be somebody's work.
	Expendable, Lost []string
}

// comparedSuffix ends the name of a snapshot of a restored volume, taken only to
// compare it with the backup it was made from.
const comparedSuffix = "c"

// Unwanted is to be asked after looking at the machine, as Wanted is.
func (s *Service) Unwanted(ctx context.Context, there Holdings) (u Unwanted, err error) {
	return u, s.read(ctx, func(tx Tx) error {
		u, err = s.unwanted(ctx, tx, there)
		return err
	})
}

func (s *Service) unwanted(ctx context.Context, tx Tx, there Holdings) (u Unwanted, err error) {
	wanted, err := s.wanted(ctx, tx)
	if err != nil {
		return u, err
	}
	for _, id := range there.Volumes {
		if !wanted.Volumes[id] {
			u.Volumes = append(u.Volumes, id)
		}
	}
	for _, id := range there.Snapshots {
		if wanted.Snapshots[id] {
			continue
		}
		var b Backup
		known, err := found(tx.FindUnique(ctx, id, &b))
		switch {
		case err != nil:
			return u, err
		case known || strings.HasSuffix(id, comparedSuffix):
			u.Expendable = append(u.Expendable, id)
		default:
			u.Lost = append(u.Lost, id)
		}
	}
	return u, nil
}

// lost finds what is lost, ordered by id: all, or the one that is named.
func (s *Service) lost(ctx context.Context, tx Tx, vault Vault, only string) ([]Lost, error) {
	there, err := vault.Holdings(ctx)
	if err != nil {
		return nil, err
	}
	u, err := s.unwanted(ctx, tx, there)
	if err != nil {
		return nil, err
	}
	var all []Lost
	for _, id := range u.Volumes {
		if only != "" && id != only {
			continue
		}
		switch empty, err := vault.Empty(ctx, id); {
		case errors.Is(err, ErrNoFile): // it went at this moment
		case err != nil:
			return nil, err
		case !empty:
			all = append(all, Lost{LostID: id, Kind: LostVolume, Reason: "No session has this volume, and there are files in it."})
		}
	}
	for _, id := range u.Lost {
		if only == "" || id == only {
			all = append(all, Lost{LostID: id, Kind: LostSnapshot, Reason: "No backup has this snapshot, and none had that was deleted."})
		}
	}
	slices.SortFunc(all, func(a, b Lost) int { return strings.Compare(a.LostID, b.LostID) })
	return all, nil
}

// ListLost lists the volumes and snapshots that nobody wants and that are kept,
// as they may hold somebody's work.
func (s *Service) ListLost(ctx context.Context, p Principal, req *ListLostRequest) (*ListLostResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	page := listing{"ListLost", req, req.NextToken, limit(req.MaxResults, pageMax)}
	var all []Lost
	var vault Vault
	sessions := map[string]string{}
	err := s.read(ctx, func(tx Tx) (err error) {
		if err := s.permit(ctx, tx, p, "ListLost", Resource{}, nil); err != nil {
			return err
		}
		if vault, err = s.vault(); err != nil {
			return err
		}
		if all, err = s.lost(ctx, tx, vault, ""); err != nil {
			return err
		}
		known, err := List[Session](ctx, tx, Query{})
		for _, session := range known {
			sessions[session.Key] = session.SessionID
		}
		return err
	})
	if err != nil {
		return nil, outcome(err)
	}
	if page.token != "" {
		after, err := s.openPageToken(page)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(l Lost) bool { return l.LostID <= after.ID })
	}
	answer := &ListLostResponse{Lost: []Lost{}}
	if len(all) > page.size {
		all = all[:page.size]
		answer.NextToken = s.pageToken(page, Place{time.Time{}, all[page.size-1].LostID})
	}
	for _, l := range all {
		switch bytes, newest, err := vault.Survey(ctx, l.Kind, l.LostID); {
		case errors.Is(err, ErrNoFile): // it went at this moment
			continue
		case err != nil:
			return nil, err
		default:
			l.UsedBytes, l.ChangedAt = int(bytes), newest
		}
		if len(l.LostID) > keyLength {
			l.SessionID = sessions[l.LostID[:keyLength]]
		}
		answer.Lost = append(answer.Lost, l)
	}
	return answer, nil
}

// keyLength is the length of a session's key, which begins all names of its things.
const keyLength = 16

// theLost is the one that is named.
func (s *Service) theLost(ctx context.Context, tx Tx, id string) (Vault, Lost, error) {
	vault, err := s.vault()
	if err != nil {
		return nil, Lost{}, err
	}
	all, err := s.lost(ctx, tx, vault, id)
	switch {
	case err != nil:
		return nil, Lost{}, err
	case len(all) != 1: // nobody's volume and nobody's snapshot have one name
		return nil, Lost{}, absent("lost volume or snapshot", id)
	}
	return vault, all[0], nil
}

// DeleteLost deletes a volume or snapshot that is lost, and never one that anybody
// wants: it goes while nobody else can begin to.
func (s *Service) DeleteLost(ctx context.Context, p Principal, req *DeleteLostRequest) (*DeleteLostResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer DeleteLostResponse
	return &answer, s.write(ctx, func(tx Tx, now time.Time) error {
		if err := s.permit(ctx, tx, p, "DeleteLost", Resource{}, nil); err != nil {
			return err
		}
		_, _, err := s.once(ctx, tx, now, p, "DeleteLost", req.ClientToken, req, func() (string, error) {
			vault, lost, err := s.theLost(ctx, tx, req.LostID)
			if err != nil {
				return "", err
			}
			s.cfg.Log.WarnContext(ctx, "deleting what was lost", "kind", lost.Kind, "id", lost.LostID, "by", p.ID)
			if err := vault.Remove(ctx, lost.Kind, lost.LostID); err != nil {
				return "", fmt.Errorf("delete lost %s: %w", lost.LostID, err)
			}
			return lost.LostID, nil
		})
		return err
	})
}
