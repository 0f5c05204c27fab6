package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"github.com/backlot/backlot/internal/workstation"
)

// run calls runc for a part. Output of the container and of runc goes to out.
//
// runc dies with us, so that after a restart nobody else is at work on the
// workstation; what it leaves half made, clear removes. The kernel ties that to
// the thread, which therefore must last.
func (d *Driver) run(ctx context.Context, s session, p part, out *os.File, verb string, args ...string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	problems := s.part(p, "runc.log")
	args = append([]string{"--root", s.path("runc"), "--log", problems, "--log-format", "json", verb}, args...)
	cmd := exec.CommandContext(ctx, d.runc, append(args, string(p))...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text, _ := os.ReadFile(problems)
	return fmt.Errorf("runc %s %s of workstation %s: %w", verb, p, s.id, explain(lastMessage(text), err))
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
