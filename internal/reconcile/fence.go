package reconcile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// errFenced says that somebody with a later lease has begun to work on a noun.
var errFenced = errors.New("the lease was taken over")

// fences tell how far the leases of a noun have come, beside the noun's things on
// the machine: who was frozen while its lease ran out learns there, without the
// store, that it comes too late. Each noun has a directory, each lease that acted
// an empty file in it, named by its number.
//
// There are no locks, which a frozen holder would keep, and nothing is written
// through: a power cut ends everybody who could come late.
type fences struct{ dir string }

// pass lets the holder of a lease act, unless one with a higher number has passed
// before: errFenced. It shows itself first and looks then, so that of two that
// meet the lower one always sees the higher.
func (f fences) pass(name string, number int64) error {
	dir := filepath.Join(f.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("fence %s: %w", name, err)
	}
	mine, err := os.OpenFile(filepath.Join(dir, strconv.FormatInt(number, 10)), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("fence %s: %w", name, err)
	}
	_ = mine.Close() // nothing was written
	passed, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("fence %s: %w", name, err)
	}
	var earlier []string
	for _, p := range passed {
		n, err := strconv.ParseInt(p.Name(), 10, 64)
		switch {
		case err == nil && n > number:
			return fmt.Errorf("%s: lease %d after %d: %w", name, number, n, errFenced)
		case n < number:
			earlier = append(earlier, p.Name())
		}
	}
	for _, name := range earlier {
		_ = os.Remove(filepath.Join(dir, name)) // only to keep the directory small
	}
	return nil
}

// forget takes a fence away once nothing is left that it could protect.
func (f fences) forget(name string) error {
	if name == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(f.dir, name))
}
