package fake_test

import (
	"errors"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/workstation"
	"github.com/backlot/backlot/internal/workstation/fake"
	"github.com/backlot/backlot/internal/workstation/workstationtest"
)

func TestDriver(t *testing.T) {
	t.Parallel()
	workstationtest.Run(t, func(t *testing.T) workstationtest.Harness {
		t.Helper()
		d, dir := &fake.Driver{Delay: 2 * time.Millisecond}, t.TempDir()
		return workstationtest.Harness{
			Driver: d,
			Reopen: func(*testing.T) workstation.Driver { return d },
			Spec:   func(_ *testing.T, id string) workstation.Spec { return spec(filepath.Join(dir, id), id) },
			Write: func(t *testing.T, id, name, content string) {
				t.Helper()
				if err := d.Write(id, name, content); err != nil {
					t.Error(err)
				}
			},
			Read: func(t *testing.T, id, name string) string {
				t.Helper()
				content, err := d.Read(id, name)
				if err != nil {
					t.Error(err)
				}
				return content
			},
			Kill: func(_ *testing.T, id, part string) { d.Kill(id, part) },
			Process: func(_ *testing.T, id, part string) string {
				if n := d.Process(id, part); n != 0 {
					return strconv.Itoa(n)
				}
				return ""
			},
		}
	})
}

func TestFaultAndDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("full")
		d := &fake.Driver{Delay: time.Hour, Fault: func(c fake.Call) error {
			if c.ID == "b" {
				return full
			}
			return nil
		}}
		start := time.Now()
		if err := d.Ensure(t.Context(), spec("", "a")); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != time.Hour {
			t.Errorf("took %v", took)
		}
		if err := d.Ensure(t.Context(), spec("", "b")); !errors.Is(err, full) {
			t.Errorf("ensure b: %v", err)
		}
		if diff := cmp.Diff([]fake.Call{{Verb: "ensure", ID: "a"}, {Verb: "ensure", ID: "b"}}, d.Calls()); diff != "" {
			t.Error(diff)
		}
	})
}

func spec(volume, id string) workstation.Spec {
	return workstation.Spec{
		ID: id, Hostname: id, Lower: []string{"/image"}, Volume: volume,
		User:   workstation.User{Name: "artist", ID: 1000},
		Screen: workstation.Screen{Width: 100, Height: 100},
	}
}
