package oci_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
	"github.com/backlot/backlot/internal/workstation/oci"
)

// task is what a server of its own process is to do, and when it is to die.
type task struct {
	Config oci.Config
	Spec   workstation.Spec
	Verb   string
	// Step is the number of the step it dies at; 0: it does not.
	Step int
	// Freeze has it stop there instead, until somebody lets it go on.
	Freeze bool
}

// playServer does its task and prints the steps it went through.
func playServer(ctx context.Context, text string) int {
	var (
		job   task
		steps atomic.Int64
	)
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return fail(err)
	}
	job.Config.Log = slog.New(slog.DiscardHandler)
	unix.Umask(0o077) // of the strictest operators
	d, err := oci.Open(job.Config)
	if err != nil {
		return fail(err)
	}
	d.OnStep(func(string) {
		if int(steps.Add(1)) == job.Step {
			if job.Freeze {
				_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
				time.Sleep(50 * time.Millisecond) // the signal stops other threads first
				return
			}
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
			select {}
		}
	})
	switch job.Verb {
	case "ensure":
		err = d.Ensure(ctx, job.Spec)
	case "stop":
		err = d.Stop(ctx, job.Spec.ID, 5*time.Second)
	case "remove":
		err = d.Remove(ctx, job.Spec.ID)
	case "observe":
		var s workstation.Status
		s, err = d.Observe(ctx, job.Spec.ID)
		fmt.Fprintln(os.Stdout, s.State)
		return fail(err)
	}
	fmt.Fprintln(os.Stdout, steps.Load())
	return fail(err)
}

func fail(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// server starts a server in a mount namespace of its own, as the real one is.
func (m *machine) server(t testing.TB, job task) (cmd *exec.Cmd, output *strings.Builder) {
	t.Helper()
	job.Config = m.config
	job.Config.Log = nil
	text, err := json.Marshal(job)
	check(t, err)
	output = &strings.Builder{}
	cmd = exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), "BACKLOT_TEST_SERVER="+string(text))
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	check(t, cmd.Start())
	return cmd, output
}

// serve lets a server do its task and returns what it printed.
func (m *machine) serve(t testing.TB, job task) string {
	t.Helper()
	cmd, output := m.server(t, job)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("server: %v: %s", err, output)
	}
	return strings.TrimSpace(output.String())
}

// killed lets a server do its task until it dies of it.
func (m *machine) killed(t testing.TB, job task) {
	t.Helper()
	cmd, output := m.server(t, job)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
		t.Fatalf("server: %v: %s", err, output)
	}
}

// TestServerDies: what one server started, the next one, which has none of its
// mounts, finds and ends.
func TestServerDies(t *testing.T) {
	t.Parallel()
	m := setup(t)
	spec := m.spec(t, "a")
	m.serve(t, task{Spec: spec, Verb: "ensure"})
	m.user(t, "a", "/bin/sh", "-c", "echo here >/home/artist/file")
	check(t, m.driver.Ensure(t.Context(), spec))
	if got := m.serve(t, task{Spec: spec, Verb: "observe"}); got != string(workstation.Running) {
		t.Errorf("observed %s", got)
	}
	// Another mount namespace must mend it, too: the sandbox's mounts are its own.
	check(t, unix.Kill(m.driver.PID("a", "desktop"), unix.SIGKILL))
	eventually(t, "the desktop to end", func() bool { return m.driver.PID("a", "desktop") == 0 })
	m.serve(t, task{Spec: spec, Verb: "ensure"})
	if got := m.user(t, "a", "/bin/cat", "/home/artist/file"); got != "here\n" {
		t.Errorf("read %q", got)
	}
	m.serve(t, task{Spec: spec, Verb: "stop"})
	if got := m.serve(t, task{Spec: spec, Verb: "observe"}); got != string(workstation.Stopped) {
		t.Errorf("observed %s", got)
	}
	m.serve(t, task{Spec: spec, Verb: "remove"})
	m.expectNothingLeft(t)
}

// TestKilledAtEachStep kills the server at each step of each verb. Whatever it
// leaves, each verb of the next server must bring to its end.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"ensure", "stop", "remove"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			m := setup(t)
			spec := m.spec(t, "a")
			begin := func() {
				check(t, m.driver.Remove(t.Context(), "a"))
				if verb != "ensure" {
					check(t, m.driver.Ensure(t.Context(), spec))
				}
			}
			begin()
			steps, err := strconv.Atoi(m.serve(t, task{Spec: spec, Verb: verb}))
			check(t, err)
			if steps < 5 {
				t.Fatalf("only %d steps", steps)
			}
			each := 1
			if testing.Short() {
				each = 4
			}
			for step := 0; step < steps; step += each {
				begin()
				m.killed(t, task{Spec: spec, Verb: verb, Step: step + 1})
				m.carryOn(t, spec, step/each)
			}
		})
	}
}

// TestKilledAnyTime kills the server at moments that are no steps, such as within runc.
func TestKilledAnyTime(t *testing.T) {
	t.Parallel()
	m := setup(t)
	spec := m.spec(t, "a")
	for i := range 12 {
		check(t, m.driver.Remove(t.Context(), "a"))
		cmd, _ := m.server(t, task{Spec: spec, Verb: "ensure"})
		time.Sleep(time.Duration(i) * 12 * time.Millisecond)
		check(t, cmd.Process.Kill())
		_ = cmd.Wait()
		m.carryOn(t, spec, i)
	}
}

// carryOn is the next server's work, one of three kinds.
func (m *machine) carryOn(t testing.TB, spec workstation.Spec, kind int) {
	t.Helper()
	d := m.open(t)
	if _, err := d.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	switch kind % 3 {
	case 0:
		check(t, d.Ensure(t.Context(), spec))
		m.expectState(t, spec.ID, workstation.Running)
		m.user(t, spec.ID, "/bin/true")
	case 1:
		check(t, d.Stop(t.Context(), spec.ID, time.Second))
		if s, err := d.Observe(t.Context(), spec.ID); err != nil || s.State != workstation.Stopped && s.State != workstation.Absent {
			t.Fatalf("after stop: %+v, %v", s, err)
		}
	case 2:
		check(t, d.Remove(t.Context(), spec.ID))
		m.expectState(t, spec.ID, workstation.Absent)
		m.expectNothingLeft(t)
	}
}

func (m *machine) expectState(t testing.TB, id string, want workstation.State) {
	t.Helper()
	if s, err := m.driver.Observe(t.Context(), id); err != nil || s.State != want {
		t.Fatalf("observe %s: %+v, %v; want %s", id, s, err, want)
	}
}
