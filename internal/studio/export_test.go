package studio

import (
	"context"
	"slices"
	"time"
)

// Reaches tells whether legal moves lead a session from one state to another.
func Reaches(from, to State) bool {
	seen := map[State]bool{}
	var walk func(State) bool
	walk = func(s State) bool {
		if s == to {
			return true
		}
		if seen[s] {
			return false
		}
		seen[s] = true
		for _, v := range sessionMachine.moves {
			if v.from == s && walk(v.to) {
				return true
			}
		}
		return false
	}
	return walk(from)
}

// CatalogueMoved is Moved for what administrators make.
func CatalogueMoved(from, to State) bool { return moved(profileMachine, from, to) }

// Moved tells whether one legal move, or none, leads a session from one state to another.
func Moved(from, to State) bool { return moved(sessionMachine, from, to) }

func moved(m *machine, from, to State) bool {
	return from == to || slices.ContainsFunc(m.moves, func(v move) bool { return v.from == from && v.to == to })
}

// LoseClient takes from a studio its place in the identity store.
func (s *Service) LoseClient(ctx context.Context, id string) error {
	return s.write(ctx, func(tx Tx, _ time.Time) error {
		h, err := s.theStudio(ctx, tx, id)
		if err != nil {
			return err
		}
		h.SSOClientID = ""
		return tx.Save(ctx, h)
	})
}

// OpenARN and ARN read and make ARNs.
func (s *Service) OpenARN(arn string) (kind, id string, err error) { return s.openARN(arn) }

// ARN makes one.
func (s *Service) ARN(kind, id string) string { return s.arn(kind, id) }

// StatusCodes are the codes that docs/states.md tells of, by shape.
func StatusCodes() map[string][]string {
	all := map[string][]string{}
	for _, of := range allStatusCodes() {
		for _, c := range of.codes {
			all[of.shape] = append(all[of.shape], string(c.code))
		}
	}
	return all
}
