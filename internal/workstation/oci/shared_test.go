package oci_test

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
	"github.com/backlot/backlot/internal/workstation/oci"
)

// passedOver bounds a verb on a workstation that a frozen server is at work on.
const passedOver = 6 * time.Second

// TestFrozenAtEachStep freezes a server at each step of each verb. Another one brings
// the workstation to where it wants it; when the first goes on, it changes nothing.
func TestFrozenAtEachStep(t *testing.T) {
	t.Parallel()
	m := setup(t)
	at := make(chan struct{}, 6) // that many at once
	var wg sync.WaitGroup
	for _, verb := range []string{"ensure", "stop", "remove"} {
		first := m.spec(t, verb)
		if verb != "ensure" {
			check(t, m.driver.Ensure(t.Context(), first))
		}
		steps, err := strconv.Atoi(m.serve(t, task{Spec: first, Verb: verb}))
		check(t, err)
		check(t, m.driver.Remove(t.Context(), verb))
		each := 1
		if testing.Short() {
			each = 5
		}
		for step := 1; step <= steps; step += each {
			spec := m.spec(t, fmt.Sprintf("%s%d", verb, step))
			at <- struct{}{}
			wg.Go(func() {
				defer func() { <-at }()
				m.frozen(t, task{Spec: spec, Verb: verb, Step: step, Freeze: true}, step/each)
			})
		}
	}
	wg.Wait()
	m.expectNothingLeft(t)
}

func (m *machine) frozen(t *testing.T, job task, kind int) {
	id := job.Spec.ID
	if job.Verb != "ensure" {
		if err := m.driver.Ensure(t.Context(), job.Spec); err != nil {
			t.Errorf("%s: %v", id, err)
			return
		}
	}
	cmd, output := m.server(t, job)
	if err := awaitStopped(cmd); err != nil {
		t.Errorf("%s: %v: %s", id, err, output)
		return
	}
	d := m.open(t)
	began := time.Now()
	var err error
	want := workstation.Running
	switch kind % 3 {
	case 0:
		err = d.Ensure(t.Context(), job.Spec)
	case 1:
		err, want = d.Stop(t.Context(), id, time.Second), workstation.Stopped
	case 2:
		err, want = d.Remove(t.Context(), id), workstation.Absent
	}
	took := time.Since(began)
	if err != nil || took > passedOver {
		t.Errorf("%s: %v after %s", id, err, took)
	}
	before := m.pids(id)
	if err := cmd.Process.Signal(unix.SIGCONT); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it may well say that it has lost the workstation
	s, err := m.driver.Observe(t.Context(), id)
	if err != nil || s.State != want && (want != workstation.Stopped || s.State != workstation.Absent) {
		t.Errorf("%s is %+v, %v once the frozen server went on; want %s: %s", id, s, err, want, output)
	}
	if after := m.pids(id); after != before {
		t.Errorf("%s runs as %v once the frozen server went on, before: %v", id, after, before)
	}
	if err := m.driver.Remove(t.Context(), id); err != nil {
		t.Errorf("%s: %v", id, err)
	}
}

func (m *machine) pids(id string) (pids [3]int) {
	for i, part := range []string{"desktop", "display", "streamer"} {
		pids[i] = m.driver.PID(id, part)
	}
	return pids
}

// awaitStopped waits until a process has stopped itself.
func awaitStopped(cmd *exec.Cmd) error {
	var status unix.WaitStatus
	_, err := unix.Wait4(cmd.Process.Pid, &status, unix.WUNTRACED, nil)
	if err == nil && !status.Stopped() {
		err = fmt.Errorf("it ended: %v", status)
	}
	return err
}

// TestFrozenInRunc freezes a server at moments that are no steps; its runc works on.
func TestFrozenInRunc(t *testing.T) {
	t.Parallel()
	m := setup(t)
	d := m.open(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			id := fmt.Sprint("a", i)
			spec := m.spec(t, id)
			cmd, _ := m.server(t, task{Spec: spec, Verb: "ensure"})
			time.Sleep(time.Duration(20+25*i) * time.Millisecond) // where the blow falls is what is tried
			_ = cmd.Process.Signal(unix.SIGSTOP)
			err := d.Remove(t.Context(), id)
			if i%2 == 0 && err == nil {
				err = d.Ensure(t.Context(), spec)
			}
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
			before := m.pids(id)
			_ = cmd.Process.Signal(unix.SIGCONT)
			_ = cmd.Wait()
			// A server that was frozen before it began now begins, rightly so.
			if after := m.pids(id); before != [3]int{} && after != before {
				t.Errorf("%s runs as %v, before the frozen server went on as %v", id, after, before)
			}
			if err := d.Remove(t.Context(), id); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	wg.Wait()
	m.expectNothingLeft(t)
}

// TestTwoServers: two drivers on one run directory, each of which finds and may
// change what the other does.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	m := setup(t)
	drivers := []*oci.Driver{m.driver, m.open(t)}
	const n = 6
	var wg sync.WaitGroup
	for i := range n {
		id := fmt.Sprint("s", i)
		spec := m.spec(t, id)
		for _, d := range drivers {
			wg.Go(func() {
				if err := d.Ensure(t.Context(), spec); err != nil {
					t.Errorf("ensure %s: %v", id, err)
				}
			})
		}
	}
	wg.Wait()
	bases := map[uint32]string{}
	for i := range n {
		id := fmt.Sprint("s", i)
		m.expectState(t, id, workstation.Running)
		base, err := drivers[1].IDBaseOf(id)
		check(t, err)
		if other, taken := bases[base]; taken {
			t.Errorf("%s and %s have the same user ids", id, other)
		}
		bases[base] = id
		for _, d := range drivers {
			wg.Go(func() {
				if err := d.Stop(t.Context(), id, 5*time.Second); err != nil {
					t.Errorf("stop %s: %v", id, err)
				}
				if err := d.Remove(t.Context(), id); err != nil {
					t.Errorf("remove %s: %v", id, err)
				}
			})
		}
	}
	wg.Wait()
	m.expectNothingLeft(t)
	if strings.Contains(fmt.Sprint(bases), "map[0:") {
		t.Errorf("no user ids: %v", bases)
	}
}
