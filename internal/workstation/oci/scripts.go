package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
	inside "github.com/backlot/backlot/internal/workstation/desktop"
)

// gate holds a streamer back until the desktop's scripts have ended: a pipe from
// process 1 of the sandbox, which holds the only other end. No server is needed for
// it to open.
type gate struct{ opened, open *os.File }

func newGate() (*gate, error) {
	opened, open, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a gate: %w", err)
	}
	return &gate{opened, open}, nil
}

func (g *gate) close() { _, _ = g.opened.Close(), g.open.Close() }

// gateFile holds the kernel's name of a desktop's gate. It is there when the
// desktop was started with scripts.
const gateFile = "gate"

// atGate tells whether a part holds its end of the gate: a desktop does until its
// scripts have ended, and a streamer until it has been let through.
func (s session) atGate(p part) bool {
	pid := s.alive(p)
	name, err := os.ReadFile(s.part(desktop, gateFile))
	if pid == 0 || err != nil {
		return false
	}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, f := range files {
		if is, err := os.Readlink(f); err == nil && is == string(name) {
			return true
		}
	}
	return false
}

// orders is how process 1 of a desktop is handed its scripts, and tells what came
// of them.
type orders struct {
	read, write *os.File
	outcomes    *os.File
	gate        *gate
}

func newOrders(s session, spec workstation.Spec, g *gate) (*orders, error) {
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", g.open.Fd()))
	if err == nil {
		err = writeFile(s.part(desktop, gateFile), []byte(name), 0o600, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("note the gate: %w", err)
	}
	outcomes, err := openLog(spec.Volume, outcomesLog)
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, outcomes.Close())
	}
	return &orders{read, write, outcomes, g}, nil
}

// outcomesLog lies beside the logs of the parts, where the volume's limit bounds it.
const outcomesLog part = "scripts"

// files are those of session-init, in the order it expects.
func (o *orders) files() []*os.File { return []*os.File{o.read, o.outcomes, o.gate.open} }

func (o *orders) close() { _, _, _ = o.read.Close(), o.write.Close(), o.outcomes.Close() }

// send hands the scripts over. A process 1 that does not get all of them ends.
func (o *orders) send(ctx context.Context, scripts workstation.Scripts) error {
	// Ours must not be the last one, or nobody's end would be told.
	if err := o.read.Close(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = o.write.SetWriteDeadline(time.Now()) })
	defer stop()
	err := json.NewEncoder(o.write).Encode(scripts)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("hand over the initialization scripts: %w", err)
	}
	return nil
}

// scriptFailed tells whether a system script has ended the desktop. It is told
// once: the next Ensure starts the desktop again.
func (d *Driver) scriptFailed(ctx context.Context, s session, spec workstation.Spec) error {
	for _, file := range []string{gateFile, "pid"} {
		if _, err := os.Lstat(s.part(desktop, file)); err != nil {
			return nil //nolint:nilerr // this desktop has run no scripts
		}
	}
	if s.alive(desktop) != 0 {
		return nil
	}
	failed, err := failure(filepath.Join(spec.Volume, "log", string(outcomesLog)), spec.Scripts.System)
	if err != nil || failed == nil {
		return err
	}
	// The gate that the streamer waits at, if it is there still, is shut for good.
	for _, p := range []part{desktop, streamer} {
		if err := d.clear(ctx, s, p); err != nil {
			return err
		}
	}
	return workstation.Permanent(failed)
}

// failure finds which of the system scripts has failed, nil if none has, in what a
// desktop wrote. Only names that are known are repeated: the scripts could have
// written there, too.
func failure(outcomes string, system []workstation.Script) (*workstation.ScriptError, error) {
	const longest = 1 << 20
	f, err := os.OpenFile(outcomes, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, longest))
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		var o inside.Outcome
		if json.Unmarshal(line, &o) != nil || o.User || o.Failure() == "" {
			continue
		}
		if slices.ContainsFunc(system, func(s workstation.Script) bool { return s.Name == o.Script }) {
			return &workstation.ScriptError{Name: o.Script, How: o.Failure()}, nil
		}
	}
	return nil, nil
}
