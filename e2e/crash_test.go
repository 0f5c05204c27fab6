package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// after restart everything must be as if nothing had happened, within this time.
const recovery = 10 * time.Second

// TestKillWhile kills the server with signal 9 in each state it may be in the
// midst of, sooner and later in it.
func TestKillWhile(t *testing.T) {
	s := newServer(t)
	before := s.traces()
	for _, wait := range []time.Duration{0, 60 * time.Millisecond, 200 * time.Millisecond} {
		work := s.createSession()
		t.Logf("kill %s into each state", wait)
		kill := func(state string) {
			t.Helper()
			time.Sleep(wait) // where in the state the blow falls is what is tried
			s.kill(syscall.SIGKILL)
			s.start()
			began := time.Now()
			work.wait(state, recovery)
			t.Logf("%s %s after the restart", state, time.Since(began).Round(time.Millisecond))
		}
		kill("READY") // CREATE_IN_PROGRESS
		s.inHome("echo kept > note.txt")
		work.stop()
		kill("STOPPED") // STOP_IN_PROGRESS, its backup under way
		backups := work.backups()
		if len(backups) != 1 || aws.StringValue(backups[0].State) != "READY" {
			t.Errorf("backups after a stop that was killed: %v", backups)
		}
		work.start("")
		kill("READY") // START_IN_PROGRESS
		if err := s.holds("note.txt", "kept\n"); err != nil {
			t.Error(err)
		}
		work.delete()
		kill("DELETED") // DELETE_IN_PROGRESS
		if diff := cmp.Diff(before, s.traces()); diff != "" {
			t.Errorf("left on the machine (-before +after):\n%s", diff)
		}
	}
}

// TestKillWithStreamOpen: a desktop that is looked at runs on while the server
// is gone, and the page comes back by itself.
func TestKillWithStreamOpen(t *testing.T) {
	s := newServer(t)
	work := s.createSession()
	work.wait("READY", time.Minute)
	b := newBrowser(t, 1024, 768, mediaFlags...)
	url := work.stream()
	b.run(chromedp.Navigate(url))
	b.waitForDesktop()
	desktop := processes(t, "backlot-"+s.installationID())

	for _, end := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		s.kill(end)
		if now := processes(t, "backlot-"+s.installationID()); !slices.Equal(now, desktop) {
			t.Errorf("processes of the session without the server: %v, before: %v", now, desktop)
		}
		eventually(t, 10*time.Second, func() error { return b.state("reconnecting") })
		s.start()
		began := time.Now()
		eventually(t, recovery, func() error { return b.state("live") })
		t.Logf("picture back %s after the restart that followed %s", time.Since(began).Round(time.Millisecond), end)
		if state := aws.StringValue(work.get().State); state != "READY" {
			t.Errorf("session after the restart is %s", state)
		}
		if status, _ := fetch(t, url); status != 200 {
			t.Errorf("GET of the stream's url after the restart: %d", status)
		}
	}
	b.openTerminal()
	b.typeText("echo still here > typed.txt\n")
	eventually(t, 10*time.Second, func() error { return s.holds("typed.txt", "still here\n") })
}

// TestKillParts: whatever of a READY session dies is started again, with the
// artist's files, and the page shows it.
func TestKillParts(t *testing.T) {
	s := newServer(t)
	work := s.createSession()
	work.wait("READY", time.Minute)
	b := newBrowser(t, 1024, 768, mediaFlags...)
	b.run(chromedp.Navigate(work.stream()))
	b.waitForDesktop()
	s.inHome("echo kept > kept.txt && sync")
	for _, part := range []string{"streamer", "openbox", "Xorg", "init"} {
		pid := s.process(part)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		eventually(t, 15*time.Second, func() error {
			now := s.find(part)
			if now == 0 || now == pid || s.find("openbox") == 0 {
				return fmt.Errorf("%s is not back", part)
			}
			return b.state("live")
		})
		t.Logf("%s back after %s", part, time.Since(began).Round(time.Millisecond))
		if err := s.holds("kept.txt", "kept\n"); err != nil {
			t.Error(err)
		}
		if state := *work.get().State; state != "READY" {
			t.Errorf("session without %s is %s", part, state)
		}
	}
}

// TestDown: the session is stopped and kept, the machine is clean, and another
// installation does not notice.
func TestDown(t *testing.T) {
	s, other := newServer(t), newServer(t)
	work, neighbour := s.createSession(), other.createSession()
	work.wait("READY", time.Minute)
	neighbour.wait("READY", time.Minute)
	theirs := other.settled()
	s.inHome("echo kept > kept.txt")

	s.down()
	eventually(t, 10*time.Second, func() error {
		if s.running() {
			return fmt.Errorf("serve still runs")
		}
		return nil
	})
	if left := s.traces(); len(left) > 0 {
		t.Errorf("left after backlot down: %v", left)
	}
	if diff := cmp.Diff(theirs, other.settled()); diff != "" {
		t.Errorf("the other installation (-before +after):\n%s", diff)
	}
	if state := aws.StringValue(neighbour.get().State); state != "READY" {
		t.Errorf("the other installation's session is %s", state)
	}

	s.start()
	work.wait("STOPPED", recovery)
	work.start("")
	work.wait("READY", time.Minute)
	if err := s.holds("kept.txt", "kept\n"); err != nil {
		t.Error(err)
	}
}

// TestDownWithoutStore: a damaged store keeps nobody from clearing the machine.
func TestDownWithoutStore(t *testing.T) {
	s := newServer(t)
	s.createSession().wait("READY", time.Minute)
	s.kill(syscall.SIGKILL)
	for _, file := range []string{"backlot.db", "backlot.db-wal"} {
		if err := os.WriteFile(filepath.Join(s.data, file), []byte("no database"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := s.backlot("down", "--data", s.data)
	if err != nil || !strings.Contains(out, "could not be stopped") {
		t.Errorf("backlot down: %v\n%s", err, out)
	}
	if left := s.settled(); len(left) > 0 {
		t.Errorf("left after backlot down: %v", left)
	}
}

// state complains unless the stream page is in that state.
func (b browser) state(want string) error {
	var now string
	if err := b.try(5*time.Second, chromedp.Evaluate(`document.body.dataset.state`, &now)); err != nil {
		return err
	}
	if now != want {
		return fmt.Errorf("the page is %s, not %s", now, want)
	}
	return nil
}
