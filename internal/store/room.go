package store

import (
	"context"
	"errors"
)

// spare is how many free pages the file of a store has at least when it is
// opened, and has again after some Writes: those and the log, which is as long as
// they then, are the room in which changes go on while the disk is full, so that
// what takes up room can be stopped and deleted. Space that is set aside anywhere
// else others would take.
const spare = 256

// spareEvery is the number of Writes after which the free pages are counted.
const spareEvery = 64

// keepRoom brings the free pages up to their number when half of them are used.
func (s *Store) keepRoom(ctx context.Context) {
	var free int
	if err := s.write.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil || free >= spare/2 {
		return
	}
	// Pages that are free before they were ever written would be holes in the file.
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS spare (pages blob)", "DELETE FROM spare",
		"INSERT INTO spare VALUES (zeroblob((SELECT page_size FROM pragma_page_size) * ?))",
		"PRAGMA wal_checkpoint(PASSIVE)", "DELETE FROM spare",
	} {
		if _, err := s.write.ExecContext(ctx, statement, spare); err != nil {
			s.log.WarnContext(ctx, "the store has no room to spare: make room on its disk", "err", err)
			return
		}
	}
}

// again does something once more that found no room in the log, which then begins
// anew in the room that it has.
func (s *Store) again(ctx context.Context, do func() error) error {
	err := do()
	if !errors.Is(kindOf(err), ErrFull) {
		return err
	}
	s.log.ErrorContext(ctx, "the disk of the store is full: make room on it", "err", err)
	if _, restart := s.write.ExecContext(ctx, "PRAGMA wal_checkpoint(RESTART)"); restart != nil {
		return err
	}
	return do()
}
