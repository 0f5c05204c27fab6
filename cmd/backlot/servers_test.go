package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestServersShareADataDirectory, and each tells the living from the dead.
func TestServersShareADataDirectory(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	enters := func(share bool) *presence {
		t.Helper()
		p, err := enter(data, share)
		noError(t, err)
		return p
	}
	a, b, left := enters(true), enters(true), enters(true)
	if _, err := enter(data, false); !errors.Is(err, errInUse) {
		t.Errorf("a server that does not share came in beside others: %v", err)
	}
	noError(t, left.leave())
	noError(t, b.file.Close()) // as its death does
	noError(t, b.lock.Close())
	var buried []string
	look := func() {
		t.Helper()
		noError(t, dead(data, a.name, func(name string) error {
			buried = append(buried, name)
			return nil
		}))
	}
	look()
	look()
	if len(buried) != 1 || buried[0] != b.name {
		t.Errorf("buried %v, want once %s", buried, b.name)
	}
	if pids := living(data); len(pids) != 1 {
		t.Errorf("%d live, want one", len(pids))
	}
	noError(t, a.leave())
	alone := enters(false)
	if _, err := enter(data, true); !errors.Is(err, errInUse) {
		t.Errorf("another came in beside a server that does not share: %v", err)
	}
	noError(t, alone.leave())
}

// TestEndServersSparesOthers: a process that has the id of one that died is left alone.
func TestEndServersSparesOthers(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	other := exec.CommandContext(t.Context(), "sleep", "60")
	noError(t, other.Start())
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	if serves(other.Process.Pid, data) {
		t.Error("a stranger serves a directory that nobody serves")
	}
	p, err := enter(data, false)
	noError(t, err)
	if !serves(os.Getpid(), data) || serves(other.Process.Pid, data) {
		t.Error("who serves is not who has the directory locked")
	}
	noError(t, p.leave())
}

// onStageOf makes a stage of a server, whose database answers while up says so.
func onStageOf(t *testing.T, i installation, at string, up *atomic.Bool) *stage {
	t.Helper()
	public, err := url.Parse(at)
	noError(t, err)
	return &stage{i: i, public: public, at: public, came: make(chan struct{}), log: slog.New(slog.DiscardHandler), answers: func(context.Context) error {
		if !up.Load() {
			return errors.New("cut off")
		}
		return nil
	}}
}

// TestStageIsTakenOver from a server whose database does not answer, by one whose does.
func TestStageIsTakenOver(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, for the run directory")
	}
	i, err := openInstallation(t.Context(), filepath.Join(t.TempDir(), "data"))
	noError(t, err)
	noError(t, os.MkdirAll(i.runDir(), 0o711))
	t.Cleanup(func() { _ = os.RemoveAll(i.runDir()) })
	var aUp, bUp atomic.Bool
	aUp.Store(true)
	bUp.Store(true)
	a, b := onStageOf(t, i, "http://a.example", &aUp), onStageOf(t, i, "http://b.example", &bUp)
	ctx, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	var playing atomic.Int64
	play := func(ctx context.Context) error {
		playing.Add(1)
		defer playing.Add(-1)
		<-ctx.Done()
		return nil
	}
	await := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no %s", what)
			}
		}
	}
	running.Go(func() { noError(t, a.run(ctx, play)) })
	await("server on stage", a.has)
	running.Go(func() { noError(t, b.run(ctx, play)) })
	aUp.Store(false)
	await("other server on stage", b.has)
	await("end of the former one's play", func() bool { return !a.has() && playing.Load() == 1 })
	if at := a.url().Host; at != "b.example" {
		t.Errorf("streams are said to be at %s", at)
	}
	aUp.Store(true)
	bUp.Store(false)
	await("first server on stage again", func() bool { return a.has() && !b.has() && playing.Load() == 1 })
	end()
	running.Wait()
}

// TestStandbyPassesOn what is asked of streams, with the origin that the other
// server takes, if it was right here.
func TestStandbyPassesOn(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, for the run directory")
	}
	i, err := openInstallation(t.Context(), filepath.Join(t.TempDir(), "data"))
	noError(t, err)
	noError(t, os.MkdirAll(i.runDir(), 0o711))
	t.Cleanup(func() { _ = os.RemoveAll(i.runDir()) })
	owner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Host + " " + r.URL.Path + " " + r.Header.Get("Origin")))
	}))
	t.Cleanup(owner.Close)
	var up atomic.Bool
	up.Store(true)
	on := onStageOf(t, i, "http://a.example", &up) // which only viewers reach
	on.at, err = url.Parse(owner.URL)
	noError(t, err)
	noError(t, on.enter(t.Context()))
	standby := onStageOf(t, i, "http://b.example", &up)
	handler := standby.handler(http.NotFoundHandler(), t.TempDir())
	for origin, want := range map[string]string{"http://b.example": "http://a.example", "http://evil.example": "http://evil.example", "": ""} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://b.example/stream/x", nil)
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if got := w.Body.String(); got != "a.example /stream/x "+want {
			t.Errorf("from %q: %q", origin, got)
		}
	}
}
