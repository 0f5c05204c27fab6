package studio

import (
	"context"
	"fmt"
	"time"
)

// Inspection is one reading of a snapshot in the background.
type Inspection struct {
	// BackupID is the backup that it is about.
	BackupID string
	// Snapshot is what to read; Manifest names the manifest to make of it or, with
	// Verify, the one to compare it with.
	Snapshot, Manifest string
	Verify             bool
	// SessionID is not empty when Snapshot is of that session's restored volume.
	SessionID string
}

// InspectionResult is what a reading came to.
type InspectionResult struct {
	// Root names the tree that was read, Files and Bytes are what it holds, and
	// Unreadable is of how many files the disk did not give the content.
	Root                     string
	Files, Bytes, Unreadable int64
	// Differences counts the files that are not as the manifest says; Paths are
	// the first of them, or of the unreadable ones, as "path: how".
	Differences int64
	Paths       []string
	// Err says that the reading failed as a whole.
	Err error
}

// good tells that what was read is what it should be.
func (r *InspectionResult) good() bool { return r.Differences == 0 && r.Unreadable == 0 }

const (
	// inspections is how often a reading that somebody waits for is tried.
	inspections = 3
	// damagesShown is how many paths of damaged files are kept.
	damagesShown = 20
)

// checksum is what a backup's snapshot came to when it was read first.
type checksum struct {
	// Root is known before SummedAt where the backup was imported: what the archive said.
	Root     string    `json:"root,omitempty"`
	Files    int64     `json:"files,omitempty"`
	Bytes    int64     `json:"bytes,omitempty"`
	SummedAt time.Time `json:"summedAt,omitzero"`

	// InspectAt is when the snapshot is to be read, at the earliest; the last
	// Inspections attempts came to nothing.
	InspectAt   time.Time `json:"inspectAt,omitzero"`
	Inspections int       `json:"inspections,omitempty"`

	Verification Verification `json:"verification,omitzero"`
}

// The states of a verification.
const (
	notVerified      State = "NOT_VERIFIED"
	verifyInProgress State = "IN_PROGRESS"
	verified         State = "VERIFIED"
	damaged          State = "DAMAGED"
)

// damaged tells that the backup is known not to be what it was.
func (c *checksum) damaged() bool { return c.Verification.State == damaged }

// summed tells that another tree can be compared with the backup.
func (c *checksum) summed() bool { return !c.SummedAt.IsZero() && c.Root != "" }

// conclude notes what a reading showed.
func (c *checksum) conclude(now time.Time, r InspectionResult, where string) {
	c.InspectAt, c.Inspections = time.Time{}, 0
	v := Verification{State: verified, At: now, Paths: r.Paths[:min(len(r.Paths), damagesShown)]}
	if !r.good() {
		v.State, v.Differences = damaged, int(max(r.Differences, r.Unreadable))
		v.Message = fmt.Sprintf("%d files of %s are not what they were when the backup was made.", v.Differences, where)
	}
	c.Verification = v
}

// wanted is the inspection that a backup needs, and since when.
func (b *Backup) wanted() (Inspection, time.Time, bool) {
	i := Inspection{BackupID: b.BackupID, Snapshot: b.Key, Manifest: b.Key}
	since := b.CreatedAt
	if b.InspectAt.After(since) {
		since = b.InspectAt
	}
	switch {
	case b.State != Ready:
		return i, since, false
	case b.SummedAt.IsZero():
		return i, since, true
	default:
		i.Verify = true
		return i, since, b.Verification.State == verifyInProgress
	}
}

// compares tells whether the session's volume was made from a backup and its
// copy is there to be compared with it.
func (s *Session) compares() bool {
	return s.Compare != "" && s.VolumeMade && s.State != DeleteInProgress && s.State != Deleted && s.State != DeleteFailed
}

// NextInspection tells which reading is wanted for the longest time, if any:
// backups that were never read, those to be verified, restored volumes.
func (s *Service) NextInspection(ctx context.Context) (next Inspection, ok bool, err error) {
	now := s.now()
	var oldest time.Time
	offer := func(i Inspection, since time.Time) {
		if !since.After(now) && (!ok || since.Before(oldest)) {
			next, oldest, ok = i, since, true
		}
	}
	err = s.read(ctx, func(tx Tx) error {
		next, ok = Inspection{}, false
		backups, err := List[Backup](ctx, tx, Query{States: []State{Ready}})
		if err != nil {
			return err
		}
		for _, b := range backups {
			if i, since, wanted := b.wanted(); wanted {
				offer(i, since)
			}
		}
		sessions, err := List[Session](ctx, tx, Query{NotStates: []State{Deleted}})
		for _, session := range sessions {
			if session.compares() {
				offer(Inspection{
					BackupID: session.CompareWith, Snapshot: session.Compare, Manifest: session.From, Verify: true, SessionID: session.SessionID,
				}, session.CompareAt)
			}
		}
		return err
	})
	return next, ok, err
}

// RecordInspection records what a reading came to. What is not wanted any more
// changes nothing.
func (s *Service) RecordInspection(ctx context.Context, i Inspection, r InspectionResult) error {
	var found bool
	err := s.write(ctx, func(tx Tx, now time.Time) (err error) {
		found, err = s.recordInspection(ctx, tx, now, i, r)
		return err
	})
	if found && err == nil && r.Err == nil && !r.good() {
		s.cfg.Log.ErrorContext(ctx, "a backup is damaged", "backup_id", i.BackupID, "session_id", i.SessionID, "snapshot", i.Snapshot,
			"differences", r.Differences, "unreadable", r.Unreadable)
	}
	return err
}

func (s *Service) recordInspection(ctx context.Context, tx Tx, now time.Time, i Inspection, r InspectionResult) (bool, error) {
	var b Backup
	there, err := found(tx.Find(ctx, i.BackupID, &b))
	if err != nil {
		return false, err
	}
	there = there && b.State == Ready
	if i.SessionID != "" {
		return s.recordComparison(ctx, tx, now, i, r, &b, there)
	}
	wanted, _, ok := b.wanted()
	if !there || !ok || wanted != i {
		return false, nil
	}
	switch {
	case r.Err != nil:
		b.unread(now)
	case i.Verify:
		b.conclude(now, r, "the backup")
	default:
		b.sum(now, &r)
	}
	return true, tx.Save(ctx, &b)
}

// sum takes what the first reading came to.
func (c *checksum) sum(now time.Time, r *InspectionResult) {
	asked := c.Verification
	said := c.Root
	c.Root, c.Files, c.Bytes, c.SummedAt = r.Root, r.Files, r.Bytes, now
	if r.Unreadable > 0 {
		c.Root = "" // over what cannot be read it names nothing
	}
	switch {
	case r.Unreadable > 0:
		c.conclude(now, *r, "the backup")
	case said != "" && said != r.Root:
		r.Differences = 1
		c.conclude(now, *r, "the backup")
		c.Verification.Message = "The backup is not what the archive said that it was imported from."
	default:
		c.InspectAt, c.Inspections = time.Time{}, 0
		c.Verification = asked
	}
}

// unread: the snapshot could not be read. It is tried again, later and later, but
// who asked for it is not left waiting.
func (c *checksum) unread(now time.Time) {
	c.Inspections++
	c.InspectAt = now.Add(min(time.Second<<(2*min(c.Inspections, 6)), time.Hour))
	if c.Inspections >= inspections && c.Verification.State == verifyInProgress {
		c.Verification = Verification{State: notVerified, At: now, Message: "The backup could not be read; the server's log says why."}
		if !c.SummedAt.IsZero() {
			c.InspectAt, c.Inspections = time.Time{}, 0
		}
	}
}

// recordComparison notes how a restored volume compares with the backup it was
// made from. There is nothing more to do for it then, and its copy may go.
func (s *Service) recordComparison(ctx context.Context, tx Tx, now time.Time, i Inspection, r InspectionResult, b *Backup, there bool) (bool, error) {
	var session Session
	ok, err := found(tx.Find(ctx, i.SessionID, &session))
	if !ok || session.Compare != i.Snapshot {
		return false, err
	}
	session.CompareTries++
	if r.Err != nil && there && session.CompareTries < inspections {
		session.CompareAt = now.Add(time.Minute)
		return true, tx.Save(ctx, &session)
	}
	session.Compare, session.CompareWith, session.CompareAt, session.CompareTries = "", "", time.Time{}, 0
	if err := tx.Save(ctx, &session); err != nil || !there || r.Err != nil {
		return false, err
	}
	// What somebody asked for is still to be read, and one good copy mends nothing.
	if r.good() && (b.Verification.State == verifyInProgress || b.damaged()) {
		return true, nil
	}
	b.conclude(now, r, "a volume restored from the backup")
	return true, tx.Save(ctx, b)
}
