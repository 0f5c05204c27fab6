package portal_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// listener reads the events of a page.
type listener struct {
	t     *testing.T
	lines chan string // closed at the end of the stream
}

func (b *browser) listen() *listener {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.site.URL+"/events", nil)
	must(b.t, err)
	out, err := b.client.Do(r) //nolint:bodyclose // closed at the end of the test
	must(b.t, err)
	if kind := out.Header.Get("Content-Type"); out.StatusCode != http.StatusOK || kind != "text/event-stream" {
		b.t.Fatalf("events: %d %s", out.StatusCode, kind)
	}
	l := &listener{b.t, make(chan string, 100)}
	go func() {
		defer close(l.lines)
		for scan := bufio.NewScanner(out.Body); scan.Scan(); {
			l.lines <- scan.Text()
		}
	}()
	b.t.Cleanup(func() {
		cancel()
		_, _ = io.Copy(io.Discard, out.Body)
		_ = out.Body.Close()
	})
	return l
}

// line is the next line that says something, "" at the end of the stream.
func (l *listener) line() string {
	l.t.Helper()
	for {
		select {
		case line, ok := <-l.lines:
			if line != "" && !strings.HasPrefix(line, "retry:") || !ok {
				return line
			}
		case <-time.After(10 * time.Second):
			l.t.Fatal("no event")
		}
	}
}

// shows waits until the page is told to show something.
func (l *listener) shows(words string) {
	l.t.Helper()
	for {
		switch line := l.line(); line {
		case "event: live":
		case ": still so": // what changed does not show
			continue
		default:
			l.t.Fatalf("%q, want lists with %s", line, words)
		}
		var html string
		if err := json.Unmarshal([]byte(strings.TrimPrefix(l.line(), "data: ")), &html); err != nil {
			l.t.Fatal(err)
		}
		if strings.Contains(html, words) {
			return
		}
	}
}

func (l *listener) ends() {
	l.t.Helper()
	if line := l.line(); line != "" {
		l.t.Errorf("%q, want the end", line)
	}
}

// TestEvents: a page follows what happens, from whatever side.
func TestEvents(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	l := b.listen()
	l.shows("No workstation yet")
	id := b.launch()
	l.shows(">Being made<")
	w.work(t)
	l.shows(">Ready<")
	b.do("stop", id).leads(t, "/")
	l.shows(">Stopping<")
	w.work(t)
	l.shows(">Stopped<")
	w.newProfile(t, w.studioID, "Another", nil)
	l.shows(">Another<")
	// Who comes later sees how it is now, at once.
	b.listen().shows(">Stopped<")
}

// TestEventsAreNews: what concerns somebody else, or changes nothing, is not told.
func TestEventsAreNews(t *testing.T) {
	t.Parallel()
	w := setup(t)
	l := w.signedIn(t, w.other.Principal()).listen()
	l.shows("Nothing to launch")
	w.signedIn(t, w.artist.Principal()).launch()
	if line := l.line(); line != ": still so" {
		t.Errorf("%q, want no news", line)
	}
}

func TestEventsEndAtSignOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, w.artist.Principal())
	l := b.listen()
	l.shows("No workstation yet")
	b.post("/sign-out").leads(t, "/")
	for _, want := range []string{"event: signed-out", "data:"} {
		if line := l.line(); line != want {
			t.Errorf("%q, want %q", line, want)
		}
	}
	l.ends()

	nobody := w.newBrowser(t).listen()
	if line := nobody.line(); line != "event: signed-out" {
		t.Errorf("%q for nobody", line)
	}
}

// TestEventsEndWithTheServer: a page that listens keeps no server from ending.
func TestEventsEndWithTheServer(t *testing.T) {
	t.Parallel()
	w := setup(t)
	l := w.signedIn(t, w.artist.Principal()).listen()
	l.shows("No workstation yet")
	w.stop()
	l.ends()
	if err := w.site.Config.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
