package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/nftables"
)

// remains tells what is on the machine of an installation that no server runs of:
// sessions that run on, or what a server that died has left.
func remains(i installation, data string) []finding {
	mine := "backlot-" + i.ID
	processes, groups := cgroups(mine)
	things := map[string][]string{
		"network interfaces": matching("/sys/class/net/bl"+i.ID+"*", func(string) bool { return true }),
		"loop devices": matching("/sys/block/loop*/loop/backing_file", func(file string) bool {
			backing, err := os.ReadFile(file)
			return err == nil && strings.HasPrefix(string(backing), filepath.Clean(data)+"/")
		}),
		"control groups": groups,
		"mounts":         mountsBelow(i.runDir(), data),
		"nftables":       tables(mine),
	}
	var there []string
	for kind, list := range things {
		if len(list) > 0 {
			there = append(there, fmt.Sprintf("%d %s", len(list), kind))
		}
	}
	slices.Sort(there)
	switch {
	case processes > 0:
		return []finding{{
			"this machine", fmt.Sprintf("%d processes of sessions run, but no server does; there are also %s.", processes, strings.Join(there, ", ")),
			"Start the server, which finds them, or end them by `backlot down --data " + data + "`.", true,
		}}
	case len(there) > 0:
		return []finding{{
			"this machine", "A server has left " + strings.Join(there, ", ") + ".",
			"Start the server, which uses them again, or take them away by `backlot down --data " + data + "`.", true,
		}}
	default:
		return nil
	}
}

func matching(pattern string, is func(path string) bool) []string {
	all, _ := filepath.Glob(pattern) // the pattern is a good one
	return slices.DeleteFunc(all, func(path string) bool { return !is(path) })
}

// cgroups finds the installation's, of either version, and counts their processes.
func cgroups(mine string) (processes int, groups []string) {
	pids, lists := map[string]bool{}, []string{}
	for _, pattern := range []string{"/sys/fs/cgroup/" + mine, "/sys/fs/cgroup/*/" + mine} {
		roots, _ := filepath.Glob(pattern) // the pattern is a good one
		for _, root := range roots {
			groups = append(groups, root)
			_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
				if err == nil && e.Name() == "cgroup.procs" {
					lists = append(lists, path)
				}
				return nil // what vanishes meanwhile is gone
			})
		}
	}
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for pid := range strings.FieldsSeq(string(text)) {
			pids[pid] = true
		}
	}
	return len(pids), groups
}

func mountsBelow(dirs ...string) (found []string) {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		for _, dir := range dirs {
			if len(fields) > 4 && strings.HasPrefix(fields[4], filepath.Clean(dir)+"/") {
				found = append(found, fields[4])
			}
		}
	}
	return found
}

func tables(mine string) (found []string) {
	all, err := (&nftables.Conn{}).ListTables()
	if err != nil {
		return nil // a machine without has none
	}
	for _, t := range all {
		if t.Name == mine {
			found = append(found, t.Name)
		}
	}
	return found
}
