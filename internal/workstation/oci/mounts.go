package oci

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mount is a line of /proc/self/mountinfo.
type mount struct {
	point, fsType, source, superOptions string
}

func mountPoints() ([]mount, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var all []mount
	for line := range strings.Lines(string(text)) {
		left, right, _ := strings.Cut(line, " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if len(l) < 5 || len(r) < 3 {
			continue
		}
		all = append(all, mount{point: unescape(l[4]), fsType: r[0], source: unescape(r[1]), superOptions: r[2]})
	}
	return all, nil
}

// unescape undoes the \ooo that mountinfo writes for blanks.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// diskBelow finds the whole disk a directory lies on: throttles hold for whole
// disks only. ok is false when there is none, as on tmpfs or a network.
func diskBelow(dir string) (major, minor int64, ok bool) {
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil {
		return 0, 0, false
	}
	dev := st.Dev
	if unix.Major(dev) == 0 {
		// btrfs shows made-up device numbers; the mount knows the real one.
		mounts, err := mountPoints()
		if err != nil {
			return 0, 0, false
		}
		source, longest := "", 0
		for _, m := range mounts {
			below := m.point == "/" || dir == m.point || strings.HasPrefix(dir, m.point+"/")
			if below && len(m.point) >= longest {
				source, longest = m.source, len(m.point)
			}
		}
		if unix.Stat(source, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
			return 0, 0, false
		}
		dev = st.Rdev
	}
	sys, err := filepath.EvalSymlinks(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(dev), unix.Minor(dev)))
	if err != nil {
		return 0, 0, false
	}
	if _, err := os.Stat(filepath.Join(sys, "partition")); err == nil {
		sys = filepath.Dir(sys)
	}
	number, err := os.ReadFile(filepath.Join(sys, "dev"))
	if err != nil {
		return 0, 0, false
	}
	if _, err := fmt.Sscanf(string(number), "%d:%d", &major, &minor); err != nil {
		return 0, 0, false
	}
	return major, minor, true
}
