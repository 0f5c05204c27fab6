package image

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// accounts reduces the machine's accounts and groups to those the system
// brought, without passwords, remarks and members from elsewhere.
func (m *mask) accounts() ([]file, error) {
	users, err := m.systemLines("passwd", 7)
	if err != nil {
		return nil, err
	}
	groups, err := m.systemLines("group", 4)
	if err != nil {
		return nil, err
	}
	var passwd, shadow, group, gshadow strings.Builder
	known := make(map[string]bool)
	for _, u := range users {
		known[u[0]] = true
		fmt.Fprintf(&passwd, "%s:x:%s:%s::%s:%s\n", u[0], u[2], u[3], u[5], u[6])
		fmt.Fprintf(&shadow, "%s:*::0:99999:7:::\n", u[0])
	}
	shadowGroup := 0
	for _, g := range groups {
		var members []string
		for name := range strings.SplitSeq(g[3], ",") {
			if known[name] {
				members = append(members, name)
			}
		}
		list := strings.Join(members, ",")
		fmt.Fprintf(&group, "%s:x:%s:%s\n", g[0], g[2], list)
		fmt.Fprintf(&gshadow, "%s:*::%s\n", g[0], list)
		if g[0] == "shadow" {
			shadowGroup = number(g[2])
		}
	}
	return []file{
		{"passwd", passwd.String(), 0o644, 0},
		{"group", group.String(), 0o644, 0},
		{"shadow", shadow.String(), 0o640, shadowGroup},
		{"gshadow", gshadow.String(), 0o640, shadowGroup},
	}, nil
}

// systemLines returns the fields of the lines of a file of accounts whose number,
// the third field, is one of the system's own and not of a person.
func (m *mask) systemLines(name string, fields int) ([][]string, error) {
	text, err := os.ReadFile(filepath.Join(m.from, "etc", name))
	if err != nil {
		return nil, err
	}
	var all [][]string
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(f) != fields {
			continue
		}
		if n := number(f[2]); n >= 0 && n < 1000 || n == 65534 {
			all = append(all, f)
		}
	}
	return all, nil
}

// number is -1 for what is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}
