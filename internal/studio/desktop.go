package studio

import (
	"context"
	"slices"
	"time"
)

// DesktopReady records that the desktop of a workstation can be shown. A session
// that waits for it becomes READY at once; a desktop nobody waits for changes nothing. ErrEarly: not
// yet to be believed.
func (s *Service) DesktopReady(ctx context.Context, sessionKey string) error {
	return s.onWorkstation(ctx, sessionKey, func(now time.Time, session *Session) (bool, error) {
		switch session.State {
		case CreateInProgress, StartInProgress:
			if !session.Running {
				return false, ErrEarly
			}
			return true, session.ready(now, s.cfg.Timing.BackUpEvery)
		default:
			return false, nil
		}
	})
}

// DesktopLost records that a workstation does not run as it should, so that it
// is looked at.
func (s *Service) DesktopLost(ctx context.Context, sessionKey string) error {
	return s.onWorkstation(ctx, sessionKey, func(_ time.Time, session *Session) (bool, error) {
		if session.State != Ready || session.Check {
			return false, nil
		}
		session.Check, session.Attempts, session.RetryAt = true, 0, time.Time{}
		return true, nil
	})
}

func (s *Service) onWorkstation(ctx context.Context, sessionKey string, change func(time.Time, *Session) (bool, error)) error {
	var session Session
	var before State
	err := s.write(ctx, func(tx Tx, now time.Time) error {
		session = Session{}
		if ok, err := found(tx.FindUnique(ctx, sessionKey, &session)); !ok {
			return err
		}
		before = session.State
		changed, err := change(now, &session)
		if !changed || err != nil {
			return err
		}
		return tx.Save(ctx, &session)
	})
	if err == nil {
		s.tell(ctx, &session.StreamingSession, before)
	}
	return err
}

// Ended tells which of these workstations nobody may look at any more: another
// server may have stopped them.
func (s *Service) Ended(ctx context.Context, sessionKeys []string) (ended []string, err error) {
	err = s.read(ctx, func(tx Tx) error {
		for _, key := range sessionKeys {
			var session Session
			ok, err := found(tx.FindUnique(ctx, key, &session))
			if err != nil {
				return err
			}
			if !ok || !slices.Contains([]State{CreateInProgress, StartInProgress, Ready}, session.State) {
				ended = append(ended, key)
			}
		}
		return nil
	})
	return ended, err
}

// Recover is to be called by who begins to bring things on, and when the clock was
// set: every transition has its whole time anew, and nothing waits longer for
// another attempt than it would by a clock that is right.
func (s *Service) Recover(ctx context.Context) error {
	return s.write(ctx, func(tx Tx, now time.Time) error {
		sessions, err := List[Session](ctx, tx, Query{NotStates: []State{Deleted}})
		if err != nil {
			return err
		}
		for _, session := range sessions {
			switch session.State {
			case CreateInProgress, StartInProgress, StopInProgress, DeleteInProgress:
				session.progress(now, session.patience(s.cfg.Timing))
			default:
				if !session.RetryAt.After(now.Add(longestWait)) {
					continue
				}
				session.RetryAt = now
			}
			if err := tx.Save(ctx, session); err != nil {
				return err
			}
		}
		backups, err := List[Backup](ctx, tx, Query{States: []State{CreateInProgress, DeleteInProgress, CreateFailed}})
		if err != nil {
			return err
		}
		for _, b := range backups {
			switch {
			case b.State == CreateInProgress && b.Deadline.After(now.Add(importPatience)): // its server may be the one that ended
				b.Deadline = now.Add(importPatience)
			case b.State != CreateInProgress && b.RetryAt.After(now.Add(max(longestWait, s.cfg.Timing.Step))):
				b.RetryAt = now
			default:
				continue
			}
			if err := tx.Save(ctx, b); err != nil {
				return err
			}
		}
		return nil
	})
}

// Wanted tells what the sessions need of what is on the machine: the
// workstations that may be there, each with whether it must run, and the
// volumes and snapshots.
type Wanted struct {
	Workstations       map[string]bool
	Volumes, Snapshots map[string]bool
	// Sessions are the ids of the sessions that the workstations are of.
	Sessions map[string]string
}

// here tells whether a session is of this installation. Those made before sessions
// named theirs are.
func (s *Service) here(session *Session) bool {
	return session.Installation == "" || session.Installation == s.cfg.Installation
}

// Wanted is to be asked after looking at the machine: what was there before it
// was wanted is then never taken for unwanted.
func (s *Service) Wanted(ctx context.Context) (w Wanted, err error) {
	return w, s.read(ctx, func(tx Tx) error {
		w, err = s.wanted(ctx, tx)
		return err
	})
}

func (s *Service) wanted(ctx context.Context, tx Tx) (Wanted, error) {
	w := Wanted{Workstations: map[string]bool{}, Volumes: map[string]bool{}, Snapshots: map[string]bool{}, Sessions: map[string]string{}}
	sessions, err := List[Session](ctx, tx, Query{NotStates: []State{Deleted}})
	if err != nil {
		return w, err
	}
	for _, session := range sessions {
		if !s.here(session) {
			continue
		}
		w.Sessions[session.Workstation()] = session.SessionID
		for _, v := range append([]string{session.Volume, session.Replaced}, session.Trash...) {
			w.Volumes[v] = true
		}
		w.Snapshots[session.Compare] = true
		if session.Leftover != "" {
			w.Workstations[session.Leftover] = false
		}
		switch session.State {
		case Ready:
			w.Workstations[session.Workstation()] = true
		case CreateInProgress, StartInProgress, StopInProgress, DeleteInProgress, StopFailed, DeleteFailed:
			w.Workstations[session.Workstation()] = false
		default:
		}
	}
	backups, err := List[Backup](ctx, tx, Query{NotStates: []State{Deleted}})
	for _, b := range backups {
		w.Snapshots[b.Key] = true
		if b.Origin == originImport && b.State != Ready {
			w.Volumes[ImportVolume(b.Key)] = true
		}
	}
	return w, err
}
