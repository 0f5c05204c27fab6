package desktop_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation/desktop"
)

// TestMain lets this program be what runs inside a sandbox.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && strings.HasPrefix(os.Args[1], "session-") {
		os.Exit(desktop.Main(context.Background(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until ok says so.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

const (
	user = "anna"
	uid  = 1234
)

// sandbox is a root file system like this machine's, with fresh /tmp and /run, and
// the program under test in it.
type sandbox struct {
	root string
	x11  string // the directory of X sockets
	log  *syncBuffer
	cmd  *exec.Cmd
	done chan struct{} // closed when process 1 has ended
}

// newSandbox gives the test's thread mounts of its own, gone with the test.
func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to mount")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Skipf("needs mount namespaces: %v", err)
	}
	must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	dir := t.TempDir()
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	must(t, unix.Mount("sandbox", dir, "tmpfs", 0, "mode=0755"))
	s := &sandbox{root: dir + "/root", x11: dir + "/x11", log: &syncBuffer{}}
	for _, d := range []string{"root", "x11", "upper", "work"} {
		must(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	must(t, os.Chmod(s.x11, 0o777))
	options := fmt.Sprintf("lowerdir=/,upperdir=%s/upper,workdir=%s/work", dir, dir)
	if err := unix.Mount("overlay", s.root, "overlay", 0, options); err != nil {
		t.Skipf("needs an overlay of the root file system: %v", err)
	}
	must(t, unix.Mount("tmpfs", s.root+"/tmp", "tmpfs", 0, ""))
	must(t, unix.Mount("tmpfs", s.root+"/run", "tmpfs", 0, ""))
	for _, d := range []string{"/tmp/.X11-unix", "/run/backlot"} {
		must(t, os.Mkdir(s.root+d, 0o755))
	}
	must(t, unix.Mount("/dev", s.root+"/dev", "", unix.MS_BIND|unix.MS_REC, ""))
	must(t, unix.Mount(s.x11, s.root+"/tmp/.X11-unix", "", unix.MS_BIND, ""))
	self, err := os.Executable()
	must(t, err)
	must(t, os.WriteFile(s.root+"/run/backlot/init", nil, 0o755))
	must(t, unix.Mount(self, s.root+"/run/backlot/init", "", unix.MS_BIND, ""))
	return s
}

// start runs session-init as process 1.
func (s *sandbox) start(t *testing.T, environment ...string) {
	t.Helper()
	s.cmd = exec.CommandContext(t.Context(), "/bin/sh", "-c",
		`mount -t proc proc "$1/proc" && exec chroot "$1" /run/backlot/init session-init`, "sh", s.root)
	s.cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "BACKLOT_USER=" + user, fmt.Sprint("BACKLOT_UID=", uid)}, environment...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	s.cmd.Stderr = s.log
	s.cmd.Cancel = func() error { return s.cmd.Process.Kill() }
	must(t, s.cmd.Start())
	s.done = make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(s.done) }()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.done
		if t.Failed() {
			t.Logf("session-init said:\n%s", s.log)
		}
	})
}

// stop sends SIGTERM and returns the exit code and how long it took.
func (s *sandbox) stop(t *testing.T) (code int, took time.Duration) {
	t.Helper()
	began := time.Now()
	must(t, s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		t.Fatal("session-init does not end")
	}
	return s.cmd.ProcessState.ExitCode(), time.Since(began)
}

// read returns what a file of the sandbox holds, "" when there is none.
func (s *sandbox) read(path string) string {
	text, _ := os.ReadFile(filepath.Join(s.root, path))
	return string(text)
}

// processes lists the commands that run in the sandbox, and those that are zombies.
func (s *sandbox) processes(t *testing.T) (running, zombies []string) {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/root/proc", s.cmd.Process.Pid)
	entries, err := os.ReadDir(proc)
	must(t, err)
	for _, e := range entries {
		stat, err := os.ReadFile(filepath.Join(proc, e.Name(), "stat"))
		if err != nil || e.Name() == "1" || e.Name() == "self" || e.Name() == "thread-self" {
			continue
		}
		i, j := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
		if string(stat[j+2]) == "Z" {
			zombies = append(zombies, string(stat[i+1:j]))
		} else {
			running = append(running, string(stat[i+1:j]))
		}
	}
	return running, zombies
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// fakeX answers as much of the X protocol as session-init speaks, and counts how
// often the background was set.
func fakeX(t *testing.T, dir string, painted chan<- uint32) {
	t.Helper()
	listenX(t, dir, painted)()
}

// listenX makes the server's socket, and returns what begins to answer there.
func listenX(t *testing.T, dir string, painted chan<- uint32) (answer func()) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", dir+"/X0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	loop := func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if pixel, err := answerX(c); err == nil {
					painted <- pixel
				} else if !errors.Is(err, io.EOF) {
					t.Errorf("X server: %v", err)
				}
			}()
		}
	}
	return func() { go loop() }
}

func answerX(c net.Conn) (pixel uint32, err error) {
	le := binary.LittleEndian
	var head [12]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, err
	}
	auth := make([]byte, (int(le.Uint16(head[6:]))+3)/4*4+(int(le.Uint16(head[8:]))+3)/4*4)
	if _, err := io.ReadFull(c, auth); err != nil {
		return 0, err
	}
	if !bytes.Contains(auth, []byte("sesame")) {
		_, err := c.Write(append([]byte{0, 4, 11, 0, 0, 0, 1, 0}, "nope"...))
		return 0, errors.Join(err, io.EOF)
	}
	// The vendor's name has a length that needs padding, and there is one format.
	body := make([]byte, 32+8+8+40)
	le.PutUint16(body[16:], 5)
	body[20], body[21] = 1, 1
	le.PutUint32(body[48:], 0x111)
	le.PutUint32(body[52:], 0x222)
	reply := le.AppendUint16([]byte{1, 0, 11, 0, 0, 0}, uint16(len(body)/4))
	if _, err := c.Write(append(reply, body...)); err != nil {
		return 0, err
	}
	for {
		var r [4]byte
		if _, err := io.ReadFull(c, r[:]); err != nil {
			return 0, err
		}
		args := make([]byte, 4*int(le.Uint16(r[2:]))-4)
		if _, err := io.ReadFull(c, args); err != nil {
			return 0, err
		}
		answer := make([]byte, 32)
		answer[0] = 1
		switch r[0] {
		case 84: // AllocColor
			if le.Uint32(args) != 0x222 {
				return 0, fmt.Errorf("colour map %#x", le.Uint32(args))
			}
			le.PutUint32(answer[16:], uint32(args[5])<<16|uint32(args[7])<<8|uint32(args[9]))
			_, err = c.Write(answer)
		case 2: // ChangeWindowAttributes
			if le.Uint32(args) != 0x111 || le.Uint32(args[4:]) != 2 {
				return 0, fmt.Errorf("window %#x, mask %#x", le.Uint32(args), le.Uint32(args[4:]))
			}
			pixel = le.Uint32(args[8:])
		case 61: // ClearArea
		case 43: // GetInputFocus
			_, err = c.Write(answer)
			return pixel, err
		default:
			return 0, fmt.Errorf("request %d", r[0])
		}
		if err != nil {
			return 0, err
		}
	}
}

// authority writes an Xauthority file with the fake server's cookie.
func (s *sandbox) authority(t *testing.T) string {
	t.Helper()
	var b []byte
	for _, entry := range [][]string{
		{"elsewhere", "9", "MIT-MAGIC-COOKIE-1", "wrong"},
		{"here", "0", "XDM-AUTHORIZATION-1", "wrong"},
		{"here", "", "MIT-MAGIC-COOKIE-1", "sesame"},
	} {
		b = append(b, 1, 0)
		for _, field := range entry {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(field))), field...)
		}
	}
	must(t, os.WriteFile(s.root+"/run/backlot/Xauthority", b, 0o600))
	return "XAUTHORITY=/run/backlot/Xauthority"
}

func TestDesktopRunsAsTheUser(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	painted := make(chan uint32, 10)
	s.start(t, s.authority(t), "SHOW=shot 12", "HOME=/root",
		`BACKLOT_DESKTOP_COMMAND=(id -un; id -u; pwd; echo $HOME $SHOW; umask; echo $BACKLOT_USER; ps -o sid= -p $$ | tr -d ' '; echo $$) >seen; touch ready; exec sleep 1000`)
	fakeX(t, s.x11, painted) // after the start: it has to wait
	select {
	case pixel := <-painted:
		if pixel != 0x3a4a5e {
			t.Errorf("wallpaper %#x", pixel)
		}
	case <-s.done:
		t.Fatal("session-init has ended")
	}
	eventually(t, "desktop runs", func() bool {
		_, err := os.Stat(s.root + "/home/anna/ready")
		return err == nil
	})
	lines := strings.Split(s.read("/home/anna/seen"), "\n")
	want := []string{"anna", "1234", "/home/anna", "/home/anna shot 12", "0022", ""}
	for i, w := range want {
		if lines[i] != w {
			t.Errorf("line %d: %q, want %q", i, lines[i], w)
		}
	}
	if sid, pid := lines[len(want)], lines[len(want)+1]; sid != pid {
		t.Errorf("desktop %s is in session %s, want its own", pid, sid)
	}
	if fi, err := os.Stat(s.root + "/run/user/1234"); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("/run/user: %v, %v", fi, err)
	}
	if id := s.read("/etc/machine-id"); len(id) != 33 {
		t.Errorf("machine-id = %q", id)
	}
}

// TestDesktopStartsWithTheDisplay: it need not wait until the X server answers.
func TestDesktopStartsWithTheDisplay(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	painted := make(chan uint32, 10)
	answer := listenX(t, s.x11, painted)
	s.start(t, s.authority(t), `BACKLOT_DESKTOP_COMMAND=touch early; exec sleep 1000`)
	eventually(t, "desktop runs", func() bool { _, err := os.Stat(s.root + "/home/anna/early"); return err == nil })
	if len(painted) > 0 {
		t.Error("painted by whom?")
	}
	answer()
	eventually(t, "painted", func() bool { return len(painted) == 1 })
	if code, _ := s.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestDisplayIsReplaced: an X server that goes before it has answered leaves its place to
// another.
func TestDisplayIsReplaced(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", s.x11+"/X0")
	must(t, err)
	must(t, l.(*net.UnixListener).SetDeadline(time.Now().Add(10*time.Second)))
	s.start(t, s.authority(t), `BACKLOT_DESKTOP_COMMAND=exec sleep 1000`)
	for range 2 {
		c, err := l.Accept()
		must(t, err)
		must(t, c.Close()) // with what it was told unread, or before it was told anything
	}
	must(t, l.Close())
	painted := make(chan uint32, 10)
	fakeX(t, s.x11, painted)
	select {
	case <-painted:
	case <-s.done:
		t.Fatalf("session-init has ended: %s", s.log.String())
	}
	if code, _ := s.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestRefusedByTheDisplay(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	fakeX(t, s.x11, nil)
	s.start(t) // without a cookie
	<-s.done
	if code := s.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(s.log.String(), "nope") {
		t.Errorf("exit code %d, said %q", code, s.log)
	}
}

func TestDesktopIsStartedAgain(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	painted := make(chan uint32, 10)
	fakeX(t, s.x11, painted)
	s.start(t, s.authority(t), `BACKLOT_DESKTOP_COMMAND=echo x >>starts; [ $(wc -l <starts) -ge 3 ] && exec sleep 1000; exit 1`)
	eventually(t, "three starts", func() bool { return s.read("/home/anna/starts") == "x\nx\nx\n" })
	// The X server may have been a new one each time.
	eventually(t, "three times painted", func() bool { return len(painted) == 3 })
}

func TestOrphansAreReaped(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	fakeX(t, s.x11, make(chan uint32, 10))
	s.start(t, s.authority(t), `BACKLOT_DESKTOP_COMMAND=for i in 1 2 3 4 5 6 7 8; do (sh -c 'sleep 0.05 & exec true' &); done; sleep 0.1; touch orphaned; exec sleep 1000`)
	eventually(t, "orphans", func() bool { _, err := os.Stat(s.root + "/home/anna/orphaned"); return err == nil })
	eventually(t, "no zombies", func() bool {
		running, zombies := s.processes(t)
		return len(zombies) == 0 && strings.Count(strings.Join(running, " "), "sleep") == 1
	})
}

func TestProgramsEndInOrder(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	fakeX(t, s.x11, make(chan uint32, 10))
	// A program that saves its work on SIGTERM, and a stopped one.
	s.start(t, s.authority(t), `BACKLOT_DESKTOP_COMMAND=
		bash -c 'trap "sleep 0.3; echo saved >saved; exit" TERM; touch a; while :; do sleep 0.01; done' &
		bash -c 'trap "echo continued >cont; exit" TERM; touch b; kill -STOP $$' &
		exec sleep 1000`)
	eventually(t, "programs", func() bool {
		found := 0
		for _, f := range []string{"a", "b"} {
			if _, err := os.Stat(s.root + "/home/anna/" + f); err == nil {
				found++
			}
		}
		return found == 2
	})
	code, took := s.stop(t)
	if code != 0 || took > 4*time.Second {
		t.Errorf("exit code %d after %v", code, took)
	}
	for f, want := range map[string]string{"saved": "saved\n", "cont": "continued\n"} {
		if got := s.read("/home/anna/" + f); got != want {
			t.Errorf("%s = %q, want %q", f, got, want)
		}
	}
}

func TestDeafProgramsAreKilled(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	fakeX(t, s.x11, make(chan uint32, 10))
	s.start(t, s.authority(t), `BACKLOT_DESKTOP_COMMAND=trap "" TERM HUP; touch deaf; while :; do sleep 0.05; done`)
	eventually(t, "program", func() bool { _, err := os.Stat(s.root + "/home/anna/deaf"); return err == nil })
	if code, took := s.stop(t); code != 0 || took < 4*time.Second || took > 15*time.Second {
		t.Errorf("exit code %d after %v, want 0 after 5 s", code, took)
	}
}

func TestStopWhileWaitingForTheDisplay(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.start(t)
	eventually(t, "account", func() bool {
		_, err := os.Stat(s.root + "/run/backlot/desktop/openbox/rc.xml")
		return !errors.Is(err, fs.ErrNotExist)
	})
	if code, took := s.stop(t); code != 0 || took > 3*time.Second {
		t.Errorf("exit code %d after %v", code, took)
	}
}

func unixDial(t *testing.T, path string) (net.Conn, error) {
	t.Helper()
	return (&net.Dialer{}).DialContext(t.Context(), "unix", path)
}
