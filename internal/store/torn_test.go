package store_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

// crashed is what a power cut leaves of a store: its file and its log, which has
// a header and then frames of a header and a page, as SQLite's file format says.
type crashed struct {
	file, log   []byte
	page, count int   // bytes of a page, number of frames
	commits     []int // how many Writes the first n frames hold, for each n
}

const logHeader, frameHeader = 32, 24

func (c crashed) frame(n int) []byte {
	size := frameHeader + c.page
	return c.log[logHeader+n*size:][:size]
}

// crash writes some pairs of nouns and takes what is on the disk then.
func crash(t *testing.T, pairs int) crashed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	if err := openSQLite(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	s := openSQLite(t, path)
	for i := range pairs {
		other := newThing(fmt.Sprint(i))
		other.Kind = "streams"
		write(t, s, newThing(fmt.Sprint(i)), other)
	}
	var c crashed
	var err error
	if c.file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if c.log, err = os.ReadFile(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	c.page = int(binary.BigEndian.Uint32(c.log[8:]))
	c.count = (len(c.log) - logHeader) / (frameHeader + c.page)
	c.commits = []int{0}
	for n := range c.count {
		done := c.commits[n]
		if binary.BigEndian.Uint32(c.frame(n)[4:]) != 0 { // the last of its transaction
			done++
		}
		c.commits = append(c.commits, done)
	}
	if c.commits[c.count] != pairs {
		t.Fatalf("%d transactions in the log, wrote %d", c.commits[c.count], pairs)
	}
	return c
}

// recovered opens a store of that file and log, and tells how many pairs it has,
// which must be the first ones.
func recovered(t *testing.T, file, log []byte) (pairs int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	for name, content := range map[string][]byte{path: file, path + "-wal": log} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), store.Config{Path: path, Log: config(t, path).Log})
	if err != nil {
		t.Fatal(err)
	}
	ids, others := list(t, s, studio.Query{}), list(t, s, studio.Query{Table: "streams"})
	for i := range ids {
		if !slices.Contains(ids, fmt.Sprint(i)) {
			t.Errorf("%d is not there, of %d", i, len(ids))
		}
	}
	if !slices.Equal(ids, others) {
		t.Errorf("half of a transaction: %v and %v", ids, others)
	}
	write(t, s, newThing("goes on"))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return len(ids)
}

// TestTornLog cuts the log off at every frame, and within it, and spoils it there:
// what was written before is there, and nothing behind.
func TestTornLog(t *testing.T) {
	t.Parallel()
	c := crash(t, 4)
	random := rand.New(rand.NewPCG(7, 8))
	for n := range c.count + 1 {
		end := logHeader + n*(frameHeader+c.page)
		want := c.commits[n]
		if got := recovered(t, c.file, c.log[:end]); got != want {
			t.Errorf("%d pairs of %d frames; want %d", got, n, want)
		}
		if n == c.count {
			break
		}
		within := end + 1 + random.IntN(frameHeader+c.page-1)
		if got := recovered(t, c.file, c.log[:within]); got != want {
			t.Errorf("%d pairs of %d frames and a part of one; want %d", got, n, want)
		}
		spoiled := slices.Clone(c.log)
		spoiled[within-1] ^= 1 << random.IntN(8)
		if got := recovered(t, c.file, spoiled); got != want {
			t.Errorf("%d pairs of %d good frames; want %d", got, n, want)
		}
	}
	t.Logf("%d frames", c.count)
}

// TestTornCheckpoint crashes while the log is carried over into the file, after
// any part of that: nothing is lost.
func TestTornCheckpoint(t *testing.T) {
	t.Parallel()
	c := crash(t, 30)
	random := rand.New(rand.NewPCG(9, 10))
	for range 25 {
		file := slices.Clone(c.file)
		for n := range c.count {
			if random.IntN(3) == 0 {
				continue
			}
			// Only the last state of a page is carried over.
			number := binary.BigEndian.Uint32(c.frame(n))
			last := n
			for later := n + 1; later < c.count; later++ {
				if binary.BigEndian.Uint32(c.frame(later)) == number {
					last = later
				}
			}
			at := (int(number) - 1) * c.page
			if missing := at + c.page - len(file); missing > 0 {
				file = append(file, make([]byte, missing)...)
			}
			part := c.page
			if random.IntN(4) == 0 {
				part = random.IntN(c.page) // a torn page
			}
			copy(file[at:], c.frame(last)[frameHeader:][:part])
		}
		if got := recovered(t, file, c.log); got != 30 {
			t.Errorf("%d pairs; want 30", got)
		}
	}
}
