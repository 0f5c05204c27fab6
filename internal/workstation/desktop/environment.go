package desktop

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// variables reads KEY=value; the last of a key wins.
func variables(environment []string) map[string]string {
	env := make(map[string]string)
	for _, kv := range environment {
		if key, value, ok := strings.Cut(kv, "="); ok {
			env[key] = value
		}
	}
	return env
}

func setMissing(env map[string]string, key, value string) {
	if env[key] == "" && value != "" {
		env[key] = value
	}
}

// list writes KEY=value in the order of the keys.
func list(env map[string]string) []string {
	all := make([]string, 0, len(env))
	for _, key := range slices.Sorted(maps.Keys(env)) {
		all = append(all, key+"="+env[key])
	}
	return all
}

// find looks a program up in PATH; it returns "" when there is none.
func find(env map[string]string, program string) string {
	if strings.Contains(program, "/") {
		if executable(program) {
			return program
		}
		return ""
	}
	for _, dir := range filepath.SplitList(env["PATH"]) {
		if full := filepath.Join(dir, program); filepath.IsAbs(full) && executable(full) {
			return full
		}
	}
	return ""
}

func executable(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular() && fi.Mode().Perm()&0o111 != 0
}

// firstOf returns the first program there is.
func firstOf(env map[string]string, programs ...string) string {
	for _, p := range programs {
		if full := find(env, p); full != "" {
			return full
		}
	}
	return ""
}
