package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
)

// installationID is what everything the server makes on the host is named by.
func (s *server) installationID() string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.data, "installation.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var i struct{ ID string }
	if err := json.Unmarshal(text, &i); err != nil {
		s.t.Fatal(err)
	}
	return i.ID
}

// traces lists everything of the installation that is on the machine, but for
// the serve process and the directories that hold all sessions.
func (s *server) traces() []string {
	s.t.Helper()
	id := s.installationID()
	mine := "backlot-" + id
	var found []string

	for _, pid := range processes(s.t, mine) {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // may have ended
		found = append(found, "process "+strings.TrimSpace(string(comm)))
	}
	mounts := []string{"/proc/self/mountinfo"}
	if s.cmd != nil && s.running() {
		mounts = append(mounts, fmt.Sprintf("/proc/%d/mountinfo", s.cmd.Process.Pid))
	}
	for _, file := range mounts {
		for _, line := range lines(s.t, file) {
			if strings.Contains(line, mine) || strings.Contains(line, s.data) {
				found = append(found, "mount "+strings.Fields(line)[4])
			}
		}
	}
	links, _ := filepath.Glob("/sys/class/net/bl" + id + "*")
	for _, link := range links {
		found = append(found, "interface "+filepath.Base(link))
	}
	nft := &nftables.Conn{}
	tables, err := nft.ListTables()
	if err != nil {
		s.t.Fatalf("list nftables: %v", err)
	}
	for _, table := range tables {
		if table.Name != mine {
			continue
		}
		chains, _ := nft.ListChains()
		for _, chain := range chains {
			if chain.Table.Name == mine && chain.Table.Family == table.Family {
				rules, _ := nft.GetRules(table, chain)
				found = append(found, fmt.Sprintf("nftables %d rules in %s", len(rules), chain.Name))
			}
		}
	}
	for _, root := range []string{"/sys/fs/cgroup", "/run/" + mine} {
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			_, below, ok := strings.Cut(path, mine+"/")
			if err == nil && ok && (root != "/sys/fs/cgroup" || entry.IsDir()) {
				found = append(found, "file "+root+" … "+below)
			}
			return nil // what vanishes meanwhile is no trace
		})
	}
	if s.running() {
		root := fmt.Sprintf("/proc/%d/root/run/%s", s.cmd.Process.Pid, mine)
		for _, kind := range []string{"volumes", "snapshots"} {
			entries, _ := filepath.Glob(filepath.Join(root, "volumes", kind, "*"))
			for _, e := range entries {
				found = append(found, kind+" "+filepath.Base(e))
			}
		}
	}
	loops, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, file := range loops {
		if backing, _ := os.ReadFile(file); strings.HasPrefix(string(backing), s.data) {
			found = append(found, "loop device")
		}
	}
	slices.Sort(found)
	return found
}

func (s *server) running() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// settled is traces once nothing changes any more by itself.
func (s *server) settled() []string {
	s.t.Helper()
	last := s.traces()
	eventually(s.t, 10*time.Second, func() error {
		time.Sleep(200 * time.Millisecond)
		now := s.traces()
		same := slices.Equal(last, now)
		last = now
		if !same {
			return fmt.Errorf("the machine still changes")
		}
		return nil
	})
	return last
}

// processes are the pids whose cgroup is the installation's. What has ended and
// waits for process 1 to take notice is none any more.
func processes(t testing.TB, mine string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, file := range files {
		text, _ := os.ReadFile(file) // may have ended
		stat, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "stat"))
		if strings.Contains(string(text), mine+"/") && !strings.Contains(string(stat), ") Z ") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// find is the id of the installation's only process that has the name; 0: none.
func (s *server) find(name string) int {
	s.t.Helper()
	for _, pid := range processes(s.t, "backlot-"+s.installationID()) {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // may have ended
		if strings.TrimSpace(string(comm)) == name {
			return pid
		}
	}
	return 0
}

func (s *server) process(name string) int {
	s.t.Helper()
	pid := s.find(name)
	if pid == 0 {
		s.t.Fatalf("no %s runs", name)
	}
	return pid
}

// inHome runs a shell command as the artist in the home directory of the only
// running desktop.
func (s *server) inHome(command string) string {
	s.t.Helper()
	enter := exec.CommandContext(s.t.Context(), "nsenter", "--all", "--setuid", "1000", "--setgid", "1000",
		"--target", strconv.Itoa(s.process("openbox")), "--", "sh", "-c", "cd /home/artist && "+command)
	out, err := enter.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// holds complains unless a file of the artist's home has that text.
func (s *server) holds(file, want string) error {
	s.t.Helper()
	if have := s.inHome("cat " + file + " 2>&1 || true"); have != want {
		return fmt.Errorf("%s holds %q, want %q", file, have, want)
	}
	return nil
}

func lines(t testing.TB, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var all []string
	for scan := bufio.NewScanner(f); scan.Scan(); {
		all = append(all, scan.Text())
	}
	return all
}
