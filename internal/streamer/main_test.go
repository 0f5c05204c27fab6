package streamer_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/backlot/backlot/internal/streamer"
)

// TestMain is also the streamer: the tests run it as a process of its own, as in
// real life, by starting themselves again with BACKLOT_STREAMER_SOCKET set.
func TestMain(m *testing.M) {
	if os.Getenv("BACKLOT_STREAMER_SOCKET") != "" {
		os.Exit(stream())
	}
	os.Exit(test(m))
}

func stream() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := streamer.Run(ctx, streamer.Config{
		Display:        os.Getenv("DISPLAY"),
		Socket:         os.Getenv("BACKLOT_STREAMER_SOCKET"),
		CredentialFile: os.Getenv("BACKLOT_STREAMER_CREDENTIAL_FILE"),
		Session:        os.Getenv("BACKLOT_STREAMER_SESSION"),
		Input:          os.Getenv("BACKLOT_STREAMER_INPUT"),
		Clipboard:      os.Getenv("BACKLOT_STREAMER_CLIPBOARD") == "1",
		Files:          os.Getenv("BACKLOT_STREAMER_FILES"),
		Log:            slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// test gives the tests one X cookie: xgb takes it from the environment.
func test(m *testing.M) int {
	file, err := os.CreateTemp("", "backlot-streamer-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.Remove(file.Name())
	// One entry for any host and any display: family 0xffff, no address, no number.
	cookie := "\xff\xff\x00\x00\x00\x00\x00\x12MIT-MAGIC-COOKIE-1\x00\x10" + "0123456789abcdef"
	if _, err := file.WriteString(cookie); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := file.Chmod(0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.Setenv("XAUTHORITY", file.Name()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
