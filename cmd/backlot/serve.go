package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/portal"
	"github.com/backlot/backlot/internal/reconcile"
	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

func serveCommand(getenv func(string) string) *cobra.Command {
	var listen string
	var roles []string
	var dev bool
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server; sessions run on when it ends",
		Args:  cobra.NoArgs,
	}
	s := addSettings(c, getenv)
	c.Flags().StringVar(&listen, "listen", "", "HOST:PORT, in place of the configured one; port 0 takes a free one")
	c.Flags().StringSliceVar(&roles, "roles", nil, "what this server does of api, gateway, reconcile, in place of what is configured")
	c.Flags().BoolVar(&dev, "dev", false, "make a studio to try, with users, keys and a launch profile, and say how to use it")
	c.RunE = func(c *cobra.Command, _ []string) error {
		conf, err := s.load(func(c *config.Config) {
			if listen != "" {
				c.Listen = listen
			}
			if roles != nil {
				c.Roles = roles
			}
		})
		if err != nil {
			return err
		}
		if conf.Has("reconcile") {
			if err := enterOwnMounts(); err != nil {
				return err
			}
		}
		log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))
		return serve(c.Context(), conf, dev, c.OutOrStdout(), log)
	}
	return c
}

// patiently takes what may still be held by a server that was killed: its port and
// its locks last until the program has begun that it was starting in that moment.
func patiently[T any](ctx context.Context, held error, take func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for {
		taken, err := take()
		if !errors.Is(err, held) {
			return taken, err
		}
		select {
		case <-ctx.Done():
			return taken, err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// serve wires the rooms together and runs them until ctx ends. It is the map of
// the server, top to bottom; its roles say which of the rooms it opens.
func serve(ctx context.Context, c config.Config, dev bool, out io.Writer, log *slog.Logger) (err error) {
	// What may be wrong with the configuration shows before anything is made.
	by, err := readRules(c)
	if err != nil {
		return err
	}
	port, err := patiently(ctx, syscall.EADDRINUSE, func() (*port, error) { return openPort(c) })
	if err != nil {
		return errors.Join(err, inUse(c.Data, c.Shared()))
	}
	defer func() { _ = port.close() }() // closed already where it was served
	if err := os.MkdirAll(c.Data, 0o711); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	present, err := patiently(ctx, errInUse, func() (*presence, error) { return enter(c.Data, c.Shared()) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, present.leave()) }()
	known, err := openRecords(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, known.store.Close()) }()
	if c.Has("gateway") || c.Has("reconcile") {
		claimed, err := known.installation.claim(ctx, c.Data)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, claimed.Close()) }()
		age := time.Duration(0) // of what nobody else can be at
		if c.Shared() {
			age = time.Minute
		}
		if err := sweepUnfinished(age, known.installation.writesIn(c.Data)...); err != nil {
			return err
		}
	}
	var host *machine
	if c.Has("reconcile") {
		if host, err = openHost(ctx, c, known.installation, log); err != nil {
			return err
		}
		// Its mounts end with the process: sessions hold what they need of them.
	}

	if err := port.protect(c); err != nil {
		return err
	}
	stage := newStage(known, port, log)
	service, err := newService(c, by, known, host, port.public, stage.url, log)
	if err != nil {
		return err
	}
	var streams *gateway.Gateway
	if c.Has("gateway") {
		streams, err = gateway.New(gateway.Config{
			PublicURL:     port.public,
			UDP:           port.udp,
			TCP:           port.media,
			SkipInterface: func(name string) bool { return strings.HasPrefix(name, "bl") },
			Secret:        known.installation.Secret,
			Studio:        failingTickets(tickets{service, known.directory}),
			Log:           log,
		})
		if err != nil {
			return err
		}
	}
	site, err := newSite(c, known, service, stage, streams, port.public, log)
	if err != nil {
		return err
	}
	var loop *reconcile.Loop
	if c.Has("reconcile") {
		if loop, err = newLoop(ctx, c, known, present.name, host, service, streams, log); err != nil {
			return err
		}
	}

	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error {
		<-ctx.Done()
		log.Info("ending; sessions run on", "cause", context.Cause(ctx))
		return nil
	})
	if streams != nil {
		running.Go(func() error { return streams.Run(ctx) })
		running.Go(func() error {
			return stage.run(ctx, func(ctx context.Context) error { return perform(ctx, stage, streams, log) })
		})
		if c.Shared() {
			running.Go(func() error { return part(ctx, known.store, service, streams, log) })
		}
	}
	if loop != nil {
		running.Go(func() error { return loop.Run(ctx) })
		running.Go(func() error {
			return present.watch(ctx, func(name string) error { return bury(ctx, known, name) }, log, known.installation.writesIn(c.Data)...)
		})
	}
	if port.tcp != nil {
		running.Go(func() error { return serveHTTP(ctx, port.tcp, site, log) })
	}
	if c.Has("api") {
		err := os.MkdirAll(known.installation.runDir(), 0o711)
		if err == nil {
			err = writeFile(urlFile(known.installation), []byte(port.public.String()))
		}
		if err != nil { // it may be nobody's but root's
			log.Warn("`backlot sign-in-link` does not know this server", "err", err)
		}
		if dev {
			running.Go(func() error { return offerStudio(ctx, c, known, service, port.public, out) })
		}
	}
	log.Info("serving", "url", port.public.String(), "data", c.Data, "installation", known.installation.ID, "server", present.name, "roles", c.Roles)
	err = running.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to end
	}
	return err
}

// perform lets streamers dial this server until ctx ends.
func perform(ctx context.Context, stage *stage, streams *gateway.Gateway, log *slog.Logger) error {
	streamers, err := openStreamerSocket(ctx, socketDir(stage.i), log)
	if err != nil {
		return err
	}
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return streams.ServeStreamers(ctx, streamers) })
	running.Go(func() error { return streamers.watch(ctx, 10*time.Second, stage.has) })
	defer streams.StandBy()
	return running.Wait()
}

// part takes viewers away from sessions that another server has stopped.
func part(ctx context.Context, s *store.Store, service *studio.Service, streams *gateway.Gateway, log *slog.Logger) error {
	changes, end := s.Changes()
	defer end()
	for {
		ended, err := service.Ended(ctx, streams.Sessions())
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "cannot look for streams that are to end", "err", err)
		}
		for _, key := range ended {
			streams.Disconnect(key)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		}
	}
}

// newSite is all that the one port answers, as far as this server's roles go.
func newSite(c config.Config, known *records, service *studio.Service, stage *stage, streams *gateway.Gateway, public *url.URL, log *slog.Logger) (http.Handler, error) {
	var own http.Handler
	if streams != nil {
		own = streams.Handler()
	}
	onStage := stage.handler(own, c.Data)
	if !c.Has("api") {
		mux := http.NewServeMux()
		mux.Handle("/stream/", onStage)
		return mux, nil
	}
	pages, err := portal.New(portal.Config{
		Service:  service,
		Identity: known.directory,
		Changes:  known.store.Changes,
		Public:   public,
		Log:      log,
	})
	if err != nil {
		return nil, err
	}
	operations := api.New(api.Config{
		Service: service,
		Keys:    known.directory,
		Region:  c.Region,
		Log:     log,
		Now:     time.Now,
		Rate:    c.Requests.PerSecond,
		Burst:   c.Requests.Burst,
	})
	documents, err := api.NewDocuments()
	if err != nil {
		return nil, err
	}
	return site(operations, documents, onStage, pages.Handler()), nil
}

// site tells apart what the one port answers. The API sees paths as they were
// sent, so no mux may clean them first, and whatever is signed, so that a client
// that errs in the path gets an answer it understands.
func site(operations http.Handler, documents *api.Documents, streams, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.EscapedPath(); {
		case strings.HasPrefix(path, api.Prefix), strings.HasPrefix(path, api.OwnPrefix), strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-"):
			operations.ServeHTTP(w, r)
		case documents.Has(path):
			documents.ServeHTTP(w, r)
		case strings.HasPrefix(path, "/stream/"):
			streams.ServeHTTP(w, r)
		default:
			pages.ServeHTTP(w, r)
		}
	})
}

func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    api.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return server.Close()
	}
	return nil
}

// urlFile tells commands how the server that runs is reached.
func urlFile(i installation) string { return filepath.Join(i.runDir(), "url") }
