package oci_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
	"github.com/backlot/backlot/internal/workstation/oci"
)

// machine is an installation of its own: a run directory, an image made of the
// host's own files, a place for volumes.
type machine struct {
	config oci.Config
	driver *oci.Driver
	lower  []string
	disk   string // where volumes are made
	socket string // the gateway's directory
}

func setup(t testing.TB) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: starts containers")
	}
	for _, program := range []string{"runc", "Xorg"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s", program)
		}
	}
	dir := t.TempDir()
	// Mapped ids must be able to search the way to the run directory.
	check(t, os.Chmod(filepath.Dir(dir), 0o711))
	self, err := os.Executable()
	check(t, err)
	// go test makes its programs in directories and with modes of its own.
	check(t, os.Chmod(self, 0o755))

	// /run of a usual machine: neither programs nor devices nor set-user-id.
	tmpfs(t, filepath.Join(dir, "run"), unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC)
	m := &machine{disk: filepath.Join(dir, "disk"), socket: filepath.Join(dir, "gateway")}
	tmpfs(t, m.disk, 0)
	check(t, os.Mkdir(m.socket, 0o711))
	m.lower = []string{mask(t, filepath.Join(m.disk, "mask")), "/"}
	var name [4]byte
	_, err = rand.Read(name[:])
	check(t, err)
	m.config = oci.Config{
		RunDir:       filepath.Join(dir, "run", "backlot"),
		Installation: hex.EncodeToString(name[:]),
		IDBase:       215 << 24, // above 2^31, where signed numbers would end
		Ranges:       64,
		InitPath:     self,
		StreamerPath: self,
		Log:          slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	m.driver = m.open(t)
	t.Cleanup(func() {
		if err := m.open(t).Down(context.Background()); err != nil {
			t.Errorf("down: %v", err)
		}
		m.expectNothingLeft(t)
		threads, err := filepath.Glob("/proc/self/task/*")
		check(t, err)
		for _, p := range threads {
			if text, err := os.ReadFile(p + "/mountinfo"); err == nil && strings.Contains(string(text), m.config.RunDir+"/sessions") {
				t.Errorf("left: a thread with mounts: %s", text)
			}
		}
		if dirs := m.driver.CgroupDirs(); len(dirs) > 0 {
			t.Errorf("left: %v", dirs)
		}
		if _, err := os.Stat(m.config.RunDir); err == nil {
			t.Errorf("left: %s", m.config.RunDir)
		}
	})
	return m
}

// expectNothingLeft looks everywhere for traces of workstations.
func (m *machine) expectNothingLeft(t testing.TB) {
	t.Helper()
	for _, dir := range m.driver.CgroupDirs() {
		// The installation's own stay until it goes.
		if filepath.Base(dir) != "backlot-"+m.config.Installation {
			t.Errorf("left: cgroup %s", dir)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(m.config.RunDir, "sessions")); err == nil && len(entries) > 0 {
		t.Errorf("left: files %v", entries)
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	check(t, err)
	for _, p := range processes {
		if text, err := os.ReadFile(p + "/cgroup"); err == nil && strings.Contains(string(text), "/backlot-"+m.config.Installation) {
			if stat, err := os.ReadFile(p + "/stat"); err == nil && !strings.Contains(string(stat), ") Z ") {
				t.Errorf("left: process %s %s", p, stat)
			}
		}
		if text, err := os.ReadFile(p + "/mountinfo"); err == nil && strings.Contains(string(text), m.config.RunDir+"/sessions") {
			t.Errorf("left: a mount in %s: %s", p, text)
		}
	}
}

// open opens the driver anew, as a restarted server does.
func (m *machine) open(t testing.TB) *oci.Driver {
	t.Helper()
	d, err := oci.Open(m.config)
	check(t, err)
	return d
}

func (m *machine) spec(t testing.TB, id string) workstation.Spec {
	t.Helper()
	volume := filepath.Join(m.disk, "volume-"+id)
	check(t, os.MkdirAll(volume, 0o755))
	return workstation.Spec{
		ID:       id,
		Hostname: "ws-" + id,
		Lower:    m.lower,
		Volume:   volume,
		User:     workstation.User{Name: "artist", ID: 1000},
		Screen:   workstation.Screen{Width: 1000, Height: 700},
		Streamer: workstation.Streamer{SocketDir: m.socket, Credential: "credential-of-" + id},
	}
}

// run has the stand-in of a part run a command as a user of the sandbox.
func (m *machine) run(t testing.TB, id, part string, user uint32, command ...string) (string, error) {
	t.Helper()
	socket := "/run/commands"
	if part == "streamer" {
		socket = "/tmp/commands"
	}
	var c net.Conn
	eventually(t, part+" to listen", func() bool {
		var err error
		c, err = net.Dial("unix", fmt.Sprintf("/proc/%d/root%s", m.driver.PID(id, part), socket))
		return err == nil
	})
	defer c.Close()
	o := order{User: user, Command: command}
	check(t, json.NewEncoder(c).Encode(o))
	check(t, json.NewDecoder(c).Decode(&o))
	if o.Error != "" {
		return o.Output, fmt.Errorf("%v: %s: %s", command, o.Error, o.Output)
	}
	return o.Output, nil
}

// user runs a command as the desktop's user and expects it to work.
func (m *machine) user(t testing.TB, id string, command ...string) string {
	t.Helper()
	out, err := m.run(t, id, "desktop", 1000, command...)
	check(t, err)
	return out
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that happens by itself.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func tmpfs(t testing.TB, dir string, flags uintptr) {
	t.Helper()
	check(t, os.MkdirAll(dir, 0o755))
	check(t, unix.Mount("tmpfs", dir, "tmpfs", flags, "mode=0755"))
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// mask makes a layer that empties those directories of the host that no image
// has. (It must not lie on the file system it hides.)
func mask(t testing.TB, dir string) string {
	t.Helper()
	check(t, os.Mkdir(dir, 0o755))
	for _, name := range []string{"boot", "dev", "home", "media", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp", "work"} {
		check(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		check(t, unix.Setxattr(filepath.Join(dir, name), "trusted.overlay.opaque", []byte("y"), 0))
	}
	check(t, os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky))
	return dir
}
