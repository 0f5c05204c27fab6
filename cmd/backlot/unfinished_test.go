package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
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

// TestUnfinishedBesideOthers: a server that shares its directories cannot know at
// its start what is somebody's; later it can.
func TestUnfinishedBesideOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		left := filepath.Join(dir, ".new-1")
		if err := os.WriteFile(left, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		if err := os.Chtimes(left, now, now); err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithTimeout(t.Context(), 2*time.Minute)
		defer end()
		p := &presence{name: "self", data: dir}
		if err := p.watch(ctx, func(string) error { return nil }, slog.New(slog.DiscardHandler), dir); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it is still there: %v", err)
		}
	})
}
