package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestStreamerConfinement looks at the streamer of a desktop that somebody looks at, as
// the kernel sees it: it is alone, has no rights and no network, may do little, and holds
// open nothing but its sockets and pipes.
func TestStreamerConfinement(t *testing.T) {
	s := newServer(t)
	_, b := s.openDesktop()
	b.await(`!!document.body.dataset.exact`)
	streamer := s.process("streamer")
	of := func(name string) string { return fmt.Sprintf("/proc/%d/%s", streamer, name) }
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(of(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}

	status := map[string]string{}
	for line := range strings.Lines(read("status")) {
		field, value, _ := strings.Cut(line, ":")
		status[field] = strings.TrimSpace(value)
	}
	const none = "0000000000000000"
	for field, want := range map[string]string{
		"CapEff": none, "CapPrm": none, "CapInh": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2", "Seccomp_filters": "1",
	} {
		if status[field] != want {
			t.Errorf("%s is %q, want %s", field, status[field], want)
		}
	}
	for _, id := range append(strings.Fields(status["Uid"]), strings.Fields(status["Gid"])...) {
		if id == "0" || len(id) < 5 {
			t.Errorf("it runs as %s %s", status["Uid"], status["Gid"])
		}
	}

	if dev := read("net/dev"); strings.Count(dev, ":") != 1 || !strings.Contains(dev, "lo:") {
		t.Errorf("network interfaces:\n%s", dev)
	}
	sockets := read("net/unix")
	for _, kind := range []string{"tcp", "tcp6", "udp", "udp6", "raw", "packet"} {
		if text, err := os.ReadFile(of("net/" + kind)); err == nil && bytes.Count(text, []byte("\n")) > 1 {
			t.Errorf("sockets of %s:\n%s", kind, text)
		}
	}
	others := 0
	for _, pid := range processes(t, "backlot-"+s.installationID()) {
		if space, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid)); space != "" && space == link(t, of("ns/pid")) && pid != streamer {
			others++
		}
	}
	if others > 0 {
		t.Errorf("%d other processes beside it", others)
	}

	files, err := filepath.Glob(of("fd/*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("its open files: %v", err)
	}
	allowed := regexp.MustCompile(`^(/dev/null|pipe:\[\d+\]|anon_inode:\[event(poll|fd)\]|/run/backlot/sound/(in|out)|/.*/log/streamer)$`)
	for _, file := range files {
		to, err := os.Readlink(file)
		if err != nil {
			continue // it was closed
		}
		if inode, ok := strings.CutPrefix(to, "socket:["); ok {
			if !strings.Contains(sockets, " "+strings.TrimSuffix(inode, "]")) {
				t.Errorf("a socket that is not of this machine alone: %s", to)
			}
		} else if !allowed.MatchString(to) {
			t.Errorf("an open file: %s", to)
		}
	}

	// What it can write to.
	for line := range strings.Lines(read("mountinfo")) {
		fields := strings.Fields(line)
		if options := "," + fields[5] + ","; strings.Contains(options, ",rw,") && !regexp.MustCompile(`^/(proc|tmp|dev)(/|$)`).MatchString(fields[4]) {
			t.Errorf("a file system that it may change: %s", line)
		}
	}
}

func link(t *testing.T, path string) string {
	t.Helper()
	to, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	return to
}
