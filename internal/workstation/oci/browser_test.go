package oci_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestChromium: the browser that Debian ships opens a window, as the desktop's
// menu starts it.
func TestChromium(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"chromium", "xwininfo"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s", program)
		}
	}
	m := setup(t)
	spec := m.spec(t, "a")
	check(t, m.driver.Ensure(t.Context(), spec))
	m.user(t, "a", "/bin/sh", "-c", "HOME=/home/artist setsid chromium about:blank >/tmp/chromium.log 2>&1 &")
	windows := ""
	for end := time.Now().Add(time.Minute); !strings.Contains(windows, `"Chromium")`); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no window of Chromium:\n%s\n%s", windows, m.user(t, "a", "cat", "/tmp/chromium.log"))
		}
		windows = m.user(t, "a", "xwininfo", "-root", "-tree")
	}
	// It is one that the sandbox of workstations confines, as it does everything.
	if out, err := m.run(t, "a", "desktop", 1000, "unshare", "-Ur", "true"); err == nil {
		t.Errorf("a user namespace can be made: %s", out)
	}
}
