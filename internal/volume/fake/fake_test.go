package fake_test

import (
	"errors"
	"testing"

	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/fake"
	"github.com/backlot/backlot/internal/volume/volumetest"
)

func TestDriver(t *testing.T) {
	t.Parallel()
	volumetest.Run(t, func(_ *testing.T, dir string) volume.Driver { return &fake.Driver{Dir: dir} })
}

func TestFail(t *testing.T) {
	t.Parallel()
	ctx, told := t.Context(), errors.New("told to")
	failing := ""
	d := &fake.Driver{Dir: t.TempDir(), FreeBytes: 7, Fail: func(verb, id string) error {
		if verb == failing && (id == "v1" || id == "s1" || id == "") {
			return told
		}
		return nil
	}}
	for verb, call := range map[string]func() error{
		"Create":         func() error { return d.Create(ctx, "v1", volume.Options{}) },
		"Snapshot":       func() error { return d.Snapshot(ctx, "v1", "s1") },
		"Mount":          func() error { _, err := d.Mount(ctx, "v1"); return err },
		"MountSnapshot":  func() error { _, err := d.MountSnapshot(ctx, "s1"); return err },
		"Usage":          func() error { _, err := d.Usage(ctx, "v1"); return err },
		"Delete":         func() error { return d.Delete(ctx, "v1") },
		"DeleteSnapshot": func() error { return d.DeleteSnapshot(ctx, "s1") },
		"List":           func() error { _, err := d.List(ctx); return err },
		"Free":           func() error { _, err := d.Free(ctx); return err },
	} {
		failing = ""
		if err := d.Create(ctx, "v1", volume.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := d.Snapshot(ctx, "v1", "s1"); err != nil {
			t.Fatal(err)
		}
		failing = verb
		if err := call(); !errors.Is(err, told) {
			t.Errorf("%s: %v, want the error Fail returned", verb, err)
		}
		failing = ""
		if err := call(); err != nil {
			t.Errorf("%s: %v when it is not told to fail", verb, err)
		}
	}
	if got, err := d.Free(ctx); err != nil || got != 7 {
		t.Errorf("Free = %d, %v", got, err)
	}
}
