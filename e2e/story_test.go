package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// TestStory is the life of one session as its user lives it, by the AWS CLI and
// a browser: create, open, type, stop with a backup, start, restore, delete.
func TestStory(t *testing.T) {
	s := newServer(t)
	before := s.traces()
	studio := []string{"--studio-id", s.env["BACKLOT_STUDIO_ID"]}

	made := s.aws(append([]string{
		"create-streaming-session",
		"--launch-profile-id", s.env["BACKLOT_LAUNCH_PROFILE_ID"], "--tags", "show=first",
	}, studio...)...)
	id := member(t, made, "session", "sessionId")
	if state := member(t, made, "session", "state"); state != "CREATE_IN_PROGRESS" {
		t.Errorf("a new session is %s", state)
	}
	session := append([]string{"--session-id", id}, studio...)
	s.aws(append([]string{"wait", "streaming-session-ready"}, session...)...)
	ready := s.aws(append([]string{"get-streaming-session"}, session...)...)
	if got := member(t, ready, "session", "statusCode"); got != "STREAMING_SESSION_READY" {
		t.Errorf("statusCode of a new session = %s", got)
	}
	if got := member(t, ready, "session", "startedAt"); got != "" {
		t.Errorf("startedAt before any start = %s", got)
	}

	stream := s.aws(append([]string{"create-streaming-session-stream"}, session...)...)
	streamID := member(t, stream, "stream", "streamId")
	s.aws(append([]string{"wait", "streaming-session-stream-ready", "--stream-id", streamID}, session...)...)
	url := member(t, s.aws(append([]string{"get-streaming-session-stream", "--stream-id", streamID}, session...)...), "stream", "url")

	for range 2 { // as often as wanted, and nothing but the page itself
		if status, body := fetch(t, url); status != http.StatusOK || !strings.Contains(body, "<html") {
			t.Errorf("GET of the stream's url: %d", status)
		}
	}

	// 4. Type in the terminal: a file appears in the session's home.
	b := newBrowser(t, 1280, 800, mediaFlags...)
	b.run(chromedp.Navigate(url))
	b.waitForDesktop()
	b.openTerminal()
	b.typeText("echo 'first day' > story.txt\n")
	eventually(t, 10*time.Second, func() error { return s.holds("story.txt", "first day\n") })
	b.resize(1000, 700)

	// Stop: the backup goes CREATE_IN_PROGRESS → READY meanwhile.
	stopping := s.aws(append([]string{"stop-streaming-session", "--volume-retention-mode", "RETAIN"}, session...)...)
	if got := member(t, stopping, "session", "state"); got != "STOP_IN_PROGRESS" {
		t.Errorf("a session just stopped is %s", got)
	}
	work := streamingSession{s, id}
	if n := len(work.backups()); n != 1 {
		t.Fatalf("%d backups while stopping, want 1", n)
	}
	s.aws(append([]string{"wait", "streaming-session-stopped"}, session...)...)
	first := *work.backups()[0].BackupId
	backup := s.aws("get-streaming-session-backup", "--studio-id", s.env["BACKLOT_STUDIO_ID"], "--backup-id", first)
	if got := member(t, backup, "streamingSessionBackup", "state"); got != "READY" {
		t.Errorf("backup of a stopped session is %s", got)
	}
	if status, _ := fetch(t, url); status != http.StatusForbidden {
		t.Errorf("GET of the url of a stopped session: %d", status)
	}
	if left := processes(t, "backlot-"+s.installationID()); len(left) > 0 {
		t.Errorf("processes of a stopped session: %v", left)
	}

	// Start: the file is there, and the times are told.
	s.aws(append([]string{"start-streaming-session"}, session...)...)
	s.aws(append([]string{"wait", "streaming-session-ready"}, session...)...)
	again := s.aws(append([]string{"get-streaming-session"}, session...)...)
	if member(t, again, "session", "startedAt") == "" || member(t, again, "session", "startedBy") != s.env["BACKLOT_ARTIST_PRINCIPAL_ID"] {
		t.Errorf("a started session does not say when and by whom: %v", again)
	}
	if err := s.holds("story.txt", "first day\n"); err != nil {
		t.Error(err)
	}

	// Change it, stop, and go back to the first backup.
	s.inHome("echo second day > story.txt")
	work.stop()
	work.wait("STOPPED", time.Minute)
	s.aws(append([]string{"start-streaming-session", "--backup-id", first}, session...)...)
	s.aws(append([]string{"wait", "streaming-session-ready"}, session...)...)
	if got := member(t, s.aws(append([]string{"get-streaming-session"}, session...)...), "session", "startedFromBackupId"); got != first {
		t.Errorf("startedFromBackupId = %q, want %q", got, first)
	}
	if err := s.holds("story.txt", "first day\n"); err != nil {
		t.Error(err)
	}

	// Delete: told as DELETED, and nothing of it is left.
	s.aws(append([]string{"delete-streaming-session"}, session...)...)
	s.aws(append([]string{"wait", "streaming-session-deleted"}, session...)...)
	if got := member(t, s.aws(append([]string{"get-streaming-session"}, session...)...), "session", "state"); got != "DELETED" {
		t.Errorf("a deleted session is %s", got)
	}
	if diff := cmp.Diff(before, s.traces()); diff != "" {
		t.Errorf("left on the machine after delete (-before +after):\n%s", diff)
	}
}

// TestWithoutFlags opens a desktop in a browser as people start it.
func TestWithoutFlags(t *testing.T) {
	s := newServer(t)
	work := s.createSession()
	work.wait("READY", time.Minute)
	b := newBrowser(t, 1280, 720)
	b.run(chromedp.Navigate(work.stream()))
	b.waitForDesktop()
}

// openTerminal opens one from the menu that a right click on the desktop shows:
// its first entry.
func (b browser) openTerminal() {
	b.t.Helper()
	b.typeable() // the first picture may come before the desktop is painted
	before := b.shot()
	b.run(chromedp.MouseClickXY(300, 200, chromedp.ButtonRight))
	eventually(b.t, 10*time.Second, func() error {
		if after := b.shot(); after.At(395, 232) == before.At(395, 232) {
			return fmt.Errorf("no menu")
		}
		return nil
	})
	b.run(chromedp.MouseClickXY(330, 210))
	eventually(b.t, 15*time.Second, func() error {
		if after := b.shot(); after.At(700, 400) == before.At(700, 400) {
			return fmt.Errorf("no terminal")
		}
		return nil
	})
	b.typeable()
}

// typeable waits until what shows, a bare desktop or a terminal, stays as it is.
func (b browser) typeable() {
	b.t.Helper()
	last, same := b.shotBytes(), 0
	eventually(b.t, 15*time.Second, func() error {
		now := b.shotBytes()
		if bytes.Equal(last, now) {
			same++
		} else {
			same = 0
		}
		last = now
		if same < 5 {
			return fmt.Errorf("the desktop still changes")
		}
		return nil
	})
}

func (b browser) typeText(text string) {
	b.t.Helper()
	for _, r := range text {
		b.run(chromedp.KeyEvent(string(r)))
	}
}

// resize makes the window another size and waits until the desktop has it.
func (b browser) resize(width, height int64) {
	b.t.Helper()
	b.run(chromedp.EmulateViewport(width, height))
	eventually(b.t, 10*time.Second, func() error {
		var size []int64
		b.run(chromedp.Evaluate(`(v => [v.videoWidth, v.videoHeight])(document.querySelector("video"))`, &size))
		if !slices.Equal(size, []int64{width, height}) {
			return fmt.Errorf("the picture is %v, the window %d x %d", size, width, height)
		}
		return nil
	})
}

func fetch(t testing.TB, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}
