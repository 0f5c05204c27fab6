package workstationtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/workstation"
)

// The parts of a workstation, as Harness.Kill and Harness.Process name them.
const (
	Desktop  = "desktop"
	Display  = "display"
	Streamer = "streamer"
)

// Harness is a driver and the hands the suite needs on its machine.
type Harness struct {
	Driver workstation.Driver
	// Reopen returns a driver for the same machine, as a restarted server has it.
	Reopen func(t *testing.T) workstation.Driver
	// Spec returns a specification with a volume of its own, the same one each
	// time for the same id.
	Spec func(t *testing.T, id string) workstation.Spec
	// Write has the desktop's user write a file in its home.
	Write func(t *testing.T, id, name, content string)
	// Read returns a file in the home, "" when there is none.
	Read func(t *testing.T, id, name string) string
	// Kill ends one part, as a crash of it would.
	Kill func(t *testing.T, id, part string)
	// Process tells one start of a part from the next; "" while it does not run.
	Process func(t *testing.T, id, part string) string
}

func (h Harness) ensure(t *testing.T, id string) workstation.Spec {
	t.Helper()
	spec := h.Spec(t, id)
	if err := h.Driver.Ensure(t.Context(), spec); err != nil {
		t.Fatalf("ensure %s: %v", id, err)
	}
	return spec
}

func (h Harness) stop(t *testing.T, id string) {
	t.Helper()
	if err := h.Driver.Stop(t.Context(), id, 5*time.Second); err != nil {
		t.Fatalf("stop %s: %v", id, err)
	}
}

func (h Harness) remove(t *testing.T, id string) {
	t.Helper()
	if err := h.Driver.Remove(t.Context(), id); err != nil {
		t.Fatalf("remove %s: %v", id, err)
	}
}

// expect fails unless the workstation is in a state now.
func expect(t *testing.T, d workstation.Driver, id string, want workstation.State) workstation.Status {
	t.Helper()
	got, err := d.Observe(t.Context(), id)
	if err != nil {
		t.Fatalf("observe %s: %v", id, err)
	}
	if got.ID != id || got.State != want {
		t.Fatalf("observe %s: %+v, want %s", id, got, want)
	}
	return got
}

// await waits until the workstation is in a state.
func await(t *testing.T, d workstation.Driver, id string, want workstation.State) workstation.Status {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		got, err := d.Observe(t.Context(), id)
		if err == nil && got.State == want {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("observe %s: %+v, %v; waited in vain for %s", id, got, err, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// find returns what a file of that name below dir holds, "" when there is none.
func find(t *testing.T, dir, name string) string {
	t.Helper()
	content := ""
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != name {
			return err
		}
		text, err := os.ReadFile(path)
		content = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return content
}
