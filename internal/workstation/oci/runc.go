package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/backlot/backlot/internal/workstation"
)

// run calls runc to start a part, and returns its process 1. Output of the part
// and of runc goes to out. The part gets the files keep as its descriptors from 3 on.
//
// runc dies with us, and by the hand of who takes the workstation over; what it
// leaves half made, clear removes. The kernel ties the first to the thread, which
// therefore must last.
func (d *Driver) run(ctx context.Context, s session, p part, out *os.File, keep ...*os.File) (pid int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	problems := s.part(p, "runc.log")
	cmd := exec.CommandContext(ctx, d.runc, "--root", s.path("runc"), "--log", problems, "--log-format", "json",
		"run", "--detach", "--bundle", s.part(p), "--preserve-fds", strconv.Itoa(len(keep)), string(p))
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = out, out, keep
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if err := s.lock.held(); err != nil {
		return 0, err
	}
	err = cmd.Run()
	if err == nil {
		return initProcess(s.path("runc", string(p), "state.json"))
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	text, _ := os.ReadFile(problems)
	return 0, fmt.Errorf("runc run %s of workstation %s: %w", p, s.id, explain(lastMessage(text), err))
}

// endRunc ends every runc that works in root. Those are left by another server:
// one that has died, of which they die, too, but may be within the kernel still,
// where they make cgroups; or one that is frozen, and they are not.
func endRunc(ctx context.Context, root string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil {
			continue // it has ended
		}
		args := strings.Split(string(text), "\x00")
		i := slices.Index(args, "--root")
		if i < 0 || i+1 == len(args) || args[i+1] != root {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		if err := waitGone(ctx, pid); err != nil {
			return fmt.Errorf("wait for runc to end: %w", err)
		}
	}
	return nil
}

// initProcess reads from runc's state of a part which process is its first. (runc
// also writes that to a file if asked, and waits for the disk to have it.)
func initProcess(state string) (int, error) {
	text, err := os.ReadFile(state)
	if err != nil {
		return 0, err
	}
	var is struct {
		PID int `json:"init_process_pid"`
	}
	if err := json.Unmarshal(text, &is); err != nil {
		return 0, fmt.Errorf("read runc's state: %w", err)
	}
	if is.PID <= 0 {
		return 0, errors.New("runc's state names no process")
	}
	return is.PID, nil
}

// lastMessage returns the last error of runc's log, "" when there is none.
func lastMessage(log []byte) string {
	last := ""
	for line := range bytes.Lines(log) {
		var entry struct{ Level, Msg string }
		if json.Unmarshal(line, &entry) == nil && entry.Level == "error" {
			last = entry.Msg
		}
	}
	return last
}

// explain turns runc's words into an error of ours. runc hands on only the text
// of what the kernel said.
func explain(msg string, err error) error {
	if msg == "" {
		return err
	}
	for _, full := range []error{syscall.ENOSPC, syscall.ENOMEM, syscall.EAGAIN} {
		if strings.Contains(msg, full.Error()) {
			return fmt.Errorf("%s: %w", msg, workstation.ErrNoCapacity)
		}
	}
	return errors.New(msg)
}

// capacity turns the kernel's words for "full" into ErrNoCapacity.
func capacity(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EAGAIN) {
		return errors.Join(err, workstation.ErrNoCapacity)
	}
	return err
}
