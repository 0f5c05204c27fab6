package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/nimblestudio"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/testkit"
)

// newServerOnDisk starts a server whose data directory is on a disk of its own, of
// that many GiB, and returns where that is mounted.
func newServerOnDisk(t *testing.T, gib int64, config string) (s *server, disk string) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs minutes, and is about programs that are built without the race detector")
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, for sandboxes")
	}
	dir := t.TempDir()
	file, disk := filepath.Join(dir, "disk"), filepath.Join(dir, "mounted")
	for _, err := range []error{os.WriteFile(file, nil, 0o600), os.Truncate(file, gib<<30), os.Mkdir(disk, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range [][]string{{"mkfs.ext4", "-q", "-F", file}, {"mount", "-o", "loop", file, disk}} {
		if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%v: %v: %s", command, err, out)
		}
	}
	t.Cleanup(func() { testkit.Unmount(t, disk) })
	s = &server{t: t, data: filepath.Join(disk, "data"), config: config, bin: binDir, log: &logBuffer{}}
	s.open()
	return s, disk
}

// inside runs a shell command as the artist in the home directory of the session's
// desktop, and says how that went.
func (s streamingSession) inside(command string) (string, error) {
	s.t.Helper()
	for _, pid := range processes(s.t, "backlot-"+s.installationID()) {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // may have ended
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if strings.TrimSpace(string(comm)) != "openbox" || !strings.Contains(string(environ), "BACKLOT_SESSION_ID="+s.id+"\x00") {
			continue
		}
		enter := exec.CommandContext(s.t.Context(), "nsenter", "--all", "--setuid", "1000", "--setgid", "1000",
			"--target", strconv.Itoa(pid), "--", "sh", "-c", "cd /home/artist && "+command)
		out, err := enter.CombinedOutput()
		return string(out), err
	}
	return "", errors.New("no window manager runs")
}

// does is inside for what must go well.
func (s streamingSession) does(command string) string {
	s.t.Helper()
	out, err := s.inside(command)
	if err != nil {
		s.t.Errorf("%s: %v: %s", command, err, out)
	}
	return out
}

// runs waits until the desktop of the session is there.
func (s streamingSession) runs() streamingSession {
	s.t.Helper()
	s.wait("READY", time.Minute)
	eventually(s.t, 20*time.Second, func() error {
		_, err := s.inside("true")
		return err
	})
	return s
}

// fills has the session write until it meets "no space left", of its volume or of
// the whole store.
func (s streamingSession) fills(file string) {
	s.t.Helper()
	out, err := s.inside("dd if=/dev/zero of=" + file + " bs=1M 2>&1")
	if err == nil || !strings.Contains(out, "No space left") && !strings.Contains(out, "quota exceeded") {
		s.t.Errorf("filling ended by %v: %s", err, out)
	}
}

// keeps writes a line through to the disk. No room is no error of the session's.
func (s streamingSession) keeps(line string) (kept bool) {
	s.t.Helper()
	out, err := s.inside("echo " + line + " | dd of=" + line + ".new conv=fsync status=none && mv " + line + ".new " + line + " && sync .")
	switch {
	case err == nil:
		return true
	case strings.Contains(out, "No space left"), strings.Contains(out, "quota exceeded"):
		return false
	default:
		s.t.Errorf("write %s: %v: %s", line, err, out)
		return false
	}
}

// volumes is where the server has the volume store mounted.
func (s *server) volumes() string {
	s.t.Helper()
	return fmt.Sprintf("/proc/%d/root/run/backlot-%s/volumes", s.cmd.Process.Pid, s.installationID())
}

// writable complains when the file system of the volumes has stopped.
func (s *server) writable() {
	s.t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(s.volumes(), &st); err != nil {
		s.t.Fatal(err)
	}
	if st.Flags&unix.ST_RDONLY != 0 {
		s.t.Fatal("the volume store has become read-only")
	}
}

// scrub reads all of the volume store and compares it with its checksums.
func (s *server) scrub() {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), "btrfs", "scrub", "start", "-B", s.volumes()).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "no errors found") {
		s.t.Errorf("scrub: %v\n%s", err, out)
	}
}

// refused asks for a session that there is no room for.
func (s *server) refused() {
	s.t.Helper()
	no := s.createSession()
	eventually(s.t, 30*time.Second, func() error {
		if now := no.get(); aws.StringValue(now.State) != "CREATE_FAILED" || aws.StringValue(now.StatusCode) != "INSUFFICIENT_CAPACITY" {
			return fmt.Errorf("a session is %s, %s", aws.StringValue(now.State), aws.StringValue(now.StatusCode))
		}
		return nil
	})
	no.delete()
	no.wait("DELETED", 30*time.Second)
}

// TestVolumesThatFill has a session meet the limit of its volume, and then the end
// of the whole store, which other sessions must survive.
func TestVolumesThatFill(t *testing.T) {
	s, _ := newServerOnDisk(t, 3, "")
	one, two := s.createSession(), s.createSession()
	one.runs()
	two.runs()
	other := s.find("backlot-streame")

	// What the API takes for a volume is larger than this disk.
	volumes, _ := filepath.Glob(filepath.Join(s.volumes(), "volumes", "*"))
	for _, dir := range volumes {
		limit := exec.CommandContext(t.Context(), "btrfs", "qgroup", "limit", "200M", dir)
		if out, err := limit.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	one.keeps("before")
	one.fills("full")
	two.does("echo x >x && sync x")
	one.does("rm full && sync . && head -c 1000000 /dev/zero >some && sync some")
	one.fills("full")
	one.stop()
	one.wait("STOPPED", time.Minute)
	if b := one.backups(); len(b) != 1 || aws.StringValue(b[0].State) != "READY" {
		t.Errorf("the backup of a full volume: %v", b)
	}
	one.start("")
	one.runs()
	one.does("test $(cat before) = before && rm full && sync .")

	volumes, _ = filepath.Glob(filepath.Join(s.volumes(), "volumes", "*"))
	for _, dir := range volumes {
		if out, err := exec.CommandContext(t.Context(), "btrfs", "qgroup", "limit", "none", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	two.keeps("kept")
	one.fills("all")
	t.Logf("written when the store was full: %t", two.keeps("later"))
	s.writable()
	s.refused()
	two.does("test $(cat kept) = kept")
	if s.find("backlot-streame") != other {
		t.Error("a streamer has ended")
	}
	two.stop()
	two.wait("STOPPED", time.Minute)
	one.delete()
	one.wait("DELETED", time.Minute)
	three := s.createSession()
	eventually(t, 30*time.Second, func() error { // what was deleted comes back a little later
		switch now := three.get(); aws.StringValue(now.State) {
		case "CREATE_FAILED":
			three.delete()
			three = s.createSession()
			return errors.New(aws.StringValue(now.StatusMessage))
		case "READY":
			return nil
		default:
			return errors.New(aws.StringValue(now.State))
		}
	})
	two.start("")
	two.runs().does("test $(cat kept) = kept")
	s.writable()
	s.scrub()
}

// exhaust fills a disk to its last byte by what has nothing to do with us.
func exhaust(t *testing.T, disk string) (file string) {
	t.Helper()
	file = filepath.Join(disk, "somebody's")
	for _, block := range []string{"1M", "4k"} {
		fill := exec.CommandContext(t.Context(), "dd", "if=/dev/zero", "of="+file, "bs="+block, "oflag=append", "conv=notrunc")
		if out, err := fill.CombinedOutput(); err == nil || !strings.Contains(string(out), "No space left") {
			t.Fatalf("filling the disk ended by %v: %s", err, out)
		}
	}
	return file
}

// record has the store keep something new, as large as can be.
func (s *server) record(n int) error {
	in := &nimblestudio.CreateStudioComponentInput{StudioId: new(s.env["BACKLOT_STUDIO_ID"]), Name: new(fmt.Sprint("component ", n)), Type: new("CUSTOM")}
	for _, platform := range []string{"LINUX", "WINDOWS"} {
		for _, when := range []string{"SYSTEM_INITIALIZATION", "USER_INITIALIZATION"} {
			in.InitializationScripts = append(in.InitializationScripts, &nimblestudio.StudioComponentInitializationScript{
				LaunchProfileProtocolVersion: new("2021-03-31"), Platform: &platform, RunContext: &when, Script: new(strings.Repeat("#", 5120)),
			})
		}
	}
	_, err := s.api(false).CreateStudioComponentWithContext(s.t.Context(), in)
	return err
}

// TestDisksThatFill has something else take all of the disk.
func TestDisksThatFill(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("quotas:\n  studio_components: 2000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, disk := newServerOnDisk(t, 3, config)
	work := s.createSession().runs()
	if !work.keeps("before") {
		t.Error("not kept")
	}
	var kept []string
	writes := func(phase string) {
		for i := range 20 {
			line := fmt.Sprint(phase, i)
			if work.keeps(line) {
				kept = append(kept, line)
			}
		}
	}
	filler := exhaust(t, disk)
	writes("full")
	t.Logf("%d of 20 small files kept while the disk was full", len(kept))
	work.does("sync")
	s.writable()
	big, err := work.inside("dd if=/dev/urandom of=big bs=1M count=300 conv=fsync status=none")
	t.Logf("300 MB while the disk was full: %v %s", err, big)
	s.writable()

	var full *nimblestudio.ServiceQuotaExceededException
	var told error
	changes := 0
	for ; told == nil && changes < 1000; changes++ {
		told = s.record(changes)
	}
	t.Logf("after %d changes: %v", changes, told)
	if !errors.As(told, &full) || aws.StringValue(full.Code_) != "STORE_FULL" {
		t.Errorf("a change is answered by %v", told)
	}
	if now := work.get(); aws.StringValue(now.State) != "READY" {
		t.Errorf("the session is %v", now)
	}
	work.backups()

	// The server dies in the midst of it, and says why it does not come back.
	s.kill(syscall.SIGKILL)
	if out, err := s.backlot("serve", "--data", s.data, "--listen", "127.0.0.1:0"); err == nil || !strings.Contains(out, "no space left on device") {
		t.Errorf("serve on a full disk: %v\n%s", err, out)
	}
	writes("without")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.writable()
	eventually(t, 30*time.Second, func() error { return s.record(1000) })
	kept = append(kept, "before")
	eventually(t, 30*time.Second, func() error {
		if !work.keeps("after") {
			return errors.New("no room yet")
		}
		return nil
	})
	work.stop()
	work.wait("STOPPED", time.Minute)
	if b := work.backups(); len(b) != 1 || aws.StringValue(b[0].State) != "READY" {
		t.Errorf("backups: %v", b)
	}
	work.start("")
	work.runs()
	for _, line := range append(kept, "after") {
		if got, err := work.inside("cat " + line); err != nil || got != line+"\n" {
			t.Errorf("%s holds %q, %v", line, got, err)
		}
	}
	s.createSession().runs()
	s.scrub()
}
