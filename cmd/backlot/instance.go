package main

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/studio"
)

const mib = 1 << 20

// sizes is how many eighths of the machine a type may take: as EC2's sizes stand
// to each other, the largest ones the whole of it.
var sizes = map[string]float64{
	"g3s.xlarge": 1, "g3.4xlarge": 4,
	"g4dn.xlarge": 1, "g4dn.2xlarge": 2, "g4dn.4xlarge": 4, "g4dn.8xlarge": 8, "g4dn.12xlarge": 8, "g4dn.16xlarge": 8,
	"g5.xlarge": 1, "g5.2xlarge": 2, "g5.4xlarge": 4, "g5.8xlarge": 8, "g5.16xlarge": 8,
}

// instanceTypes are all types the API knows, scaled to this machine, those of
// the configuration as it says, and what sessions may take together.
func instanceTypes(configured []config.InstanceType) ([]studio.InstanceType, studio.Capacity, error) {
	memory, err := machineMemory()
	if err != nil {
		return nil, studio.Capacity{}, err
	}
	cpus := float64(runtime.NumCPU())
	types := map[string]studio.InstanceType{}
	for name, eighths := range sizes {
		// Even the smallest may use two processors and 2 GiB where there are any:
		// desktops rest most of the time.
		t := studio.InstanceType{
			Name:        name,
			CPUs:        max(min(cpus, 2), cpus*eighths/8),
			MemoryBytes: max(min(memory/2, 2048*mib), int64(float64(memory)*eighths/8)),
		}
		t.Reserved = studio.Capacity{CPUs: cpus * eighths / 8 / 2, MemoryBytes: int64(float64(memory) * eighths / 8 / 2)}
		types[name] = t
	}
	for _, c := range configured {
		if _, ok := sizes[c.Name]; !ok {
			return nil, studio.Capacity{}, fmt.Errorf("instance_types: there is no type %q; known are %s", c.Name, strings.Join(slices.Sorted(maps.Keys(sizes)), ", "))
		}
		bytes := c.MemoryMiB * mib
		types[c.Name] = studio.InstanceType{
			Name: c.Name, CPUs: c.CPUs, MemoryBytes: bytes,
			Reserved: studio.Capacity{CPUs: c.CPUs * c.Reserved, MemoryBytes: int64(float64(bytes) * c.Reserved)},
		}
	}
	return slices.SortedFunc(maps.Values(types), func(a, b studio.InstanceType) int { return strings.Compare(a.Name, b.Name) }),
		studio.Capacity{CPUs: cpus, MemoryBytes: memory - memory/16}, nil
}

// machineMemory is the memory of the machine in bytes.
func machineMemory() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read the size of memory: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), "MemTotal:")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0, fmt.Errorf("read the size of memory: /proc/meminfo has no MemTotal")
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the size of memory: %w", err)
	}
	return kib << 10, nil
}
