package studio

import (
	"context"
	"fmt"
	"time"
)

// Task is one thing to do so that a noun becomes what its row says. Doing it
// twice, or after somebody else has done it, must be harmless.
type Task struct {
	Action Action
	Table  Table
	ID     string
	// Lease is what it is done under, set by who does it: what a lease that was
	// taken over brought about is not recorded.
	Lease Lease
	// Before bounds the doing: what takes longer has failed.
	Before time.Time
	// Session is set in tasks of sessions, Backup in those of backups, Image in those
	// of streaming images.
	Session *Session
	Backup  *Backup
	Image   *Image
	// Snapshot is the one to take, SnapshotOf the volume to take it of.
	Snapshot, SnapshotOf string
	// Snapshots are those to delete, Volumes what archives were unpacked into on
	// their way to become some of them.
	Snapshots, Volumes []string
	// Type bounds what the workstation takes of the machine.
	Type InstanceType
	// Initialization is what a workstation does before it is shown, within
	// ScriptTime. Secret.
	Initialization *LaunchProfileInitialization
	ScriptTime     time.Duration

	revision int64
}

// newLiving is an empty noun of a table whose nouns change with time.
func newLiving(t Table) living {
	switch t {
	case TableStudios:
		return &storedStudio{}
	case TableComponents:
		return &Component{}
	case TableImages:
		return &Image{}
	case TableProfiles:
		return &Profile{}
	case TableSessions:
		return &Session{}
	case TableStreams:
		return &Stream{}
	case TableBackups:
		return &Backup{}
	case TableClientTokens:
		return &clientToken{}
	default:
		return nil
	}
}

// Task tells what is to be done for a noun now. Its Action is None when there is
// nothing, or no such noun.
func (s *Service) Task(ctx context.Context, table Table, id string) (Task, error) {
	task := Task{Table: table, ID: id}
	n := newLiving(table)
	if n == nil {
		return task, nil
	}
	return task, s.read(ctx, func(tx Tx) error {
		if ok, err := found(tx.Find(ctx, id, n)); !ok {
			return err
		}
		now := s.now()
		task.Action, _ = n.Next(now)
		task.Before, task.revision = now.Add(s.cfg.Timing.Step), *n.Rev()
		switch n := n.(type) {
		case *Image:
			task.Image = n
		case *Backup:
			task.Backup = n
			task.leave(n)
		case *Session:
			if !s.here(n) {
				return fmt.Errorf("session %s is of installation %s, this is %s", n.SessionID, n.Installation, s.cfg.Installation)
			}
			task.Session, task.Type = n, s.types[n.EC2InstanceType]
			task.Before = now.Add(n.step(s.cfg.Timing))
			return s.detail(ctx, tx, &task)
		}
		return nil
	})
}

// detail adds what a session's task is about: what to run, which snapshots.
func (s *Service) detail(ctx context.Context, tx Tx, task *Task) (err error) {
	switch task.Action {
	case EnsureWorkstation:
		task.ScriptTime = s.cfg.Timing.Scripts
		task.Initialization, err = s.initializationOf(ctx, tx, task.Session)
		return err
	case TakeSnapshot:
		var b Backup
		if err := tx.Find(ctx, task.Session.Pending, &b); err != nil {
			return fmt.Errorf("find pending backup %s: %w", task.Session.Pending, err)
		}
		task.Snapshot, task.SnapshotOf = b.Key, b.Volume
	case DeleteSnapshots:
		backups, err := backupsOf(ctx, tx, task.Session)
		if err != nil {
			return err
		}
		// Deleted ones, too: one may have been taken after its deletion.
		for _, b := range backups {
			if len(b.Restoring) == 0 {
				task.leave(b)
			}
		}
		if task.Session.Compare != "" {
			task.Snapshots = append(task.Snapshots, task.Session.Compare)
		}
	default:
	}
	return nil
}

// leave lets the task delete what there may be of a backup.
func (t *Task) leave(b *Backup) {
	t.Snapshots = append(t.Snapshots, b.Key)
	if b.Origin == originImport && b.State != Ready {
		t.Volumes = append(t.Volumes, ImportVolume(b.Key))
	}
}

// Record records what came of a task: failed is nil when it was done. ErrStale
// tells that the noun changed meanwhile: ask for its task anew.
func (s *Service) Record(ctx context.Context, task Task, failed *Failure) error {
	now := s.now()
	n := newLiving(task.Table)
	platform := ""
	if i := task.Image; i != nil && i.State == CreateInProgress && failed == nil {
		platform, failed = s.examine(ctx, i)
	}
	err := s.cfg.Store.Write(ctx, now, func(tx Tx) error {
		if err := tx.Holds(ctx, task.Lease); err != nil {
			return err
		}
		n = newLiving(task.Table)
		ok, err := found(tx.Find(ctx, task.ID, n))
		switch {
		case err != nil:
			return err
		case !ok || *n.Rev() != task.revision:
			return ErrStale
		case task.Action == Forget:
			return tx.Remove(ctx, n)
		}
		switch n := n.(type) {
		case *Session:
			err = s.recordSession(ctx, tx, now, n, task, failed)
		case *Backup:
			err = s.recordBackup(now, n, task.Action, failed)
		case *Stream:
			err = n.end(now, s.cfg.Timing.KeepStream)
		case entry:
			if i, ok := n.(*Image); ok && i.State == CreateInProgress {
				i.Platform = platform
			}
			err = s.settle(ctx, tx, now, n, failed)
		}
		if err != nil {
			return err
		}
		return tx.Save(ctx, n)
	})
	if session, ok := n.(*Session); ok && err == nil && task.Action != Forget {
		s.tell(ctx, &session.StreamingSession, task.Session.State)
	}
	return err
}

func (s *Service) recordBackup(now time.Time, b *Backup, action Action, failed *Failure) error {
	if action == GiveUp {
		return b.failed(now, Failure{Code: InternalFailure, Message: "The import was interrupted; start it again."}, s.cfg.Timing)
	}
	if failed == nil {
		return b.removed(now, s.cfg.Timing.Keep)
	}
	b.Attempts++
	if b.State == DeleteInProgress && (failed.Final || !now.Before(b.Deadline) && b.Attempts > 1) {
		return b.enter(eventFailed)
	}
	b.RetryAt = now.Add(backoff(b.Attempts))
	return nil
}

// recordSession also lets go of the backup that a session was restored from.
func (s *Service) recordSession(ctx context.Context, tx Tx, now time.Time, session *Session, task Task, failed *Failure) error {
	from, restoring := session.From, session.restoring()
	if err := s.advance(ctx, tx, now, session, task, failed); err != nil || !restoring || session.restoring() {
		return err
	}
	return s.release(ctx, tx, now, from, session)
}

func (s *Service) advance(ctx context.Context, tx Tx, now time.Time, session *Session, task Task, failed *Failure) error {
	action := task.Action
	if failed != nil {
		return s.sessionFailed(ctx, tx, now, session, action, *failed)
	}
	step := session.step(s.cfg.Timing)
	switch action {
	case CreateVolume:
		session.volumeMade(now, step)
	case EnsureWorkstation:
		session.ensured(now, s.cfg.Timing, task.Scripted())
	case StopWorkstation, RemoveWorkstation:
		session.ended(now, step)
	case TakeSnapshot:
		if err := s.snapshotTaken(ctx, tx, now, session); err != nil {
			return err
		}
	case DeleteSnapshots:
		if err := s.removedBackups(ctx, tx, now, session, task.Snapshots); err != nil {
			return err
		}
		session.progress(now, step)
	case DeleteVolume:
		session.Trash = session.Trash[1:]
		session.progress(now, step)
	case GiveUp:
		return s.sessionFailed(ctx, tx, now, session, action, session.reason())
	case StopInTime:
		return s.beginStop(ctx, tx, now, session, "", retain)
	case DeleteInTime:
		return s.beginDelete(ctx, tx, now, session, "")
	case BackUpInTime:
		session.BackUpAt = now.Add(s.cfg.Timing.BackUpEvery)
		session.progress(now, step)
		return s.beginBackup(ctx, tx, now, session, originAutomatic)
	default:
	}
	return session.settle(now, s.cfg.Timing.KeepSession)
}

// ensured: the workstation's processes run, and scripts if there are any.
func (s *Session) ensured(now time.Time, t Timing, scripted bool) {
	s.Check = false
	if s.State == Ready {
		s.Attempts, s.RetryAt = 0, time.Time{}
		return
	}
	if !s.Running {
		s.Running, s.Scripted = true, scripted
		s.progress(now, s.patience(t))
	}
	s.Attempts, s.RetryAt = 0, now.Add(t.Desktop)
	if scripted {
		s.RetryAt = now.Add(t.Desktop / 5) // what went wrong is known by looking only
	}
}

// reason says why a session that gives up does so.
func (s *Session) reason() Failure {
	if s.NoRoom != "" {
		return Failure{Code: InsufficientCapacity, Message: s.NoRoom, Final: true}
	}
	return Failure{Code: InternalFailure, Message: "The desktop did not come up in time.", Final: true}
}

// snapshotTaken: the pending backup is there.
func (s *Service) snapshotTaken(ctx context.Context, tx Tx, now time.Time, session *Session) error {
	if session.atRest() {
		session.HeldBy = session.Pending
	}
	if err := s.endBackup(ctx, tx, now, session, nil); err != nil {
		return err
	}
	session.progress(now, s.cfg.Timing.Step)
	s.dropVolume(session)
	return s.retainBackups(ctx, tx, now, session, session.State == StopInProgress)
}

// sessionFailed records an attempt that came to nothing: it is made again until
// it is final or out of time.
func (s *Service) sessionFailed(ctx context.Context, tx Tx, now time.Time, session *Session, action Action, failed Failure) error {
	if !session.failed(now, failed) {
		return nil
	}
	switch session.State {
	case Ready, Stopped, CreateFailed, StartFailed:
		if action == TakeSnapshot {
			return s.backupFailed(ctx, tx, now, session, failed)
		}
		// Nobody waits for it, and it must be done: go on trying, slowly.
		session.RetryAt = now.Add(backoff(session.Attempts))
		return nil
	case StopInProgress:
		if action == TakeSnapshot {
			return s.backupFailed(ctx, tx, now, session, failed)
		}
	case StartInProgress:
		if action == TakeSnapshot && session.Replaced == "" { // somebody asked for it, nothing depends on it
			return s.backupFailed(ctx, tx, now, session, failed)
		}
	default:
	}
	if session.Pending != "" && session.State == StartInProgress {
		if err := s.endBackup(ctx, tx, now, session, &failed); err != nil {
			return err
		}
	}
	return session.fail(now, failed, s.cfg.Timing.Keep)
}

// backupFailed: the session goes on without the backup, and keeps its volume.
func (s *Service) backupFailed(ctx context.Context, tx Tx, now time.Time, session *Session, failed Failure) error {
	if err := s.endBackup(ctx, tx, now, session, &failed); err != nil {
		return err
	}
	session.progress(now, s.cfg.Timing.Step)
	if session.State == StopInProgress {
		session.VolumeRetentionMode = retain
	}
	return session.settle(now, s.cfg.Timing.KeepSession)
}
