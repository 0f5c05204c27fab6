package studio

import (
	"context"
	"slices"
	"strings"
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

// NeverCodes are those of StatusCodes that docs/states.md calls unreachable.
func NeverCodes() map[string]map[StatusCode]bool {
	all := map[string]map[StatusCode]bool{}
	for _, of := range allStatusCodes() {
		all[of.shape] = map[StatusCode]bool{}
		for _, c := range of.codes {
			all[of.shape][c.code] = strings.HasPrefix(c.when, "never")
		}
	}
	return all
}

// NeverStates are, for each table and every state that its machine tells of,
// whether docs/states.md calls it unreachable.
func NeverStates() map[Table]map[State]bool {
	all := map[Table]map[State]bool{}
	for table, m := range map[Table]*machine{
		TableStudios: studioMachine, TableComponents: componentMachine, TableProfiles: profileMachine, TableImages: imageMachine,
		TableSessions: sessionMachine, TableStreams: streamMachine, TableBackups: backupMachine,
	} {
		all[table] = map[State]bool{}
		for s := range m.says {
			all[table][s] = false
		}
		for s := range m.never {
			all[table][s] = true
		}
	}
	return all
}
