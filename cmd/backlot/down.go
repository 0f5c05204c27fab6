package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/image"
	"github.com/backlot/backlot/internal/studio"
)

func downCommand(getenv func(string) string) *cobra.Command {
	c := &cobra.Command{
		Use:   "down",
		Short: "End the server, stop every session, and take all of the installation off the machine; the data stays",
		Args:  cobra.NoArgs,
	}
	s := addSettings(c, getenv)
	c.RunE = func(c *cobra.Command, _ []string) error {
		conf, err := s.load(nil)
		if err != nil {
			return err
		}
		if _, err := readInstallation(conf.Data); errors.Is(err, fs.ErrNotExist) {
			return nil // nothing was ever made
		}
		if err := enterOwnMounts(); err != nil {
			return err
		}
		return down(c.Context(), conf, slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)))
	}
	return c
}

func down(ctx context.Context, c config.Config, log *slog.Logger) (err error) {
	lock, err := endServer(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	known, err := openRecords(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, known.store.Close()) }()
	host, err := openMachine(ctx, c, known.installation, log)
	if err != nil {
		return err
	}
	if err := stopSessions(ctx, c, known, host, log); err != nil {
		return err
	}
	return host.leave(ctx, known.installation)
}

// stopSessions stops what can be stopped as its owner would, with its backup.
// What cannot be stopped goes on where it was at the next start of the server.
func stopSessions(ctx context.Context, c config.Config, known *records, host *machine, log *slog.Logger) error {
	service, err := newService(c, known, host, &url.URL{}, log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	changes, end := known.store.Changes()
	defer end()
	loopCtx, endLoop := context.WithCancel(ctx)
	loop, err := newLoop(ctx, c, known, host, service, nobody{}, log)
	if err != nil {
		endLoop()
		return err
	}
	var running errgroup.Group
	running.Go(func() error { return loop.Run(loopCtx) })
	defer func() {
		endLoop()
		if err := running.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			log.Error("the loop ended", "err", err)
		}
	}()
	for {
		var unfinished []*studio.Session
		err := known.store.Read(ctx, func(tx studio.Tx) (err error) {
			unfinished, err = studio.List[studio.Session](ctx, tx, studio.Query{
				States: []studio.State{studio.Ready, studio.StopInProgress, studio.DeleteInProgress},
			})
			return err
		})
		if err != nil {
			return err
		}
		waiting := false
		for _, s := range unfinished {
			if s.State != studio.Ready {
				waiting = true
				continue
			}
			_, err := service.StopStreamingSession(ctx, administrator, &studio.StopStreamingSessionRequest{StudioID: s.StudioID, SessionID: s.SessionID})
			if err == nil {
				waiting = true
			} else if studio.KindOf(err) != studio.Validation { // one that cannot be stopped
				return fmt.Errorf("stop session %s: %w", s.SessionID, err)
			}
		}
		if !waiting {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for sessions to stop: %w", ctx.Err())
		case <-changes:
		}
	}
}

// leave takes everything off the machine.
func (m *machine) leave(ctx context.Context, i installation) error {
	left, err := m.workstations.List(ctx)
	if err != nil {
		return err
	}
	for _, w := range left { // those that cannot be stopped by their owner: let them end well
		if err := m.workstations.Stop(ctx, w.ID, 10*time.Second); err != nil {
			return err
		}
	}
	if err := errors.Join(m.workstations.Down(ctx), m.images.Close(), m.volumes.Close()); err != nil {
		return err
	}
	// Mount points are removed as what they are now: empty directories.
	for _, dir := range []string{filepath.Join(imageDir(i), image.HostName), imageDir(i), volumeDir(i)} {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clear the run directory: %w", err)
		}
	}
	if err := os.RemoveAll(socketDir(i)); err != nil {
		return fmt.Errorf("clear the run directory: %w", err)
	}
	if err := os.Remove(urlFile(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear the run directory: %w", err)
	}
	if err := os.Remove(i.runDir()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear the run directory: %w", err)
	}
	return nil
}

// nobody looks at desktops while the server is down.
type nobody struct{}

func (nobody) Credential(string) string { return "" }
func (nobody) Disconnect(string)        {}
