package workstationtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/workstation"
)

// Run tests a driver. open is called once for each behaviour and gives it a
// machine of its own; it skips when the host lacks what the driver needs.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for name, behaviour := range map[string]func(*testing.T, Harness){
		"nothing there":                testNothing,
		"ensure, twice":                testEnsure,
		"files reach the volume":       testFiles,
		"stop, twice, and start":       testStop,
		"remove while it runs":         testRemove,
		"list":                         testList,
		"a restarted server":           testReopen,
		"a dead part is mended":        testMend,
		"all parts dead":               testAllDead,
		"interrupted":                  testInterrupted,
		"several at once":              testConcurrent,
		"all verbs at once on one":     testContended,
		"a specification that is none": testBadSpec,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			behaviour(t, open(t))
		})
	}
}

func testNothing(t *testing.T, h Harness) {
	expect(t, h.Driver, "a", workstation.Absent)
	h.stop(t, "a")
	h.remove(t, "a")
	expect(t, h.Driver, "a", workstation.Absent)
	if all, err := h.Driver.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("list: %v, %v; want none", all, err)
	}
}

func testEnsure(t *testing.T, h Harness) {
	h.ensure(t, "a")
	expect(t, h.Driver, "a", workstation.Running)
	first := processes(t, h, "a")
	h.ensure(t, "a")
	expect(t, h.Driver, "a", workstation.Running)
	if diff := cmp.Diff(first, processes(t, h, "a")); diff != "" {
		t.Errorf("the second ensure changed processes: %s", diff)
	}
}

func testFiles(t *testing.T, h Harness) {
	spec := h.ensure(t, "a")
	h.Write(t, "a", "scene.txt", "act one\n")
	h.stop(t, "a")
	if got := find(t, spec.Volume, "scene.txt"); got != "act one\n" {
		t.Errorf("in the volume after stop: %q", got)
	}
	h.remove(t, "a")
	if got := find(t, spec.Volume, "scene.txt"); got != "act one\n" {
		t.Errorf("in the volume after remove: %q", got)
	}
	// The same volume below another workstation.
	other := h.Spec(t, "b")
	other.Volume = spec.Volume
	if err := h.Driver.Ensure(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if got := h.Read(t, "b", "scene.txt"); got != "act one\n" {
		t.Errorf("read back: %q", got)
	}
}

func testStop(t *testing.T, h Harness) {
	h.ensure(t, "a")
	h.Write(t, "a", "kept", "yes")
	for range 2 {
		h.stop(t, "a")
		expect(t, h.Driver, "a", workstation.Stopped)
	}
	h.ensure(t, "a")
	expect(t, h.Driver, "a", workstation.Running)
	if got := h.Read(t, "a", "kept"); got != "yes" {
		t.Errorf("read back: %q", got)
	}
	h.stop(t, "a")
	for range 2 {
		h.remove(t, "a")
		expect(t, h.Driver, "a", workstation.Absent)
	}
}

func testRemove(t *testing.T, h Harness) {
	h.ensure(t, "a")
	start := time.Now()
	h.remove(t, "a")
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("took %v; remove has no grace to give", d)
	}
	expect(t, h.Driver, "a", workstation.Absent)
	h.stop(t, "a")
	expect(t, h.Driver, "a", workstation.Absent)
}

func testList(t *testing.T, h Harness) {
	h.ensure(t, "a")
	h.ensure(t, "b")
	h.stop(t, "b")
	got, err := h.Driver.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []workstation.Status{{ID: "a", State: workstation.Running}, {ID: "b", State: workstation.Stopped}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func testReopen(t *testing.T, h Harness) {
	spec := h.ensure(t, "a")
	before := processes(t, h, "a")
	h.Write(t, "a", "note", "from before")
	h.Driver = h.Reopen(t)
	expect(t, h.Driver, "a", workstation.Running)
	h.ensure(t, "a")
	if diff := cmp.Diff(before, processes(t, h, "a")); diff != "" {
		t.Errorf("the restart changed processes: %s", diff)
	}
	h.stop(t, "a")
	if got := find(t, spec.Volume, "note"); got != "from before" {
		t.Errorf("in the volume: %q", got)
	}
	h.Driver = h.Reopen(t)
	expect(t, h.Driver, "a", workstation.Stopped)
	h.remove(t, "a")
	expect(t, h.Driver, "a", workstation.Absent)
}

func testMend(t *testing.T, h Harness) {
	h.ensure(t, "a")
	for _, dead := range []string{Streamer, Display, Desktop} {
		before := processes(t, h, "a")
		h.Kill(t, "a", dead)
		if s := await(t, h.Driver, "a", workstation.Partial); s.Detail == "" {
			t.Errorf("%s dead: no word of it", dead)
		}
		h.ensure(t, "a")
		expect(t, h.Driver, "a", workstation.Running)
		after := processes(t, h, "a")
		for _, part := range []string{Streamer, Display, Desktop} {
			// The streamer goes with the display it captures and the desktop it tells of.
			mayChange := part == dead || part == Streamer
			if changed := before[part] != after[part]; changed && !mayChange || !changed && part == dead {
				t.Errorf("%s dead: process of %s was %s, is %s", dead, part, before[part], after[part])
			}
		}
	}
}

func testAllDead(t *testing.T, h Harness) {
	h.ensure(t, "a")
	h.Write(t, "a", "note", "alive")
	for _, part := range []string{Desktop, Display, Streamer} {
		h.Kill(t, "a", part)
	}
	await(t, h.Driver, "a", workstation.Stopped)
	h.ensure(t, "a")
	expect(t, h.Driver, "a", workstation.Running)
	if got := h.Read(t, "a", "note"); got != "alive" {
		t.Errorf("read back: %q", got)
	}
}

func testInterrupted(t *testing.T, h Harness) {
	spec := h.Spec(t, "a")
	for _, after := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		if err := h.Driver.Ensure(ctx, spec); err != nil && ctx.Err() == nil {
			t.Errorf("ensure: %v", err)
		}
		cancel()
	}
	h.ensure(t, "a")
	expect(t, h.Driver, "a", workstation.Running)
	for _, after := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		if err := h.Driver.Stop(ctx, "a", time.Minute); err != nil && ctx.Err() == nil {
			t.Errorf("stop: %v", err)
		}
		cancel()
	}
	h.stop(t, "a")
	expect(t, h.Driver, "a", workstation.Stopped)
	h.ensure(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Driver.Remove(ctx, "a"); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("remove: %v", err)
	}
	h.remove(t, "a")
	expect(t, h.Driver, "a", workstation.Absent)
}

func testConcurrent(t *testing.T, h Harness) {
	const n = 4
	each(n, func(id string) {
		if err := h.Driver.Ensure(t.Context(), h.Spec(t, id)); err != nil {
			t.Errorf("ensure %s: %v", id, err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	each(n, func(id string) { h.Write(t, id, "whose", id) })
	each(n, func(id string) {
		expect(t, h.Driver, id, workstation.Running)
		if got := h.Read(t, id, "whose"); got != id {
			t.Errorf("%s reads %q", id, got)
		}
	})
	each(n, func(id string) {
		if err := h.Driver.Stop(t.Context(), id, 5*time.Second); err != nil {
			t.Errorf("stop %s: %v", id, err)
		}
		if err := h.Driver.Remove(t.Context(), id); err != nil {
			t.Errorf("remove %s: %v", id, err)
		}
	})
	if all, err := h.Driver.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("list: %v, %v; want none", all, err)
	}
}

func testContended(t *testing.T, h Harness) {
	spec := h.Spec(t, "a")
	var wg sync.WaitGroup
	for range 2 {
		for verb, call := range map[string]func() error{
			"ensure":  func() error { return h.Driver.Ensure(t.Context(), spec) },
			"stop":    func() error { return h.Driver.Stop(t.Context(), "a", time.Second) },
			"remove":  func() error { return h.Driver.Remove(t.Context(), "a") },
			"observe": func() error { _, err := h.Driver.Observe(t.Context(), "a"); return err },
			"list":    func() error { _, err := h.Driver.List(t.Context()); return err },
		} {
			wg.Go(func() {
				if err := call(); err != nil {
					t.Errorf("%s: %v", verb, err)
				}
			})
		}
	}
	wg.Wait()
	h.ensure(t, "a")
	expect(t, h.Driver, "a", workstation.Running)
}

func testBadSpec(t *testing.T, h Harness) {
	for name, spoil := range map[string]func(*workstation.Spec){
		"no id":            func(s *workstation.Spec) { s.ID = "" },
		"an id of dots":    func(s *workstation.Spec) { s.ID = ".." },
		"an id too long":   func(s *workstation.Spec) { s.ID = fmt.Sprintf("%033d", 1) },
		"no image":         func(s *workstation.Spec) { s.Lower = nil },
		"root as the user": func(s *workstation.Spec) { s.User.ID = 0 },
		"no screen":        func(s *workstation.Spec) { s.Screen.Width = 0 },
	} {
		spec := h.Spec(t, "a")
		spoil(&spec)
		if err := h.Driver.Ensure(t.Context(), spec); !workstation.IsPermanent(err) {
			t.Errorf("%s: %v; want a permanent error", name, err)
		}
	}
	if all, err := h.Driver.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("list: %v, %v; want none", all, err)
	}
}

func processes(t *testing.T, h Harness, id string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, part := range []string{Desktop, Display, Streamer} {
		p := h.Process(t, id, part)
		if p == "" {
			t.Errorf("the %s of %s does not run", part, id)
		}
		all[part] = p
	}
	return all
}

func each(n int, f func(id string)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(string(rune('a' + i))) })
	}
	wg.Wait()
}
