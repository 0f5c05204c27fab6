package oci_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var allParts = []string{"desktop", "display", "streamer"}

// TestConfinement looks at the processes from the host.
func TestConfinement(t *testing.T) {
	t.Parallel()
	m := setup(t)
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "a")))
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "b")))
	base, err := m.driver.IDBaseOf("a")
	check(t, err)
	none := "0000000000000000"
	for part, want := range map[string]map[string]string{
		"desktop":  {"Seccomp": "2", "Uid": strconv.Itoa(int(base))},
		"display":  {"Seccomp": "2", "Uid": strconv.Itoa(int(base) + 1000), "NoNewPrivs": "1", "CapEff": none, "CapPrm": none, "CapBnd": none, "CapInh": none},
		"streamer": {"Seccomp": "2", "Uid": strconv.Itoa(int(base) + 65535), "NoNewPrivs": "1", "CapEff": none, "CapPrm": none, "CapBnd": none, "CapInh": none},
	} {
		status := procStatus(t, m.driver.PID("a", part))
		for field, value := range want {
			if got := strings.Fields(status[field])[0]; got != value {
				t.Errorf("%s: %s is %s, want %s", part, field, got, value)
			}
		}
	}
	if caps := procStatus(t, m.driver.PID("a", "desktop"))["CapBnd"]; caps != "00000000a00405fb" {
		t.Errorf("desktop: bounding set %s", caps)
	}
	for _, ns := range []string{"user", "pid", "mnt", "net", "uts", "cgroup", "ipc"} {
		seen := map[string]string{namespace(t, os.Getpid(), ns): "the host"}
		for _, id := range []string{"a", "b"} {
			for _, part := range allParts {
				who := id + "/" + part
				if ns == "ipc" {
					who = id // shared by its parts
				}
				inode := namespace(t, m.driver.PID(id, part), ns)
				if other, ok := seen[inode]; ok && other != who {
					t.Errorf("%s namespace: %s shares it with %s", ns, who, other)
				}
				seen[inode] = who
			}
		}
	}
	for _, part := range allParts {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", m.driver.PID("a", part)))
		check(t, err)
		if n := bytes.Count(text, []byte(":")); n != 1 || !bytes.Contains(text, []byte("lo:")) {
			t.Errorf("%s has network interfaces besides lo:\n%s", part, text)
		}
	}
}

// TestSocketsOfStreamer: those of this machine, and of no network, not even that within
// its container.
func TestSocketsOfStreamer(t *testing.T) {
	t.Parallel()
	m := setup(t)
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "a")))
	for family, works := range map[string]bool{"AF_UNIX": true, "AF_INET": false, "AF_INET6": false, "AF_NETLINK": false} {
		out, err := m.run(t, "a", "streamer", 65535, "/usr/bin/python3", "-c", "import socket; socket.socket(socket."+family+", socket.SOCK_DGRAM)")
		if (err == nil) != works {
			t.Errorf("%s: %v %s", family, err, out)
		}
	}
}

// TestSocketsOfDesktop: of networks as everywhere, but not those by which the kernel or the
// machine below it is reached; of programs that are the machine's own kind.
func TestSocketsOfDesktop(t *testing.T) {
	t.Parallel()
	m := setup(t)
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "a")))
	for socket, works := range map[string]bool{
		"socket.AF_INET, socket.SOCK_STREAM": true, "socket.AF_UNIX, socket.SOCK_STREAM": true, "socket.AF_NETLINK, socket.SOCK_RAW": true,
		"socket.AF_ALG, socket.SOCK_SEQPACKET": false, "socket.AF_VSOCK, socket.SOCK_STREAM": false,
	} {
		out, err := m.run(t, "a", "desktop", 65534, "/usr/bin/python3", "-c", "import socket; socket.socket("+socket+")")
		if (err == nil) != works || err != nil && !strings.Contains(fmt.Sprint(err, out), "PermissionError") {
			t.Errorf("%s: %v %s", socket, err, out)
		}
	}
}

// Test32Bit: programs of the other kind run in the desktop, not beside it.
func Test32Bit(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("needs a machine that also runs 386 programs")
	}
	// One that ends with 0, and nothing else.
	program := "\x7fELF\x01\x01\x01" + strings.Repeat("\x00", 9) +
		"\x02\x00\x03\x00\x01\x00\x00\x00\x54\x80\x04\x08\x34\x00\x00\x00" + strings.Repeat("\x00", 8) +
		"\x34\x00\x20\x00\x01\x00\x00\x00\x00\x00\x00\x00" +
		"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x80\x04\x08\x00\x80\x04\x08\x60\x00\x00\x00\x60\x00\x00\x00\x05\x00\x00\x00\x00\x10\x00\x00" +
		"\xb8\x01\x00\x00\x00\xbb\x00\x00\x00\x00\xcd\x80"
	m := setup(t)
	spec := m.spec(t, "a")
	path := filepath.Join(m.disk, "386")
	check(t, os.WriteFile(path, []byte(program), 0o755))
	if err := exec.CommandContext(t.Context(), path).Run(); err != nil {
		t.Skipf("this kernel runs no 386 programs: %v", err)
	}
	check(t, os.MkdirAll(filepath.Join(spec.Volume, "upper", "opt"), 0o755))
	check(t, os.Rename(path, filepath.Join(spec.Volume, "upper", "opt", "386")))
	check(t, m.driver.Ensure(t.Context(), spec))
	m.user(t, "a", "/opt/386")
	for _, part := range []string{"display", "streamer"} {
		text, err := os.ReadFile(filepath.Join(m.config.RunDir, "sessions", "a", part, "config.json"))
		check(t, err)
		if !strings.Contains(string(text), `"architectures":["SCMP_ARCH_X86_64"]`) {
			t.Errorf("%s may call the kernel as programs of another kind", part)
		}
	}
}

// TestInside tries from within what must not work, and what must.
func TestInside(t *testing.T) {
	t.Parallel()
	m := setup(t)
	spec := m.spec(t, "a")
	spec.Environment = []string{"SHOT=042", "DISPLAY=elsewhere:7"}
	check(t, m.driver.Ensure(t.Context(), spec))
	base, err := m.driver.IDBaseOf("a")
	check(t, err)
	for _, c := range []struct {
		name    string
		user    uint32
		command string
		works   bool
	}{
		{"root mounts", 0, "mount -t tmpfs none /mnt", false},
		{"root makes a device", 0, "mknod /dev/vda b 254 0", false},
		{"root makes a raw socket", 0, `python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'`, false},
		{"root loads a module", 0, "modprobe loop || test -w /sys/module", false},
		{"root changes the kernel", 0, "echo 1 >/proc/sys/kernel/panic", false},
		{"root reads the kernel's log", 0, "dmesg", false},
		{"root replaces process 1's program", 0, "echo >/run/backlot/init", false},
		{"root touches the X socket", 0, "rm /tmp/.X11-unix/X0", false},
		{"user makes a user namespace", 1000, "unshare -Ur true", false},
		{"user becomes root", 1000, "chown 0 /home/artist", false},
		{"root installs", 0, "touch /usr/bin/new && chown 42:7 /usr/bin/new && chmod 4755 /usr/bin/new && mv /usr/bin/new /usr/bin/newer", true},
		{"a set-user-id program is root", 1000, "test $(stat -c %u /usr/bin/newer) = 42 && chfn -h x || true", true},
		{"user has the cookie", 1000, "test -r /run/backlot/Xauthority", true},
		{"the name", 1000, "test $(hostname) = ws-a && test $(cat /etc/hostname) = ws-a && getent hosts ws-a", true},
		{"fresh /tmp", 1000, "touch /tmp/x && test -k /tmp", true},
		{"directories can be renamed", 0, "mv /usr/share/doc /usr/share/papers && mv /usr/share/papers /usr/share/doc", true},
		{"no process of the host", 1000, "test $(ls /proc | grep -c '^[0-9]') -lt 10", true},
	} {
		if out, err := m.run(t, "a", "desktop", c.user, "/bin/sh", "-c", c.command); (err == nil) != c.works {
			t.Errorf("%s: %v %s", c.name, err, out)
		}
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", m.driver.PID("a", "desktop")))
	check(t, err)
	if all := strings.Split(string(environ), "\x00"); !slices.Contains(all, "SHOT=042") || slices.Index(all, "DISPLAY=:0") < slices.Index(all, "DISPLAY=elsewhere:7") {
		t.Errorf("environment: %q", all)
	}
	if out, err := m.run(t, "a", "desktop", 65535, "/bin/true"); err == nil {
		t.Errorf("the streamer's id exists in the sandbox: %s", out)
	}
	// What root wrote is in the volume, with plain ids, and not on the host.
	if _, err := os.Stat("/usr/bin/newer"); err == nil {
		t.Error("a file of the sandbox is on the host")
	}
	var st unix.Stat_t
	check(t, unix.Stat(filepath.Join(spec.Volume, "upper/usr/bin/newer"), &st))
	if st.Uid != 42 || st.Gid != 7 {
		t.Errorf("owner on disk %d:%d, want 42:7", st.Uid, st.Gid)
	}
	if st.Uid == base+42 {
		t.Error("the ids on disk are those of the range")
	}
	// Nothing of /tmp and /run is kept.
	check(t, m.driver.Stop(t.Context(), "a", 5*time.Second))
	if _, err := os.Stat(filepath.Join(spec.Volume, "upper/tmp/x")); err == nil {
		t.Error("/tmp is in the volume")
	}
	if text, err := os.ReadFile(filepath.Join(spec.Volume, "upper/var/ended")); err != nil || len(text) == 0 {
		t.Errorf("process 1 was not ended in order: %v", err)
	}
}

// TestCredential: the streamer shows it to the gateway, and nobody else can read it.
func TestCredential(t *testing.T) {
	t.Parallel()
	m := setup(t)
	l, err := net.Listen("unix", filepath.Join(m.socket, "streamer.sock"))
	check(t, err)
	defer l.Close()
	check(t, os.Chmod(l.Addr().String(), 0o666))
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "a")))
	c, err := l.Accept()
	check(t, err)
	defer c.Close()
	var got bytes.Buffer
	_, err = got.ReadFrom(c)
	check(t, err)
	if got.String() != "credential-of-a" {
		t.Errorf("got %q", got.String())
	}
	for _, part := range []string{"display", "desktop"} {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/root/run/backlot/credential", m.driver.PID("a", part)))
		if err == nil {
			t.Errorf("the %s sees the credential", part)
		}
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/root/run/gateway", m.driver.PID("a", part))); err == nil {
			t.Errorf("the %s sees the gateway", part)
		}
	}
	check(t, filepath.WalkDir(m.config.RunDir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && bytes.Contains(text, []byte("credential-of-a")) {
			fi, err := e.Info()
			check(t, err)
			if fi.Mode().Perm() != 0o400 {
				t.Errorf("the credential lies in %s, mode %v", path, fi.Mode())
			}
		}
		return err
	}))
}

func procStatus(t testing.TB, pid int) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	check(t, err)
	status := map[string]string{}
	for line := range strings.Lines(string(text)) {
		field, value, _ := strings.Cut(line, ":")
		status[field] = strings.TrimSpace(value)
	}
	return status
}

func namespace(t testing.TB, pid int, name string) string {
	t.Helper()
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, name))
	check(t, err)
	return link
}
