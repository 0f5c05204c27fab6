package studio

import (
	"fmt"
	"slices"
	"time"
)

// enter makes a move and what every move brings with it. by is empty when the
// service itself acts.
func (s *Session) enter(now time.Time, on event, by string) error {
	if err := sessionMachine.apply(&s.State, on, s.SessionID); err != nil {
		return err
	}
	s.UpdatedAt = now
	if by != "" {
		s.UpdatedBy = by
	}
	s.StopAt, s.TerminateAt, s.BackUpAt = time.Time{}, time.Time{}, time.Time{}
	s.Check = false
	s.say(sessionCodes[s.State], "")
	return nil
}

// say sets status code and message; an empty message takes the code's own.
func (s *Session) say(code StatusCode, message string) {
	if message == "" {
		message = sessionSays[code]
	}
	s.StatusCode, s.StatusMessage = code, message
}

// progress begins a new step with a fresh budget.
func (s *Session) progress(now time.Time, step time.Duration) {
	s.Attempts, s.RetryAt, s.Deadline = 0, time.Time{}, now.Add(step)
}

// ready: the desktop can be shown.
func (s *Session) ready(now time.Time, backUpEvery time.Duration) error {
	started := s.State == StartInProgress
	if err := s.enter(now, eventReady, ""); err != nil {
		return err
	}
	if started {
		s.say(sessionStarted, "")
	}
	s.Adopted = ""
	s.Attempts, s.RetryAt, s.Deadline = 0, time.Time{}, time.Time{}
	end := now.Add(time.Duration(s.MaxMinutes) * time.Minute)
	if s.stoppable() {
		s.StopAt = end
	} else {
		s.TerminateAt = end
	}
	if s.backsUp() {
		s.BackUpAt = now.Add(backUpEvery)
	}
	return nil
}

// stop begins to stop the session, or goes on with a stop that failed.
func (s *Session) stop(now time.Time, by, retention string, step time.Duration) error {
	if err := s.enter(now, eventStop, by); err != nil {
		return err
	}
	s.StoppedAt, s.StoppedBy, s.VolumeRetentionMode = now, by, retention
	s.endWorkstation()
	s.progress(now, step)
	return nil
}

// endWorkstation lets the workstation be ended, even where none should run:
// ending what is not there is cheap and certain. One of an earlier run comes
// first, and while it is there the present run has none.
func (s *Session) endWorkstation() {
	if s.Leftover == "" {
		s.Leftover = s.Workstation()
	}
}

// start begins to start the session: from its volume, or, if from is not nil,
// from a new one that is made from that backup.
func (s *Session) start(now time.Time, by string, from *Backup, step time.Duration) error {
	if err := s.enter(now, eventStart, by); err != nil {
		return err
	}
	s.Run++
	s.Running = false
	s.StartedAt, s.StartedBy, s.StartedFromBackupID = now, by, ""
	if from == nil {
		s.HeldBy = ""
	} else {
		s.Replaced = s.Volume
		s.restore(now, from)
	}
	s.progress(now, step)
	return nil
}

// restore lets the session's volume be made from a backup, and compared with it
// where that is possible.
func (s *Session) restore(now time.Time, from *Backup) {
	s.StartedFromBackupID, s.From, s.VolumeMade = from.BackupID, from.Key, false
	s.Volume = s.nextVolume()
	s.Compare, s.CompareWith, s.CompareTries = "", "", 0
	if from.summed() {
		s.Compare, s.CompareWith, s.CompareAt = s.Volume+comparedSuffix, from.BackupID, now
	}
}

func (s *Session) nextVolume() string {
	s.VolumesMade++
	return fmt.Sprintf("%sv%d", s.Key, s.VolumesMade)
}

// atRest tells that nothing will write to what a snapshot is taken of now, as long as
// the volume is not started again.
func (s *Session) atRest() bool {
	return s.State == StopInProgress || s.State == Stopped || s.State == StartInProgress && s.Replaced != ""
}

// volumeMade: Volume is there, and what it replaces is not needed any more.
func (s *Session) volumeMade(now time.Time, step time.Duration) {
	s.VolumeMade, s.HeldBy = true, ""
	if s.Replaced != "" {
		s.Trash, s.Replaced = append(s.Trash, s.Replaced), ""
	}
	s.progress(now, step)
}

// discardVolume lets the volume be deleted.
func (s *Session) discardVolume() {
	for _, v := range []string{s.Volume, s.Replaced} {
		if v != "" && !slices.Contains(s.Trash, v) {
			s.Trash = append(s.Trash, v)
		}
	}
	s.Volume, s.Replaced, s.VolumeMade, s.HeldBy, s.From = "", "", false, "", ""
}

// remove begins to delete the session and all that belongs to it.
func (s *Session) remove(now time.Time, by string, step time.Duration) error {
	if err := s.enter(now, eventDelete, by); err != nil {
		return err
	}
	s.endWorkstation()
	s.Pending, s.BackupsGone, s.ForgetAt = "", false, time.Time{}
	if s.Volume != s.Adopted || s.Adopted == "" { // else it is lost again once the session is gone
		s.discardVolume()
	}
	s.progress(now, step)
	return nil
}

// settle ends a stop or a deletion when nothing of it is left to do.
func (s *Session) settle(now time.Time, keep time.Duration) error {
	if action, _ := s.Next(now); action != Settle {
		return nil
	}
	s.Attempts, s.RetryAt, s.Deadline = 0, time.Time{}, time.Time{}
	s.Running = false
	if s.State == DeleteInProgress {
		s.ForgetAt = now.Add(keep)
		return s.enter(now, eventDeleted, "")
	}
	if err := s.enter(now, eventStopped, ""); err != nil {
		return err
	}
	if s.AutomaticTerminationMode == activated {
		s.TerminateAt = now.Add(time.Duration(s.MaxStoppedMinutes) * time.Minute)
	}
	return nil
}

// fail ends a transition as failed. What runs of it must be ended; a volume that
// was to be replaced stays the session's.
func (s *Session) fail(now time.Time, why Failure, keep time.Duration) error {
	from := s.State
	if err := s.enter(now, eventFailed, ""); err != nil {
		return err
	}
	s.say(why.Code, why.Message)
	s.Attempts, s.RetryAt, s.Deadline, s.NoRoom = 0, time.Time{}, time.Time{}, ""
	if from != CreateInProgress && from != StartInProgress {
		return nil
	}
	s.Running = false
	s.endWorkstation()
	if !s.VolumeMade {
		s.Compare = ""
	}
	if from == StartInProgress && !s.VolumeMade {
		s.Trash = append(s.Trash, s.Volume)
		s.Volume, s.VolumeMade, s.Replaced = s.Replaced, s.Replaced != "", ""
	}
	if s.State == CreateFailed {
		s.ForgetAt = now.Add(keep)
	}
	return nil
}

// ended: the workstation Leftover is gone.
func (s *Session) ended(now time.Time, step time.Duration) {
	s.Leftover = ""
	if s.State != StartInProgress {
		s.Reserved = Capacity{}
	}
	s.progress(now, step)
}
