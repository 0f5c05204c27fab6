package image_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/image"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// ownMounts gives the test's thread mounts of its own, gone with the test.
func ownMounts(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to mount")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Skipf("needs mount namespaces: %v", err)
	}
	must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	// What is still mounted would keep the directory from being removed, which
	// the first TempDir registers: cleanups run in reverse order.
	t.TempDir()
	t.Cleanup(func() {
		text, _ := os.ReadFile("/proc/thread-self/mountinfo")
		for line := range strings.Lines(string(text)) {
			if point := strings.Fields(line)[4]; strings.HasPrefix(point, os.TempDir()+"/") {
				_ = unix.Unmount(point, unix.MNT_DETACH)
			}
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func config(t *testing.T) image.Config {
	t.Helper()
	return image.Config{RunDir: filepath.Join(t.TempDir(), "images"), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// overlay mounts the host image of s with an empty volume above it.
func overlay(t *testing.T, s *image.Store) string {
	t.Helper()
	lower, err := s.Lower(t.Context(), image.HostID())
	must(t, err)
	volume, target := t.TempDir(), t.TempDir()
	must(t, unix.Mount("volume", volume, "tmpfs", 0, ""))
	must(t, os.Mkdir(volume+"/upper", 0o755))
	must(t, os.Mkdir(volume+"/work", 0o755))
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", strings.Join(lower, ":"), volume, volume)
	must(t, unix.Mount("overlay", target, "overlay", 0, options))
	return target
}

// tree lists a directory: path, mode, and what files hold and links lead to.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		must(t, err)
		rel, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%s %s", fi.Mode(), rel)
		switch {
		case e.Type() == fs.ModeSymlink:
			to, err := os.Readlink(path)
			must(t, err)
			fmt.Fprintf(&b, " -> %s", to)
		case e.Type().IsRegular():
			text, err := os.ReadFile(path)
			must(t, err)
			fmt.Fprintf(&b, " %q", text)
		}
		fmt.Fprintln(&b)
		return nil
	}))
	return b.String()
}

// plant makes a machine's root directory: lines of path, mode and content; a path
// that ends in / is a directory, a content that starts with -> a link.
func plant(t *testing.T, lines string) string {
	t.Helper()
	root := t.TempDir()
	must(t, os.Chmod(root, 0o755))
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		path, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		mode, content, _ := strings.Cut(rest, " ")
		content = strings.ReplaceAll(content, `\n`, "\n")
		full := filepath.Join(root, path)
		must(t, os.MkdirAll(filepath.Dir(full), 0o755))
		var perm uint32
		_, err := fmt.Sscanf(mode, "%o", &perm)
		must(t, err)
		to, isLink := strings.CutPrefix(content, "->")
		switch {
		case isLink:
			must(t, os.Symlink(to, full))
			continue
		case strings.HasSuffix(path, "/"):
			must(t, os.MkdirAll(full, 0o755))
		default:
			must(t, os.WriteFile(full, []byte(content), 0o600))
		}
		must(t, unix.Chmod(full, perm))
	}
	return root
}

const planted = `
bin 777 ->usr/bin
boot/vmlinuz 644 kernel
data/project/secret 644 s
dockerenv 644 s
etc/alternatives/editor 777 ->/usr/bin/vi
etc/apt/apt.conf.d/10plain 644 APT::Periodic "0";
etc/apt/apt.conf.d/20proxy 644 Acquire::http::Proxy "http://me:pass@proxy:3128";
etc/apt/auth.conf.d/corp 644 machine m login l password s
etc/apt/sources.list 644 deb http://deb.debian.org/debian bookworm main
etc/docker/config.json 644 s
etc/environment 644 TOKEN=s
etc/fonts/fonts.conf 644 fonts
etc/group 644 root:x:0:\ndaemon:x:1:daemon,anna\nshadow:x:42:\nanna:x:1000:\nnogroup:x:65534:\n
etc/hosts 644 10.0.0.1 license.studio
etc/machine-id 444 0123
etc/opt/vendor 644 s
etc/passwd 644 root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:Anna's:/usr/sbin:/usr/sbin/nologin\nanna:x:1000:1000:Anna:/home/anna:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n
etc/profile.d/a.sh 755 true
etc/profile.d/key.sh 644 K="-----BEGIN RSA PRIVATE KEY-----"
etc/security/limits.conf 644 l
etc/security/opasswd 600 s
etc/shadow 640 root:$6$hash:1::::::\nanna:$6$hash:1::::::\n
etc/skel/.bashrc 644 b
etc/ssh/ssh_host_key 600 s
etc/ssl/certs/ca.pem 644 c
etc/ssl/private/key.pem 644 s
etc/sudoers 440 s
home/anna/work 644 s
mnt/nas/ 755
opt/tool/bin/tool 755 t
opt/tool/licence.key 640 s
opt/hidden/ 700
opt/hidden/file 644 s
root/.aws/credentials 644 s
run/secrets/token 644 s
snap/x 644 s
srv/data 644 s
tmp/x 644 s
usr/bin/env 755 e
usr/bin/sudo 755 e
usr/local/bin/own 755 o
usr/local/etc/vpn.conf 644 s
usr/local/share/token 600 s
usr/share/applications/a.desktop 644 a
var/backups/shadow.bak 644 s
var/cache/apt/pkgcache.bin 644 p
var/cache/debconf/passwords.dat 644 s
var/cache/other/x 644 s
var/lib/dbus/machine-id 644 0123
var/lib/docker/secret 644 s
var/lib/dpkg/status 644 d
var/lib/postgresql/data 644 s
var/lib/ucf/cache/etc 644 s
var/lib/ucf/hashfile 644 h
var/log/syslog 644 s
var/mail/anna 644 s
var/run 777 ->/run
var/spool/cron/anna 644 s
var/www/index.html 644 s
`

func TestOnlyTheAllowedShows(t *testing.T) {
	t.Parallel()
	ownMounts(t)
	s, err := image.OpenRoot(t.Context(), config(t), plant(t, planted))
	must(t, err)
	want, err := os.ReadFile("testdata/shows.txt")
	must(t, err)
	got := tree(t, overlay(t, s))
	if *update {
		must(t, os.WriteFile("testdata/shows.txt", []byte(got), 0o600))
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("image (-want +got):\n%s", d)
	}
}

func TestWhatComesLaterIsHidden(t *testing.T) {
	t.Parallel()
	ownMounts(t)
	root := plant(t, planted)
	s, err := image.OpenRoot(t.Context(), config(t), root)
	must(t, err)
	old := overlay(t, s)
	for _, dir := range []string{"/vault", "/var/lib/vault"} {
		must(t, os.Mkdir(root+dir, 0o755))
	}
	now := overlay(t, s)
	for _, dir := range []string{"/vault", "/var/lib/vault"} {
		if _, err := os.Stat(now + dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s shows: %v", dir, err)
		}
	}
	// A session that runs keeps what it was mounted from.
	if text, err := os.ReadFile(old + "/etc/skel/.bashrc"); err != nil || string(text) != "b" {
		t.Errorf("file of the old image: %q, %v", text, err)
	}
}

func TestOpenAgainAndClose(t *testing.T) {
	t.Parallel()
	ownMounts(t)
	c, root := config(t), plant(t, planted)
	var s *image.Store
	for range 3 {
		var err error
		s, err = image.OpenRoot(t.Context(), c, root)
		must(t, err)
	}
	mounted := overlay(t, s)
	for range 2 {
		must(t, s.Close())
	}
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	must(t, err)
	if strings.Contains(string(text), " "+c.RunDir) {
		t.Errorf("still mounted after Close:\n%s", text)
	}
	if _, err := os.Stat(mounted + "/etc/passwd"); err != nil {
		t.Errorf("a session lost its image: %v", err)
	}
}

func TestUsrMountedIsRefused(t *testing.T) {
	t.Parallel()
	ownMounts(t)
	root := plant(t, "usr/ 755\netc/passwd 644 x\netc/group 644 x")
	must(t, unix.Mount("usr", root+"/usr", "tmpfs", 0, ""))
	must(t, os.MkdirAll(root+"/usr/bin", 0o755))
	must(t, os.WriteFile(root+"/usr/bin/env", nil, 0o600))
	if _, err := image.OpenRoot(t.Context(), config(t), root); err == nil || !strings.Contains(err.Error(), "/usr is a file system of its own") {
		t.Errorf("Open with a mounted /usr: %v", err)
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	ownMounts(t)
	s, err := image.OpenRoot(t.Context(), config(t), plant(t, planted))
	must(t, err)
	got, err := s.List(t.Context())
	must(t, err)
	if d := cmp.Diff([]image.Image{{ID: image.HostID(), Name: "host", Platform: "LINUX"}}, got); d != "" {
		t.Errorf("List (-want +got):\n%s", d)
	}
	if !regexp.MustCompile(`^ami-[0-9a-f]{17}$`).MatchString(image.HostID()) {
		t.Errorf("HostID = %q", image.HostID())
	}
	if _, err := s.Lower(t.Context(), "ami-00000000000000000"); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("Lower of an unknown image: %v, want ErrNotFound", err)
	}
}

// TestFilesystems shows that both kinds of mask can do what an overlay with
// mapped ids asks of them.
func TestFilesystems(t *testing.T) {
	t.Parallel()
	ownMounts(t)
	for name, make := range image.Filesystems() {
		fd, err := make(t.Context())
		must(t, err)
		dir := t.TempDir()
		must(t, unix.MoveMount(fd, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH))
		must(t, unix.Close(fd))
		if left := tree(t, dir); strings.Count(left, "\n") != 1 {
			t.Errorf("a new %s is not empty:\n%s", name, left)
		}
		must(t, unix.Mknod(dir+"/hidden", unix.S_IFCHR, 0))
		must(t, os.Mkdir(dir+"/opaque", 0o755))
		must(t, unix.Setxattr(dir+"/opaque", "trusted.overlay.opaque", []byte("y"), 0))
		tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		must(t, err)
		err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{
			Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userNamespace(t).Fd()),
		})
		if err != nil {
			t.Errorf("map the ids of a %s: %v", name, err)
		}
		must(t, unix.Close(tree))
	}
}

func userNamespace(t *testing.T) *os.File {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sleep", "infinity")
	ids := []syscall.SysProcIDMap{{HostID: 1 << 20, Size: 1 << 16}}
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids}
	must(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", c.Process.Pid))
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// TestThisMachine opens the image of the machine the test runs on and works in it.
func TestThisMachine(t *testing.T) {
	t.Parallel()
	ownMounts(t)
	s, err := image.Open(t.Context(), config(t))
	must(t, err)
	root := overlay(t, s)
	must(t, unix.Mount("proc", root+"/proc", "proc", 0, ""))

	for _, dir := range []string{"root", "home", "tmp", "run", "mnt", "media", "srv", "boot", "sys", "dev"} {
		if left := tree(t, filepath.Join(root, dir)); strings.Count(left, "\n") != 1 {
			t.Errorf("/%s is not empty:\n%s", dir, left)
		}
	}
	shadow, err := os.ReadFile(root + "/etc/shadow")
	must(t, err)
	if strings.Contains(string(shadow), "$") {
		t.Error("/etc/shadow has password hashes")
	}
	for _, path := range []string{"/etc/ssh", "/etc/ssl/private", "/etc/docker", "/var/lib/docker", "/var/lib/postgresql", "/lost+found"} {
		if _, err := os.Lstat(root + path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s shows: %v", path, err)
		}
	}
	for _, c := range []struct{ run, want string }{
		{"getent passwd root", "root:x:0:0:"},
		{"dpkg -l dpkg", "ii  dpkg"},
		{"dpkg --audit", ""},
		{"useradd --create-home --uid 4321 anna && su anna -c 'cd && pwd'", "/home/anna"},
		{"printf 'echo hello' >/usr/local/bin/own && chmod +x /usr/local/bin/own && own", "hello"},
		{"ls /usr/share/zoneinfo/UTC && rm /usr/bin/env && ! test -e /usr/bin/env", ""},
	} {
		cmd := exec.CommandContext(t.Context(), "/bin/bash", "-c", c.run)
		cmd.Dir = "/"
		cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v\n%s", c.run, err, out)
		}
	}
}
