package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/studio"
)

const (
	// stageBeat is the time between two signs of life of the server on stage, and
	// how often the others look for them.
	stageBeat = 500 * time.Millisecond
	// stageSilence is after how long without one another takes its place.
	stageSilence = 4 * time.Second
)

// stage is where one of the servers of an installation stands: it has the socket
// that streamers dial, and so all viewers. Who is on stage is in a file, locked by
// it for as long as it lives and touched for as long as its database answers. When
// the lock is free or the file was not touched for a while, another puts its own
// file in the place; a former one finds that and leaves.
type stage struct {
	i      installation
	public *url.URL
	// at is where this server listens; public may be a proxy before all of them.
	at *url.URL
	// answers tells that the database does.
	answers func(context.Context) error
	log     *slog.Logger

	mu   sync.Mutex
	mine *os.File      // nil while another is on stage
	came chan struct{} // closed when this server comes on stage
}

// onStage is what is in the file.
type onStage struct {
	URL string `json:"url"`
	At  string `json:"at"`
}

func newStage(r *records, p *port, log *slog.Logger) *stage {
	return &stage{came: make(chan struct{}), i: r.installation, public: p.public, at: p.at(), log: log, answers: func(ctx context.Context) error {
		return r.store.Read(ctx, func(studio.Tx) error { return nil })
	}}
}

func stageFile(i installation) string { return filepath.Join(i.runDir(), "stage") }

// run waits for the stage, plays on it until another has taken it, and so on until
// ctx ends.
func (s *stage) run(ctx context.Context, play func(context.Context) error) error {
	for ctx.Err() == nil {
		if s.free(ctx) {
			err := s.enter(ctx)
			if err == nil {
				if err := s.perform(ctx, play); err != nil {
					return err
				}
				continue
			}
			s.log.ErrorContext(ctx, "cannot take the streams over", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(stageBeat):
		}
	}
	return nil
}

// free tells whether to enter.
func (s *stage) free(ctx context.Context) bool {
	there, err := os.Open(stageFile(s.i))
	if err == nil {
		defer func() { _ = there.Close() }()
		touched, err := there.Stat()
		alive := errors.Is(unix.Flock(int(there.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
		if err != nil || alive && time.Since(touched.ModTime()) < stageSilence {
			return false
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	return s.connected(ctx)
}

func (s *stage) connected(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return s.answers(ctx) == nil
}

// enter puts a file of our own in the place of what is there.
func (s *stage) enter(ctx context.Context) error {
	text, err := json.Marshal(onStage{s.public.String(), s.at.String()})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(s.i.runDir(), unfinished)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(0o644) // also for servers without root
	}
	if err == nil {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err == nil {
		err = os.Rename(f.Name(), stageFile(s.i))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()), f.Close())
	}
	s.mu.Lock()
	s.mine = f
	close(s.came)
	s.mu.Unlock()
	s.log.InfoContext(ctx, "this server has the streams", "url", s.public.String())
	return nil
}

// perform plays until another has the stage.
func (s *stage) perform(ctx context.Context, play func(context.Context) error) error {
	playing, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- play(playing) }()
	beat := time.NewTicker(stageBeat)
	defer beat.Stop()
	for s.has() {
		select {
		case err := <-ended:
			s.exit(ctx)
			return err
		case <-beat.C:
		}
		if s.has() && s.connected(ctx) {
			now := unix.NsecToTimeval(time.Now().UnixNano())
			if err := unix.Futimes(int(s.mine.Fd()), []unix.Timeval{now, now}); err != nil {
				s.log.ErrorContext(ctx, "cannot tell the other servers that this one lives", "err", err)
			}
		}
	}
	s.exit(ctx)
	end()
	return <-ended
}

// exit leaves the stage, whoever has it now.
func (s *stage) exit(ctx context.Context) {
	gone := !s.has()
	s.mu.Lock()
	mine := s.mine
	s.mine = nil
	s.came = make(chan struct{})
	s.mu.Unlock()
	_ = mine.Close()
	if gone {
		s.log.WarnContext(ctx, "another server has taken the streams over; this one stands by")
	}
}

// has tells whether this server is on stage.
func (s *stage) has() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mine == nil {
		return false
	}
	mine, err := s.mine.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(stageFile(s.i))
	return err == nil && os.SameFile(mine, there)
}

// now finds the server on stage: where viewers and where other servers find it.
// Without one it is this server, as far as is known here.
func (s *stage) now() (public, at *url.URL) {
	var on onStage
	text, err := os.ReadFile(stageFile(s.i))
	if err == nil {
		err = json.Unmarshal(text, &on)
	}
	if err == nil {
		public, err = url.Parse(on.URL)
	}
	if err == nil {
		at, err = url.Parse(on.At)
	}
	if err != nil || public.Host == "" || at.Host == "" {
		return s.public, s.at
	}
	return public, at
}

// url is where the streams are.
func (s *stage) url() *url.URL {
	public, _ := s.now()
	return public
}

// handler answers what is asked of streams: by own while this server is on stage,
// else by asking the one that is, so that pages which know only this server go on.
func (s *stage) handler(own http.Handler, data string) http.Handler {
	forward := &httputil.ReverseProxy{
		Transport: &http.Transport{
			TLSClientConfig: trusting(data),
			// It is called as viewers call it, and found where it listens.
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				_, at := s.now()
				return new(net.Dialer).DialContext(ctx, network, at.Host)
			},
			DisableKeepAlives: true, // the next may be another server
		},
		Rewrite: func(r *httputil.ProxyRequest) {
			public, at := s.now()
			r.SetURL(&url.URL{Scheme: at.Scheme, Host: public.Host})
			// The gateway takes nothing from pages of others; whether it is one of
			// others is to be told by where it was sent to.
			if from, err := url.Parse(r.In.Header.Get("Origin")); err == nil && from.Host != "" && (from.Host == r.In.Host || from.Host == s.public.Host) {
				r.Out.Header.Set("Origin", public.Scheme+"://"+public.Host)
			}
		},
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := context.WithCancel(r.Context())
		defer end()
		s.mu.Lock()
		came := s.came
		s.mu.Unlock()
		switch _, at := s.now(); {
		case own != nil && (s.has() || *at == *s.at):
			own.ServeHTTP(w, r)
		case *at == *s.at:
			http.Error(w, "No server has the streams just now.", http.StatusServiceUnavailable)
		default:
			go func() {
				select {
				case <-ctx.Done():
				case <-came: // the other one may be frozen: the page is to ask again
					end()
				}
			}()
			forward.ServeHTTP(w, r.WithContext(ctx))
		}
	})
}
