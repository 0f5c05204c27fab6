package oci

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/backlot/backlot/internal/workstation"
)

// Observe tells what is true now.
func (d *Driver) Observe(_ context.Context, id string) (workstation.Status, error) {
	s := d.session(id)
	if !s.exists() {
		return workstation.Status{ID: id, State: workstation.Absent}, nil
	}
	var dead []part
	for _, p := range parts() {
		if s.alive(p) == 0 {
			dead = append(dead, p)
		}
	}
	status := workstation.Status{ID: id}
	switch len(dead) {
	case 0:
		status.State = workstation.Running
		return status, nil
	case len(parts()):
		left, err := d.cgroups.processes(s.cgroup)
		if err != nil {
			return status, fmt.Errorf("observe workstation %s: %w", id, err)
		}
		if len(left) == 0 {
			status.State = workstation.Stopped
			return status, nil
		}
	}
	status.State = workstation.Partial
	status.Detail = d.explainDead(s, dead)
	return status, nil
}

// List returns all workstations of this installation.
func (d *Driver) List(ctx context.Context) ([]workstation.Status, error) {
	entries, err := os.ReadDir(d.sessionsDir())
	if err != nil {
		return nil, fmt.Errorf("list workstations: %w", err)
	}
	all := make([]workstation.Status, 0, len(entries))
	for _, e := range entries {
		status, err := d.Observe(ctx, e.Name())
		if err != nil {
			return nil, err
		}
		if status.State != workstation.Absent {
			all = append(all, status)
		}
	}
	return all, nil
}

// explainDead says which parts do not run, and the last words of the sidecars
// among them. The desktop's are the user's own.
func (d *Driver) explainDead(s session, dead []part) string {
	r, _ := s.record()
	var words []string
	for _, p := range dead {
		w := fmt.Sprintf("the %s does not run", p)
		if p != desktop && r.Volume != "" {
			if last := lastLine(filepath.Join(r.Volume, "log", string(p))); last != "" {
				w += fmt.Sprintf(" (it said: %s)", last)
			}
		}
		words = append(words, w)
	}
	return strings.Join(words, "; ")
}

// lastLine returns the last line of a file that is not empty, cut to a sentence.
func lastLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	text = bytes.TrimSpace(text)
	line := strings.ToValidUTF8(string(text[bytes.LastIndexByte(text, '\n')+1:]), "")
	const longest = 200
	for len(line) > longest {
		_, n := utf8.DecodeLastRuneInString(line)
		line = line[:len(line)-n]
	}
	return line
}
