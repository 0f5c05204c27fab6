package oci

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
)

// What the sidecars may take. They are not the user's programs, but the user's
// programs drive them: pixmaps are the X server's memory.
const (
	displayMemory    = 1 << 30
	streamerMemory   = 1 << 30 // four screens of 3840 x 2160 in full colour take 704 MiB
	sidecarProcesses = 256
)

const (
	cpuPeriod = 100_000 // µs
	// The picture must stay alive while the desktop computes.
	sidecarShares, desktopShares = 8192, 1024
)

func (d *Driver) sidecarResources(memory int64) *specs.LinuxResources {
	return &specs.LinuxResources{
		Devices: noDevices(),
		CPU:     &specs.LinuxCPU{Shares: new(uint64(sidecarShares))},
		Memory:  d.memory(memory),
		Pids:    &specs.LinuxPids{Limit: new(int64(sidecarProcesses))},
	}
}

// desktopResources are the limits of a sandbox. slot is the number of its range
// of ids, used to spread sandboxes over the cores.
func (d *Driver) desktopResources(l workstation.Limits, volume string, slot int) *specs.LinuxResources {
	r := &specs.LinuxResources{Devices: noDevices(), CPU: &specs.LinuxCPU{Shares: new(uint64(desktopShares))}}
	if l.CPUs > 0 {
		r.CPU.Period = new(uint64(cpuPeriod))
		r.CPU.Quota = new(max(int64(l.CPUs*cpuPeriod), 1000)) // the kernel takes no less than 1 ms
		r.CPU.Cpus = pickCores(allowedCores(), int(math.Ceil(l.CPUs)), slot)
	}
	if l.MemoryBytes > 0 {
		r.Memory = d.memory(l.MemoryBytes)
	}
	if l.Processes > 0 {
		r.Pids = &specs.LinuxPids{Limit: new(l.Processes)}
	}
	if l.IOPS > 0 || l.BytesPerSecond > 0 {
		r.BlockIO = throttle(l, volume)
	}
	return r
}

// noDevices forbids every device; runc itself adds null, zero, random and the
// like, and terminals.
func noDevices() []specs.LinuxDeviceCgroup {
	return []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}
}

// memory limits memory, and swap as far as the kernel can count it.
func (d *Driver) memory(bytes int64) *specs.LinuxMemory {
	m := &specs.LinuxMemory{Limit: &bytes}
	if d.cgroups.swap {
		m.Swap = &bytes // memory and swap together
	}
	return m
}

func throttle(l workstation.Limits, volume string) *specs.LinuxBlockIO {
	major, minor, ok := diskBelow(volume)
	if !ok {
		return nil
	}
	rate := func(n int64) []specs.LinuxThrottleDevice {
		if n <= 0 {
			return nil
		}
		t := specs.LinuxThrottleDevice{Rate: uint64(n)}
		t.Major, t.Minor = major, minor
		return []specs.LinuxThrottleDevice{t}
	}
	return &specs.LinuxBlockIO{
		ThrottleReadBpsDevice:   rate(l.BytesPerSecond),
		ThrottleWriteBpsDevice:  rate(l.BytesPerSecond),
		ThrottleReadIOPSDevice:  rate(l.IOPS),
		ThrottleWriteIOPSDevice: rate(l.IOPS),
	}
}

// pickCores chooses n of the cores, so that programs count as many as they can
// use; "" when there are no more than n.
func pickCores(cores []int, n, slot int) string {
	if n >= len(cores) {
		return ""
	}
	words := make([]string, n)
	for i := range words {
		words[i] = strconv.Itoa(cores[(slot*n+i)%len(cores)])
	}
	return strings.Join(words, ",")
}

// allowedCores are the cores this process may run on.
func allowedCores() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	var cores []int
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			cores = append(cores, i)
		}
	}
	return cores
}

// halfOfMemory is how large /dev/shm and /tmp may each grow: half of what the
// desktop has, so that who fills one is told, and not ended.
// Browsers and renderers need more than the usual 64 MiB.
func halfOfMemory(l workstation.Limits) string {
	if l.MemoryBytes <= 0 {
		return "size=50%"
	}
	return fmt.Sprintf("size=%d", max(l.MemoryBytes/2, int64(os.Getpagesize())))
}
