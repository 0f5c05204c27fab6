package btrfs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/testkit"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/btrfs"
)

// loopDevices returns the loop devices the store's file is attached to.
func loopDevices(t *testing.T, dir string) (devices []string) {
	t.Helper()
	var file unix.Stat_t
	if err := unix.Stat(filepath.Join(dir, "volumes.btrfs"), &file); err != nil {
		t.Fatal(err)
	}
	inUse, err := filepath.Glob("/sys/block/loop*/loop")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range inUse {
		name := "/dev/" + filepath.Base(filepath.Dir(path))
		device, err := os.Open(name)
		if err != nil {
			continue
		}
		info, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
		if err == nil && info.Inode == file.Ino && info.Device == file.Dev {
			devices = append(devices, name)
		}
		_ = device.Close()
	}
	return devices
}

func detached(t *testing.T, dir string) {
	t.Helper()
	eventually(t, "the loop device is detached", func() bool { return len(loopDevices(t, dir)) == 0 })
}

// close closes a driver before the test ends.
func closeNow(t *testing.T, d *btrfs.Driver) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, d volume.Driver, id string, o volume.Options) (dir string) {
	t.Helper()
	if err := d.Create(t.Context(), id, o); err != nil {
		t.Fatal(err)
	}
	dir, err := d.Mount(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	requireHost(t)
	c := btrfs.Config{Dir: t.TempDir(), MountDir: filepath.Join(t.TempDir(), "m")}
	d := open(t, c)
	create(t, d, "v1", volume.Options{})
	if got := loopDevices(t, c.Dir); len(got) != 1 {
		t.Fatalf("attached to %v, want one loop device", got)
	}
	for range 2 {
		closeNow(t, d)
	}
	detached(t, c.Dir)
	if left, err := os.ReadDir(c.MountDir); err != nil || len(left) != 0 {
		t.Errorf("mount point holds %v, %v after Close", left, err)
	}
}

func TestCloseWhileInUse(t *testing.T) {
	t.Parallel()
	requireHost(t)
	c := btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}
	d := open(t, c)
	f, err := os.Create(filepath.Join(create(t, d, "v1", volume.Options{}), "open"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); !errors.Is(err, unix.EBUSY) {
		t.Errorf("Close with an open file: %v, want EBUSY", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	closeNow(t, d)
	detached(t, c.Dir)
}

// A sandbox that runs on holds the file system after the server and its mount are
// gone. The next server must come in by the same loop device.
func TestSandboxHoldsStore(t *testing.T) {
	t.Parallel()
	requireHost(t)
	parent, sandbox := t.TempDir(), t.TempDir()
	c := btrfs.Config{Dir: filepath.Join(parent, "before"), MountDir: t.TempDir()}
	first := open(t, c)
	if err := unix.Mount(create(t, first, "v1", volume.Options{}), sandbox, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(sandbox, 0) })
	closeNow(t, first)
	before := loopDevices(t, c.Dir)

	// Neither its own mount point nor the file's name tells the next one.
	c = btrfs.Config{Dir: filepath.Join(parent, "after"), MountDir: t.TempDir()}
	if err := os.Rename(filepath.Join(parent, "before"), c.Dir); err != nil {
		t.Fatal(err)
	}
	second := open(t, c)
	if got := loopDevices(t, c.Dir); len(got) != 1 || got[0] != before[0] {
		t.Fatalf("attached to %v, want only %v as before", got, before)
	}
	if err := os.WriteFile(filepath.Join(sandbox, "f"), []byte("from the sandbox"), 0o600); err != nil {
		t.Fatal(err)
	}
	v1, err := second.Mount(t.Context(), "v1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(v1, "f")); err != nil || string(got) != "from the sandbox" {
		t.Errorf("read %q, %v", got, err)
	}
	closeNow(t, second)
	if got := loopDevices(t, c.Dir); len(got) != 1 {
		t.Errorf("attached to %v while the sandbox runs, want one loop device", got)
	}
	testkit.Unmount(t, sandbox)
	detached(t, c.Dir)
}

func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	requireHost(t)
	dir := t.TempDir()
	mounts := []string{t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()}
	var wg sync.WaitGroup
	for _, mountDir := range mounts {
		wg.Go(func() {
			d, err := btrfs.Open(t.Context(), btrfs.Config{Dir: dir, MountDir: mountDir}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() {
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
	wg.Wait()
	if got := loopDevices(t, dir); len(got) != 1 {
		t.Errorf("attached to %v, want one loop device", got)
	}
}

// A server killed outside a mount namespace of its own leaves its mount.
func TestMountIsThereAlready(t *testing.T) {
	t.Parallel()
	requireHost(t)
	c := btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}
	create(t, open(t, c), "v1", volume.Options{})
	again := open(t, c)
	if _, err := again.Mount(t.Context(), "v1"); err != nil {
		t.Error(err)
	}
	closeNow(t, again)
	detached(t, c.Dir)
}

func TestOpenSweeps(t *testing.T) {
	t.Parallel()
	requireHost(t)
	c := btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}
	d := open(t, c)
	dir := filepath.Join(create(t, d, "v1", volume.Options{}), "f")
	if err := os.WriteFile(dir, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(c.MountDir, "new")
	run(t, "btrfs", "subvolume", "create", filepath.Join(left, "empty"))
	run(t, "btrfs", "subvolume", "snapshot", filepath.Join(c.MountDir, "volumes", "v1"), filepath.Join(left, "full"))
	open(t, c)
	if got, err := os.ReadDir(left); err != nil || len(got) != 0 {
		t.Errorf("%v, %v are left in %s", got, err, left)
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	requireHost(t)
	t.Run("not a file system", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "volumes.btrfs"), make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := btrfs.Open(t.Context(), btrfs.Config{Dir: dir, MountDir: t.TempDir()}, slog.New(slog.DiscardHandler))
		if !errors.Is(err, unix.EINVAL) {
			t.Errorf("%v, want EINVAL from mount", err)
		}
		detached(t, dir)
	})
	t.Run("nowhere to mount", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if _, err := btrfs.Open(t.Context(), btrfs.Config{Dir: dir}, slog.New(slog.DiscardHandler)); err == nil {
			t.Error("no error")
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := btrfs.Open(ctx, btrfs.Config{Dir: dir, MountDir: t.TempDir()}, slog.New(slog.DiscardHandler))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "volumes.btrfs*")); err != nil || len(left) != 0 {
			t.Errorf("%v are left", left)
		}
	})
}

func TestOpenWithoutMkfs(t *testing.T) {
	requireHost(t)
	t.Setenv("PATH", t.TempDir())
	_, err := btrfs.Open(t.Context(), btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "btrfs-progs") {
		t.Errorf("%v, want an error that says what to install", err)
	}
}

// An mkfs that outlives its server never gets at what the next server makes.
func TestUnfinishedLoopFiles(t *testing.T) {
	requireHost(t)
	mkfs, err := exec.LookPath("mkfs.btrfs")
	if err != nil {
		t.Fatal(err)
	}
	bin, called := t.TempDir(), filepath.Join(t.TempDir(), "called")
	script := `#!/bin/sh
for file; do :; done
echo "$file" >>` + called + `
[ "$(wc -l <` + called + `)" -gt 1 ] && exec ` + mkfs + ` "$@"
echo left >"$file.more"
exit 1
`
	if err := os.WriteFile(filepath.Join(bin, "mkfs.btrfs"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	c := btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}
	if _, err := btrfs.Open(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil {
		t.Fatal("opened though mkfs failed")
	}
	open(t, c)
	targets, err := os.ReadFile(called)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Fields(string(targets)); len(lines) != 2 || lines[0] == lines[1] {
		t.Errorf("mkfs was to write to %v, want two files", lines)
	}
	if left, err := filepath.Glob(filepath.Join(c.Dir, "volumes.btrfs.*")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// What a verb has done is on the disk when it returns: the loop file, copied as a
// power cut would leave it, has it.
func TestSurvivesPowerCut(t *testing.T) {
	t.Parallel()
	requireHost(t)
	c := btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}
	d := open(t, c)
	const limit = 50 << 20
	v1 := create(t, d, "v1", volume.Options{LimitBytes: limit})
	afterCut(t, c, func(cut *btrfs.Driver) {
		if u, err := cut.Usage(t.Context(), "v1"); err != nil || u.LimitBytes != limit {
			t.Errorf("v1: %+v, %v; want a limit of %d", u, err, limit)
		}
	})
	if err := os.WriteFile(filepath.Join(v1, "f"), []byte("never synced"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Snapshot(t.Context(), "v1", "s1"); err != nil {
		t.Fatal(err)
	}
	afterCut(t, c, func(cut *btrfs.Driver) {
		v2 := create(t, cut, "v2", volume.Options{FromSnapshot: "s1"})
		if got, err := os.ReadFile(filepath.Join(v2, "f")); err != nil || string(got) != "never synced" {
			t.Errorf("read %q, %v", got, err)
		}
	})
	create(t, d, "v3", volume.Options{FromSnapshot: "s1", LimitBytes: limit + 1})
	afterCut(t, c, func(cut *btrfs.Driver) {
		if u, err := cut.Usage(t.Context(), "v3"); err != nil || u.LimitBytes != limit+1 {
			t.Errorf("v3: %+v, %v; want a limit of %d", u, err, limit+1)
		}
	})
}

// A copied data directory is refused while the original is in use.
func TestCopyOfStore(t *testing.T) {
	t.Parallel()
	requireHost(t)
	c := btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}
	open(t, c)
	dir := t.TempDir()
	run(t, "cp", "--sparse=always", filepath.Join(c.Dir, "volumes.btrfs"), dir)
	_, err := btrfs.Open(t.Context(), btrfs.Config{Dir: dir, MountDir: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "btrfstune") {
		t.Errorf("%v, want an error that says how to tell them apart", err)
	}
	detached(t, dir)
}

// afterCut opens a copy of the store as it is on the disk at this moment.
func afterCut(t *testing.T, c btrfs.Config, check func(*btrfs.Driver)) {
	t.Helper()
	dir := t.TempDir()
	image := filepath.Join(dir, "volumes.btrfs")
	run(t, "cp", "--sparse=always", filepath.Join(c.Dir, "volumes.btrfs"), image)
	run(t, "btrfstune", "-f", "-u", image) // the kernel takes two of one id for one
	d := open(t, btrfs.Config{Dir: dir, MountDir: t.TempDir()})
	check(d)
	closeNow(t, d)
}

// What a running desktop wrote in order is in the snapshot in order, also across
// files.
func TestSnapshotKeepsOrderAcrossFiles(t *testing.T) {
	t.Parallel()
	requireHost(t)
	d := open(t, btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()})
	dir := create(t, d, "v1", volume.Options{})
	ctx, stop := context.WithCancel(t.Context())
	started := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		files := [2]*os.File{}
		for i := range files {
			f, err := os.Create(filepath.Join(dir, string(rune('a'+i))))
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			files[i] = f
		}
		for n := 0; ctx.Err() == nil; n++ {
			for _, f := range files {
				if _, err := io.WriteString(f, "0123456789\n"); err != nil {
					t.Error(err)
				}
				if err := f.Sync(); err != nil {
					t.Error(err)
				}
			}
			if n == 0 {
				close(started)
			}
		}
	})
	<-started
	for i := range 15 {
		id := string(rune('a' + i))
		if err := d.Snapshot(t.Context(), "v1", id); err != nil {
			t.Fatal(err)
		}
		clone := create(t, d, "c"+id, volume.Options{FromSnapshot: id})
		var sizes [2]int64
		for i := range sizes {
			info, err := os.Stat(filepath.Join(clone, string(rune('a'+i))))
			if err != nil {
				t.Fatal(err)
			}
			sizes[i] = info.Size()
		}
		if ahead := sizes[0] - sizes[1]; ahead != 0 && ahead != 11 {
			t.Errorf("snapshot %d: first file %d bytes, second %d", i, sizes[0], sizes[1])
		}
	}
	stop()
	wg.Wait()
}

// lastWords fills the disk below the store and writes to it until the kernel gives
// it up: when the file system needs more for itself than was set aside.
func lastWords(t *testing.T, d *btrfs.Driver, dir, disk string) {
	t.Helper()
	others, err := os.Create(filepath.Join(disk, "of others"))
	if err != nil {
		t.Fatal(err)
	}
	defer others.Close()
	for err = nil; err == nil; {
		_, err = others.Write(make([]byte, 1<<20))
	}
	for n := 0; ; n++ {
		_, err := d.Free(t.Context())
		if errors.Is(err, volume.ErrReadOnly) {
			return
		}
		if n > 200 || err != nil {
			t.Fatalf("Free after %d times 1000 files on a full disk: %v", n, err)
		}
		for i := range 1000 {
			_ = os.WriteFile(filepath.Join(dir, fmt.Sprint(n, "-", i)), make([]byte, 2000), 0o600) // stopped any time
		}
		_ = exec.CommandContext(t.Context(), "btrfs", "filesystem", "sync", dir).Run() // in vain, in the end
	}
}

// A file system that stopped after an error of its disk says so in every verb, and
// comes back when the server is started again and the disk has room.
func TestStoppedStore(t *testing.T) {
	t.Parallel()
	requireHost(t)
	disk, sandbox := t.TempDir(), t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=700m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Unmount(t, disk) })
	c := btrfs.Config{Dir: filepath.Join(disk, "store"), MountDir: t.TempDir()}
	d := open(t, c)
	v1 := create(t, d, "v1", volume.Options{})
	if err := os.WriteFile(filepath.Join(v1, "f"), []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Snapshot(t.Context(), "v1", "s1"); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(v1, sandbox, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(sandbox, 0) })
	lastWords(t, d, v1, disk)
	_, mountErr := d.Mount(t.Context(), "v1")
	_, freeErr := d.Free(t.Context())
	for verb, err := range map[string]error{
		"Create":         d.Create(t.Context(), "v2", volume.Options{}),
		"Snapshot":       d.Snapshot(t.Context(), "v1", "s2"),
		"Delete":         d.Delete(t.Context(), "v1"),
		"DeleteSnapshot": d.DeleteSnapshot(t.Context(), "s1"),
		"Mount":          mountErr,
		"Free":           freeErr,
		"Tend":           d.Tend(t.Context()),
	} {
		if !errors.Is(err, volume.ErrReadOnly) {
			t.Errorf("%s: %v, want ErrReadOnly", verb, err)
		}
	}
	// What is there can still be fetched.
	if s1, err := d.MountSnapshot(t.Context(), "s1"); err != nil {
		t.Error(err)
	} else if got, err := os.ReadFile(filepath.Join(s1, "f")); err != nil || string(got) != "kept" {
		t.Errorf("read %q, %v", got, err)
	}

	// A session that runs on keeps it as it is, but that is said.
	if _, err := btrfs.Open(t.Context(), c, slog.New(slog.DiscardHandler)); !errors.Is(err, volume.ErrReadOnly) {
		t.Errorf("open while a session runs: %v, want ErrReadOnly", err)
	}
	if err := os.Remove(filepath.Join(disk, "of others")); err != nil {
		t.Fatal(err)
	}
	testkit.Unmount(t, sandbox)
	again := open(t, c)
	v1, err := again.Mount(t.Context(), "v1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(v1, "f")); err != nil || string(got) != "kept" {
		t.Errorf("read %q, %v", got, err)
	}
	create(t, again, "v2", volume.Options{FromSnapshot: "s1"})
	if err := os.WriteFile(filepath.Join(v1, "after"), []byte("writes again"), 0o600); err != nil {
		t.Error(err)
	}
}
