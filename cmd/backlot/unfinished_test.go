package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestUnfinished: what killed servers were writing goes, unless another may be at it.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, young, done := filepath.Join(dir, ".new-1"), filepath.Join(dir, ".new-2"), filepath.Join(dir, "url")
	for _, path := range []string{old, young, done} {
		if err := writeFile(path, nil); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-time.Hour)
	if err := os.Chtimes(old, before, before); err != nil {
		t.Fatal(err)
	}
	left := func() (paths []string) {
		paths, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return paths
	}
	if err := sweepUnfinished(time.Minute, dir, filepath.Join(dir, "none")); err != nil || len(left()) != 2 {
		t.Errorf("of three: %v, %v", left(), err)
	}
	if err := sweepUnfinished(0, dir); err != nil || len(left()) != 1 || left()[0] != done {
		t.Errorf("in the end: %v, %v", left(), err)
	}
}
