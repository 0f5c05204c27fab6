// Package fake is a workstation.Driver without workstations, for the tests of
// other rooms. Their states live in memory; files are written to the volumes'
// directories only when a test has a desktop write some.
//
// It touches those directories and the clock, so it works in testing/synctest.
//
// Anything a program needs must never move in: fakes are for tests.
package fake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/backlot/backlot/internal/workstation"
)

// Call is a verb that was called, such as {"ensure", "a"}.
type Call struct{ Verb, ID string }

// Driver is the fake. Its fields may be set before it is used. It is the machine
// too, so a test of a restart goes on with the same one.
type Driver struct {
	// Delay is how long Ensure, Stop and Remove take.
	Delay time.Duration
	// Fault is asked before each verb; its error is what the verb returns.
	Fault func(Call) error

	mu    sync.Mutex
	all   map[string]*machine
	calls []Call
	count int
}

// machine is one workstation: the number of each part's start, 0 when dead.
type machine struct {
	spec  workstation.Spec
	parts map[string]int
}

var _ workstation.Driver = (*Driver)(nil)

func partNames() []string { return []string{"desktop", "display", "streamer"} }

// Ensure starts the parts that do not run.
func (d *Driver) Ensure(ctx context.Context, spec workstation.Spec) error {
	if err := check(spec); err != nil {
		return workstation.Permanent(err)
	}
	return d.change(ctx, Call{"ensure", spec.ID}, func() {
		m := d.all[spec.ID]
		if m == nil {
			m = &machine{parts: map[string]int{}}
			d.all[spec.ID] = m
		}
		m.spec = spec
		if m.parts["display"] == 0 {
			m.parts["streamer"] = 0
		}
		for _, p := range partNames() {
			if m.parts[p] == 0 {
				d.count++
				m.parts[p] = d.count
			}
		}
	})
}

// Stop ends all parts.
func (d *Driver) Stop(ctx context.Context, id string, _ time.Duration) error {
	return d.change(ctx, Call{"stop", id}, func() {
		if m := d.all[id]; m != nil {
			clear(m.parts)
		}
	})
}

// Remove forgets the workstation.
func (d *Driver) Remove(ctx context.Context, id string) error {
	return d.change(ctx, Call{"remove", id}, func() { delete(d.all, id) })
}

// Observe tells how many parts run.
func (d *Driver) Observe(_ context.Context, id string) (workstation.Status, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin(Call{"observe", id}); err != nil {
		return workstation.Status{ID: id}, err
	}
	return d.status(id), nil
}

// List returns all workstations, ordered by id.
func (d *Driver) List(context.Context) ([]workstation.Status, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin(Call{"list", ""}); err != nil {
		return nil, err
	}
	var all []workstation.Status
	for _, id := range slices.Sorted(maps.Keys(d.all)) {
		all = append(all, d.status(id))
	}
	return all, nil
}

// Calls returns the verbs called so far, without observe and list.
func (d *Driver) Calls() []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.calls), func(c Call) bool { return c.Verb == "observe" || c.Verb == "list" })
}

// Spec returns what a workstation was last ensured with.
func (d *Driver) Spec(id string) (spec workstation.Spec, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.all[id]
	if m == nil {
		return spec, false
	}
	return m.spec, true
}

// Kill ends one part ("desktop", "display" or "streamer") as a crash would.
func (d *Driver) Kill(id, part string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.all[id]; m != nil {
		delete(m.parts, part)
	}
}

// Process tells one start of a part from the next; 0 while it does not run.
func (d *Driver) Process(id, part string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.all[id]; m != nil {
		return m.parts[part]
	}
	return 0
}

// Write has the desktop write a file in its user's home.
func (d *Driver) Write(id, name, content string) error {
	path, err := d.home(id)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(path, name), []byte(content), 0o600)
}

// Read returns a file in the home of the desktop's user, "" when there is none.
func (d *Driver) Read(id, name string) (string, error) {
	path, err := d.home(id)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(path, name))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return string(text), err
}

func (d *Driver) home(id string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.all[id]
	if m == nil || m.parts["desktop"] == 0 {
		return "", fmt.Errorf("the desktop of %s does not run", id)
	}
	return filepath.Join(m.spec.Volume, "upper", "home", m.spec.User.Name), nil
}

func (d *Driver) status(id string) workstation.Status {
	s := workstation.Status{ID: id, State: workstation.Absent}
	m := d.all[id]
	if m == nil {
		return s
	}
	var dead []string
	for _, p := range partNames() {
		if m.parts[p] == 0 {
			dead = append(dead, "the "+p+" does not run")
		}
	}
	switch len(dead) {
	case 0:
		s.State = workstation.Running
	case len(partNames()):
		s.State = workstation.Stopped
	default:
		s.State, s.Detail = workstation.Partial, strings.Join(dead, "; ")
	}
	return s
}

// begin notes a call and lets Fault end it. The lock is held.
func (d *Driver) begin(c Call) error {
	if d.all == nil {
		d.all = map[string]*machine{}
	}
	d.calls = append(d.calls, c)
	if d.Fault == nil {
		return nil
	}
	return d.Fault(c)
}

// change takes its time, then changes the machine, unless ctx ends before.
func (d *Driver) change(ctx context.Context, c Call, do func()) error {
	d.mu.Lock()
	err := d.begin(c)
	d.mu.Unlock()
	if err != nil {
		return err
	}
	if d.Delay > 0 {
		t := time.NewTimer(d.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	do()
	return nil
}

func check(spec workstation.Spec) error {
	letters := strings.Trim(spec.ID, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
	if !letters || spec.ID == "" || len(spec.ID) > 32 {
		return fmt.Errorf("workstation id %q: want 1-32 characters of a-z0-9", spec.ID)
	}
	if len(spec.Lower) == 0 || spec.User.ID < 1 || spec.Screen.Width < 1 || spec.Screen.Height < 1 {
		return fmt.Errorf("workstation %s: no image, user or screen", spec.ID)
	}
	return nil
}
