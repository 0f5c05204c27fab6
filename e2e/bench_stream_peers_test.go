package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// streamer is a remote desktop under test, with a display of scene's size.
type streamer struct {
	name string
	// open returns the url of a page that shows the desktop, for some minutes.
	open func() string
	// display starts a program on the desktop's display.
	display func(program string, args ...string) *exec.Cmd
	// pids are the processes that serve the desktop, its X server among them.
	pids func() []int
	// port is the one that pages connect to.
	port string
	work streamingSession // of Backlot
}

// newBacklot is what an artist has: a server, and a session of it.
func newBacklot(t testing.TB, args ...string) streamer {
	t.Helper()
	s := newServerWith(t, "", args...)
	work := s.createSession()
	work.wait("READY", time.Minute)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.env["AWS_ENDPOINT_URL"], "http://"))
	return streamer{
		name: "Backlot", work: work, port: port,
		open: work.stream,
		display: func(program string, args ...string) *exec.Cmd {
			desktop := strconv.Itoa(s.process("openbox"))
			text, err := os.ReadFile(program)
			if err != nil {
				t.Fatal(err)
			}
			enter := []string{"--all", "--setuid", "1000", "--setgid", "1000", "--target", desktop, "--"}
			bring := exec.CommandContext(t.Context(), "nsenter", append(enter, "sh", "-c",
				"cd /home/artist && cat > show.new && chmod +x show.new && mv show.new show")...)
			bring.Stdin = bytes.NewReader(text)
			if out, err := bring.CombinedOutput(); err != nil {
				t.Fatalf("bring the program into the session: %v\n%s", err, out)
			}
			environment, err := os.ReadFile("/proc/" + desktop + "/environ")
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(context.Background(), "nsenter", append(append(enter, "/home/artist/show"), args...)...)
			cmd.Env = strings.Split(strings.TrimRight(string(environment), "\x00"), "\x00")
			return cmd
		},
		pids: func() []int {
			return append(processes(t, "backlot-"+s.installationID()), s.cmd.Process.Pid)
		},
	}
}

// newNoVNC is TigerVNC, which is an X server itself, behind websockify and
// noVNC's own client in a page that shows nothing else.
func newNoVNC(t testing.TB) streamer {
	t.Helper()
	needs(t, "Xvnc", "websockify")
	web := t.TempDir()
	if err := os.Symlink("/usr/share/novnc", filepath.Join(web, "novnc")); err != nil {
		t.Fatal(err)
	}
	const page = `<!doctype html><title>noVNC</title><style>html,body,div{margin:0;height:100%;overflow:hidden}</style><div></div>
<script type=module>
import RFB from "./novnc/core/rfb.js";
const rfb = new RFB(document.querySelector("div"), "ws://" + location.host + "/websockify");
rfb.addEventListener("connect", () => rfb.focus());
</script>`
	if err := os.WriteFile(filepath.Join(web, "index.html"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	display := freeDisplay(t)
	vnc, port := freePort(t), freePort(t)
	x := daemon(t, nil, "Xvnc", display, "-geometry", "1920x1080", "-depth", "24", "-SecurityTypes", "None", "-localhost",
		"-rfbport", vnc, "-nolisten", "tcp", "-AlwaysShared", "-ac")
	listens(t, vnc)
	bridge := daemon(t, nil, "websockify", "--web", web, "127.0.0.1:"+port, "127.0.0.1:"+vnc)
	url := "http://127.0.0.1:" + port + "/index.html"
	answers(t, url)
	return streamer{
		name: "noVNC", port: port,
		open:    func() string { return url },
		display: onDisplay(display),
		pids:    func() []int { return trees(t, x, bridge) },
	}
}

// newXpra is xpra's desktop mode on Xorg with the dummy driver, as Backlot's X
// server is, and its own page.
func newXpra(t testing.TB) streamer {
	t.Helper()
	needs(t, "xpra", "/usr/lib/xorg/Xorg")
	dir := t.TempDir()
	conf := filepath.Join(dir, "xorg.conf")
	const screen = `
Section "Monitor"
 Identifier "m"
 HorizSync 1-10000
 VertRefresh 1-1000
 Modeline "1920x1080" 124.9 1920 1921 1922 1923 1080 1081 1082 1083
EndSection
Section "Device"
 Identifier "d"
 Driver "dummy"
 VideoRam 270336
 DacSpeed 10000
EndSection
Section "Screen"
 Identifier "s"
 Device "d"
 Monitor "m"
 DefaultDepth 24
 SubSection "Display"
  Depth 24
  Modes "1920x1080"
 EndSubSection
EndSection
Section "ServerFlags"
 Option "AutoAddDevices" "false"
 Option "AutoAddGPU" "false"
EndSection
`
	if err := os.WriteFile(conf, []byte(screen), 0o644); err != nil {
		t.Fatal(err)
	}
	display, port := freeDisplay(t), freePort(t)
	// What it leaves in /run goes with a /run of its own.
	server := daemon(t, []string{"HOME=" + dir, "XDG_RUNTIME_DIR=" + dir},
		"unshare", "--mount", "sh", "-c", `mount -t tmpfs tmpfs /run && exec "$0" "$@"`, "xpra", "start-desktop", display, "--daemon=no", "--html=on", "--bind-tcp=127.0.0.1:"+port,
		"--xvfb=/usr/lib/xorg/Xorg -config "+conf+" -logfile "+filepath.Join(dir, "x.log")+" -noreset -nolisten tcp -novtswitch -sharevts -ac",
		"--resize-display=no", "--mdns=no", "--pulseaudio=no", "--speaker=off", "--microphone=off", "--webcam=no", "--notifications=no",
		"--printing=no", "--systemd-run=no", "--dbus-proxy=no", "--dbus-launch=no", "--clipboard=no", "--start-new-commands=no",
		"--socket-dir="+dir, "--socket-dirs="+dir, "--log-dir="+dir, "--bell=no", "--file-transfer=no", "--open-files=no")
	url := "http://127.0.0.1:" + port + "/index.html?floating_menu=false&sound=false&printing=false&file_transfer=false&clipboard=false&remote_logging=false"
	answers(t, url)
	return streamer{
		name: "xpra", port: port,
		open:    func() string { return url },
		display: onDisplay(display),
		pids:    func() []int { return trees(t, server) },
	}
}

func onDisplay(display string) func(string, ...string) *exec.Cmd {
	return func(program string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), program, args...)
		cmd.Env = []string{"DISPLAY=" + display, "HOME=/nonexistent"}
		return cmd
	}
}

func needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs %s: scripts/setup bench", p)
		}
	}
}

// daemon runs a program until the test ends, and all that it has started.
func daemon(t testing.TB, env []string, name string, args ...string) int {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), name, args...)
	said := &logBuffer{}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is told by what asked for it
		close(done)
	}()
	t.Cleanup(func() {
		all := trees(t, cmd.Process.Pid)
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(10 * time.Second):
		}
		for _, pid := range all { // those that have left the group, too
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-done
		if t.Failed() {
			t.Logf("%s said:\n%s", name, said.tail(40))
		}
	})
	return cmd.Process.Pid
}

// trees are the processes and all that they and theirs have started.
func trees(t testing.TB, roots ...int) []int {
	t.Helper()
	children := map[int][]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range stats {
		text, _ := os.ReadFile(file) // may have ended
		if _, rest, ok := strings.Cut(string(text), ") "); ok {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			parent, _ := strconv.Atoi(strings.Fields(rest)[1])
			children[parent] = append(children[parent], pid)
		}
	}
	all := roots
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// freeDisplay is a display that no X server has.
func freeDisplay(t testing.TB) string {
	t.Helper()
	for n := 60; n < 200; n++ {
		_, socket := os.Lstat(fmt.Sprintf("/tmp/.X11-unix/X%d", n))
		_, lock := os.Lstat(fmt.Sprintf("/tmp/.X%d-lock", n))
		if os.IsNotExist(socket) && os.IsNotExist(lock) {
			return fmt.Sprintf(":%d", n)
		}
	}
	t.Fatal("no display is free")
	return ""
}

func freePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

func listens(t testing.TB, port string) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

func answers(t testing.TB, url string) {
	t.Helper()
	eventually(t, 60*time.Second, func() error {
		answer, err := http.Get(url)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, answer.Status)
		}
		return nil
	})
}
