package oci_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/backlot/backlot/internal/workstation/oci"
)

// TestMain lets the test binary play, besides itself, the programs the driver
// starts, and a server that dies.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "init":
		os.Exit(playInit(os.Args[1:]))
	case "streamer":
		os.Exit(playStreamer())
	}
	if role := os.Getenv("BACKLOT_TEST_SERVER"); role != "" {
		os.Exit(playServer(context.Background(), role))
	}
	const private = "BACKLOT_TEST_PRIVATE"
	if os.Getuid() == 0 && os.Getenv(private) == "" {
		// As the server does: a mount namespace of its own, entered by exec. What
		// tests mount is gone when they are.
		runtime.LockOSThread()
		if err := oci.MountPrivately(); err != nil {
			fmt.Fprintln(os.Stderr, "private mounts:", err)
			os.Exit(1)
		}
		err := syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), private+"=1"))
		fmt.Fprintln(os.Stderr, "exec:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
