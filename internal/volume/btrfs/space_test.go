package btrfs_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/testkit"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/btrfs"
)

// fill writes a file of random bytes to the disk.
func fill(t testing.TB, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(f, rand.Reader, size); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// onDisk returns how much of the disk the loop file takes.
func onDisk(t *testing.T, dir string) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(dir, "volumes.btrfs"), &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}

// quotas returns the sysfs directory of a file system's quotas.
func quotas(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "btrfs", "filesystem", "show", "--raw", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, uuid, _ := strings.Cut(string(out), "uuid: ")
	uuid, _, _ = strings.Cut(uuid, "\n")
	return filepath.Join("/sys/fs/btrfs", uuid, "qgroups")
}

// quotaGroups returns the quota groups of a file system.
func quotaGroups(t *testing.T, dir string) []string {
	t.Helper()
	groups, err := filepath.Glob(filepath.Join(quotas(t, dir), "0_*"))
	if err != nil || len(groups) == 0 {
		t.Fatalf("quota groups %v, %v", groups, err)
	}
	return groups
}

// A deleted volume gives back everything: blocks of btrfs, blocks of the disk
// below the loop file, and its quota group.
func TestSpaceComesBack(t *testing.T) {
	t.Parallel()
	requireHost(t)
	c := btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}
	d := open(t, c)
	empty, groups := onDisk(t, c.Dir), len(quotaGroups(t, c.MountDir))
	const size = 64 << 20
	fill(t, filepath.Join(create(t, d, "v1", volume.Options{}), "f"), size)
	for _, step := range []error{
		d.Snapshot(t.Context(), "v1", "s1"),
		d.Create(t.Context(), "v2", volume.Options{FromSnapshot: "s1"}),
		d.Delete(t.Context(), "v1"),
		d.DeleteSnapshot(t.Context(), "s1"),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	if got := onDisk(t, c.Dir); got < empty+size {
		t.Errorf("the loop file takes %d bytes with a clone of %d in it", got, size)
	}
	if err := d.Delete(t.Context(), "v2"); err != nil {
		t.Fatal(err)
	}
	// The kernel does the same by itself, within minutes.
	eventually(t, "the quota groups are gone", func() bool {
		run(t, "btrfs", "filesystem", "sync", c.MountDir)
		return len(quotaGroups(t, c.MountDir)) == groups
	})
	run(t, "btrfs", "filesystem", "sync", c.MountDir)
	run(t, "fstrim", c.MountDir)
	if got := onDisk(t, c.Dir); got > empty+size/8 {
		t.Errorf("the loop file takes %d bytes, %d when it was new", got, empty)
	}
}

// A store that is tended gives back what sessions have deleted while it is open.
func TestTendGivesBack(t *testing.T) {
	t.Parallel()
	requireHost(t)
	c := btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}
	d := open(t, c)
	v1 := create(t, d, "v1", volume.Options{})
	const size = 256 << 20
	for range 2 {
		fill(t, filepath.Join(v1, "f"), size)
		full := onDisk(t, c.Dir)
		if err := os.Remove(filepath.Join(v1, "f")); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the disk has the room again", func() bool {
			run(t, "btrfs", "filesystem", "sync", c.MountDir)
			if err := d.Tend(t.Context()); err != nil {
				t.Error(err)
			}
			return onDisk(t, c.Dir) < full-size*3/4
		})
	}
}

// The loop file is larger than its disk, but nobody is promised more than that has.
func TestFreeIsBoundedByDisk(t *testing.T) {
	t.Parallel()
	requireHost(t)
	disk := t.TempDir()
	const size = 400 << 20
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=400m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Unmount(t, disk) })
	d := open(t, btrfs.Config{Dir: filepath.Join(disk, "store"), MountDir: t.TempDir()})
	before, err := d.Free(t.Context())
	if err != nil || before < size/2 || before > size-size/20 {
		t.Errorf("Free = %d, %v on a disk of %d", before, err, size)
	}
	fill(t, filepath.Join(disk, "of others"), 200<<20)
	if after, err := d.Free(t.Context()); err != nil || after > size-size/20-200<<20 {
		t.Errorf("Free = %d, %v after others took 200 MiB of a disk of %d", after, err, size)
	}
	host, err := volume.DiskOf(disk)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, filepath.Join(disk, "more of others"), host.Free-host.Reserve/2)
	if got, err := d.Free(t.Context()); err != nil || got != 0 {
		t.Errorf("Free = %d, %v on a full disk", got, err)
	}
}

// Who fills the store is told that there is no space left; the file system below
// everybody's volumes does not break, and has room again once he cleans up.
func TestFullDiskIsTheWritersOwnTrouble(t *testing.T) {
	t.Parallel()
	requireHost(t)
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1500m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Unmount(t, disk) })
	d := open(t, btrfs.Config{Dir: filepath.Join(disk, "store"), MountDir: t.TempDir()})
	guilty, innocent := create(t, d, "guilty", volume.Options{}), create(t, d, "innocent", volume.Options{})
	big, err := os.Create(filepath.Join(guilty, "big"))
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 8<<20); err == nil; {
		if _, err = big.Write(block); err == nil {
			err = big.Sync()
		}
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("filling the store: %v, want ENOSPC", err)
	}
	if err := big.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(big.Name()); err != nil {
		t.Fatal(err)
	}
	fill(t, filepath.Join(innocent, "after"), 64<<20)
}

// Others may take the disk to its last byte, before the store could become smaller:
// what a session writes is kept or refused, and the store goes on for everybody.
func TestDiskFullOfOthers(t *testing.T) {
	t.Parallel()
	requireHost(t)
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1500m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Unmount(t, disk) })
	d := open(t, btrfs.Config{Dir: filepath.Join(disk, "store"), MountDir: t.TempDir()})
	v1 := create(t, d, "v1", volume.Options{})
	others := filepath.Join(disk, "of others")
	if out, err := exec.CommandContext(t.Context(), "dd", "if=/dev/zero", "of="+others, "bs=64k").CombinedOutput(); err == nil {
		t.Fatalf("the disk took everything: %s", out)
	}
	kept := map[string]bool{}
	for n := range 300 {
		name, size := strconv.Itoa(n), 100
		if n%3 == 0 {
			size = 1 << 20
		}
		f, err := os.Create(filepath.Join(v1, name))
		if err == nil {
			_, err = f.Write(bytes.Repeat([]byte{byte(n)}, size))
			err = errors.Join(err, f.Sync(), f.Close())
		}
		kept[name] = err == nil
		if n%50 == 0 {
			if err := d.Tend(t.Context()); err != nil {
				t.Fatalf("after %d files: %v", n, err)
			}
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	must(d.Snapshot(t.Context(), "v1", "s1"))
	must(os.Remove(others))
	must(d.Tend(t.Context()))
	n := 0
	for name, was := range kept {
		if was {
			n++
			text, err := os.ReadFile(filepath.Join(v1, name))
			if number, _ := strconv.Atoi(name); err != nil || len(text) < 100 || text[len(text)-1] != byte(number) {
				t.Errorf("%s: %d bytes, %v", name, len(text), err)
			}
		}
	}
	t.Logf("%d of 300 files kept", n)
	if n < 150 {
		t.Errorf("%d files are kept: none of the small ones should have been refused", n)
	}
	fill(t, filepath.Join(v1, "after"), 64<<20)
	must(d.Create(t.Context(), "v2", volume.Options{FromSnapshot: "s1"}))
}

// On somebody else's btrfs quotas are not switched on.
func TestQuotasOfOthersStayAsTheyAre(t *testing.T) {
	t.Parallel()
	requireHost(t)
	host := filepath.Join(t.TempDir(), "host")
	mountBtrfs(t, host)
	d := open(t, btrfs.Config{Dir: filepath.Join(host, "store")})
	create(t, d, "v1", volume.Options{LimitBytes: 1 << 20})
	if u, err := d.Usage(t.Context(), "v1"); err != nil || u.LimitBytes != 0 {
		t.Errorf("%+v, %v; want no limit", u, err)
	}
	if out, err := exec.CommandContext(t.Context(), "btrfs", "qgroup", "show", host).CombinedOutput(); err == nil {
		t.Errorf("quotas are on: %s", out)
	}
	if _, err := os.Stat(filepath.Join(host, "store", "volumes.btrfs")); err == nil {
		t.Error("a loop file was made on btrfs")
	}
}

// The kernel may stop counting when something large is deleted; the next Create
// has it count anew, or limits would mean nothing from then on.
func TestQuotasAreMended(t *testing.T) {
	t.Parallel()
	requireHost(t)
	c := btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}
	d := open(t, c)
	dir := quotas(t, c.MountDir)
	if err := os.WriteFile(filepath.Join(dir, "drop_subtree_threshold"), []byte("0"), 0); err != nil {
		t.Skip("this kernel never stops counting:", err)
	}
	v1 := create(t, d, "v1", volume.Options{})
	for i := range 1000 { // more than one leaf of the tree holds
		if err := os.WriteFile(filepath.Join(v1, strconv.Itoa(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(d.Snapshot(t.Context(), "v1", "s1"), d.DeleteSnapshot(t.Context(), "s1")); err != nil {
		t.Fatal(err)
	}
	inconsistent := func() bool {
		got, err := os.ReadFile(filepath.Join(dir, "inconsistent"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(got)) != "0"
	}
	eventually(t, "the kernel gives up counting", func() bool {
		run(t, "btrfs", "filesystem", "sync", c.MountDir)
		return inconsistent()
	})
	create(t, d, "v2", volume.Options{})
	eventually(t, "the quotas are counted anew", func() bool { return !inconsistent() })
}

// A disk that has been made larger than the loop file ever was is used, also by
// sessions that run on.
func TestLoopFileGrows(t *testing.T) {
	t.Parallel()
	requireHost(t)
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1g"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Unmount(t, disk) })
	c := btrfs.Config{Dir: filepath.Join(disk, "store"), MountDir: t.TempDir()}
	d := open(t, c)
	v1 := create(t, d, "v1", volume.Options{})
	f, err := os.Create(filepath.Join(v1, "open"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before := fileSize(t, c.Dir)
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT, "size=300g"); err != nil {
		t.Fatal(err)
	}
	create(t, d, "v2", volume.Options{})
	if got := fileSize(t, c.Dir); got <= before || got < 300<<30 {
		t.Errorf("the loop file is %d bytes long, %d before", got, before)
	}
	free, err := d.Free(t.Context())
	if err != nil || free < 250<<30 || free > 290<<30 {
		t.Errorf("Free = %d, %v on a disk of 300 GiB", free, err)
	}
	if _, err := f.WriteString("still writing"); err != nil || f.Sync() != nil {
		t.Error(err)
	}
}

func fileSize(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "volumes.btrfs"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// When others take the disk the store becomes as small as what it holds allows,
// and large again when they go.
func TestStoreShrinksEarly(t *testing.T) {
	t.Parallel()
	requireHost(t)
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=3g"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Unmount(t, disk) })
	c := btrfs.Config{Dir: filepath.Join(disk, "store"), MountDir: t.TempDir()}
	d := open(t, c)
	size := func() int64 {
		t.Helper()
		s, err := volume.DiskOf(c.MountDir)
		if err != nil {
			t.Fatal(err)
		}
		return s.Bytes
	}
	v1 := create(t, d, "v1", volume.Options{})
	fill(t, filepath.Join(v1, "f"), 300<<20)
	whole := size()
	fill(t, filepath.Join(disk, "of others"), 1800<<20)
	if err := d.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := size(); got > whole-1500<<20 {
		t.Errorf("the store has %d bytes, %d before others took 1800 MiB", got, whole)
	}
	for range 2 { // there is no more to be had
		fill(t, filepath.Join(disk, "all the rest"), 300<<20)
		if err := d.Tend(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"of others", "all the rest"} {
		if err := os.Remove(filepath.Join(disk, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := size(); got < whole-256<<20 {
		t.Errorf("the store has %d bytes, %d at first", got, whole)
	}
}

// What the kernel had no time to give back is given back by the next server.
func TestOpenTrims(t *testing.T) {
	t.Parallel()
	requireHost(t)
	c := btrfs.Config{Dir: t.TempDir(), MountDir: t.TempDir()}
	d := open(t, c)
	const size = 128 << 20
	fill(t, filepath.Join(create(t, d, "v1", volume.Options{}), "f"), size)
	full := onDisk(t, c.Dir)
	run(t, "mount", "-o", "remount,nodiscard", c.MountDir)
	if err := d.Delete(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	run(t, "btrfs", "subvolume", "sync", c.MountDir)
	closeNow(t, d)
	detached(t, c.Dir)
	if got := onDisk(t, c.Dir); got < full-size/2 {
		t.Fatalf("the loop file takes %d bytes already, %d before", got, full)
	}
	open(t, c)
	if got := onDisk(t, c.Dir); got > full-size/2 {
		t.Errorf("the loop file takes %d bytes, %d before its volume was deleted", got, full)
	}
}
