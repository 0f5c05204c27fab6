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
	"github.com/backlot/backlot/internal/workstation/oci"
)

func downCommand(getenv func(string) string) *cobra.Command {
	c := &cobra.Command{
		Use:   "down",
		Short: "End every server, stop every session, and take all of the installation off the machine; the data stays",
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

// down leaves the machine clean even where sessions cannot be stopped well,
// because the disk is full or the store damaged; it then says so.
func down(ctx context.Context, c config.Config, log *slog.Logger) (err error) {
	i, err := readInstallation(c.Data)
	if err != nil {
		return err
	}
	lock, err := endServers(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	claimed, err := i.claim(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, claimed.Close()) }()
	workstations, err := openWorkstations(ctx, i, log)
	if err != nil {
		return err
	}
	if err := settle(ctx, c, i, workstations, log); err != nil {
		log.Error("sessions could not be stopped as their owners would; they are ended all the same, and the next start finds them", "err", err)
	}
	return leave(ctx, i, workstations)
}

// settle stops all sessions by the way that the API goes.
func settle(ctx context.Context, c config.Config, i installation, workstations *oci.Driver, log *slog.Logger) (err error) {
	known, err := openRecords(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, known.store.Close()) }()
	host, err := openMachine(ctx, c, i, workstations, log)
	if err != nil {
		return err
	}
	stopped := stopSessions(ctx, c, known, host, log)
	if stopped == nil {
		stopped = endRest(ctx, workstations)
	}
	return errors.Join(stopped, host.close())
}

// endRest lets desktops end well that cannot be stopped by their owner.
func endRest(ctx context.Context, workstations *oci.Driver) error {
	left, err := workstations.List(ctx)
	if err != nil {
		return err
	}
	for _, w := range left {
		if err := workstations.Stop(ctx, w.ID, 10*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// stopSessions stops what can be stopped as its owner would, with its backup.
// What cannot be stopped goes on where it was at the next start of the server.
func stopSessions(ctx context.Context, c config.Config, known *records, host *machine, log *slog.Logger) error {
	by, err := readRules(c)
	if err != nil {
		return err
	}
	nowhere := &url.URL{}
	service, err := newService(c, by, known, host, nowhere, func() *url.URL { return nowhere }, log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	changes, end := known.store.Changes()
	defer end()
	loopCtx, endLoop := context.WithCancel(ctx)
	loop, err := newLoop(ctx, c, known, "down", host, service, nil, log)
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
func leave(ctx context.Context, i installation, workstations *oci.Driver) error {
	if err := workstations.Down(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(socketDir(i)); err != nil {
		return fmt.Errorf("clear the run directory: %w", err)
	}
	if err := sweepUnfinished(0, i.runDir()); err != nil {
		return err
	}
	// Mount points are removed as what they are now: empty directories.
	for _, path := range []string{filepath.Join(imageDir(i), image.HostName), imageDir(i), volumeDir(i), urlFile(i), stageFile(i), i.ownerFile(), i.runDir()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clear the run directory: %w", err)
		}
	}
	return nil
}
