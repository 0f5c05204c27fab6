package oci_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/testkit"
	"github.com/backlot/backlot/internal/workstation"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	m := setup(t)
	spec := m.spec(t, "a")
	spec.Limits = workstation.Limits{CPUs: 0.5, MemoryBytes: 256 << 20, Processes: 50}
	check(t, m.driver.Ensure(t.Context(), spec))

	if out := m.user(t, "a", "/run/backlot/init", "grow", "100"); !strings.Contains(out, "took") {
		t.Errorf("100 MiB of 256: %s", out)
	}
	if out, err := m.run(t, "a", "desktop", 1000, "/run/backlot/init", "grow", "400"); err == nil {
		t.Errorf("400 MiB of 256: %s", out)
	}
	// Shared memory and /tmp are memory, too.
	if out, err := m.run(t, "a", "desktop", 1000, "/bin/dd", "if=/dev/zero", "of=/dev/shm/big", "bs=1M", "count=200"); err == nil {
		t.Errorf("200 MiB in /dev/shm, of 256 MiB: %s", out)
	}
	n, err := strconv.Atoi(strings.TrimSpace(m.user(t, "a", "/run/backlot/init", "spawn", "100")))
	check(t, err)
	if n < 10 || n > 49 {
		t.Errorf("%d more processes, of 50", n)
	}
	if got := strings.TrimSpace(m.user(t, "a", "nproc")); got != "1" {
		t.Errorf("nproc says %s", got)
	}
	start, before := time.Now(), cpuTime(t, m, "a")
	_, _ = m.run(t, "a", "desktop", 1000, "timeout", "1", "/bin/sh", "-c", "while :; do :; done")
	if used, took := cpuTime(t, m, "a")-before, time.Since(start); used > took*6/10 {
		t.Errorf("half a core did %v of work in %v", used, took)
	}
	for name, want := range map[string]string{"cpu.cfs_quota_us": "50000", "pids.max": "50", "memory.limit_in_bytes": strconv.Itoa(256 << 20)} {
		if m.driver.Host().CgroupVersion != 1 {
			break
		}
		if got := strings.TrimSpace(cgroupFile(t, m, "a", "desktop", name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	// The sandbox is still there.
	m.expectState(t, "a", workstation.Running)
}

func TestNoLimits(t *testing.T) {
	t.Parallel()
	m := setup(t)
	check(t, m.driver.Ensure(t.Context(), m.spec(t, "a")))
	if got := strings.TrimSpace(m.user(t, "a", "nproc")); got != strconv.Itoa(runtime.NumCPU()) {
		t.Errorf("nproc says %s", got)
	}
	m.user(t, "a", "/bin/dd", "if=/dev/zero", "of=/dev/shm/big", "bs=1M", "count=200")
	// The sidecars have limits of their own.
	for _, part := range []string{"display", "streamer"} {
		if m.driver.Host().CgroupVersion == 1 && len(cgroupFile(t, m, "a", part, "memory.limit_in_bytes")) > 12 {
			t.Errorf("%s: memory is not limited", part)
		}
	}
}

// TestDiskLimits runs on a btrfs loop device, as volumes usually do.
func TestDiskLimits(t *testing.T) {
	t.Parallel()
	m := setup(t)
	dir := btrfs(t, filepath.Join(t.TempDir(), "disk"))
	spec := m.spec(t, "a")
	spec.Volume = filepath.Join(dir, "volume")
	check(t, os.Mkdir(spec.Volume, 0o755))
	spec.Limits = workstation.Limits{IOPS: 300, BytesPerSecond: 20 << 20}
	check(t, m.driver.Ensure(t.Context(), spec))
	if m.driver.Host().CgroupVersion == 1 {
		for name, want := range map[string]string{
			"blkio.throttle.read_bps_device": " 20971520", "blkio.throttle.write_bps_device": " 20971520",
			"blkio.throttle.read_iops_device": " 300", "blkio.throttle.write_iops_device": " 300",
		} {
			if got := cgroupFile(t, m, "a", "desktop", name); !strings.HasPrefix(got, "7:") || !strings.HasSuffix(strings.TrimSpace(got), want) {
				t.Errorf("%s is %q, want%s", name, got, want)
			}
		}
	}
	start := time.Now()
	m.user(t, "a", "/bin/dd", "if=/dev/zero", "of=/home/artist/big", "bs=1M", "count=20", "oflag=direct")
	if took := time.Since(start); took < 700*time.Millisecond {
		t.Errorf("20 MiB at 20 MiB/s took %v", took)
	}
	check(t, m.driver.Remove(t.Context(), "a"))
}

// cgroupFile reads a control file of a part, in all hierarchies that have it.
func cgroupFile(t testing.TB, m *machine, id, part, name string) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range m.driver.CgroupDirs() {
		if strings.HasSuffix(dir, "/"+id+"/"+part) {
			if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
				all.Write(text)
			}
		}
	}
	return all.String()
}

// cpuTime is what a desktop has used so far.
func cpuTime(t testing.TB, m *machine, id string) time.Duration {
	t.Helper()
	found := regexp.MustCompile(`usage_usec (\d+)`).FindStringSubmatch(cgroupFile(t, m, id, "desktop", "cpu.stat"))
	if found == nil {
		t.Skip("needs cpu.stat")
	}
	n, err := strconv.ParseInt(found[1], 10, 64)
	check(t, err)
	return time.Duration(n) * time.Microsecond
}

// btrfs makes a file system in a file and mounts it.
func btrfs(t testing.TB, dir string) string {
	t.Helper()
	if _, err := exec.LookPath("mkfs.btrfs"); err != nil {
		t.Skip("needs btrfs-progs")
	}
	file := dir + ".img"
	check(t, os.WriteFile(file, nil, 0o600))
	check(t, os.Truncate(file, 512<<20))
	check(t, os.Mkdir(dir, 0o755))
	for _, cmd := range [][]string{{"mkfs.btrfs", "-q", file}, {"mount", "-o", "loop", file, dir}} {
		if out, err := exec.CommandContext(t.Context(), cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			t.Skipf("needs btrfs in a loop file: %v: %v: %s", cmd, err, out)
		}
	}
	t.Cleanup(func() { testkit.Unmount(t, dir) })
	return dir
}
