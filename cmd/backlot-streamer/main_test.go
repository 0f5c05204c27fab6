package main

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestRunSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"DISPLAY":                          ":0",
		"BACKLOT_STREAMER_SOCKET":          "/run/gateway",
		"BACKLOT_STREAMER_SESSION":         "session",
		"BACKLOT_STREAMER_CREDENTIAL_FILE": "",
	}
	err := run(t.Context(), func(name string) string { return env[name] }, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "BACKLOT_STREAMER_CREDENTIAL_FILE") {
		t.Errorf("got %v", err)
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	if err := await(""); err != nil {
		t.Error(err)
	}
	if err := await("gate"); err == nil {
		t.Error("no number, no error")
	}
	opens := func(opens bool) error {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := syscall.Dup(int(read.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- await(strconv.Itoa(fd)) }()
		if opens {
			_, err = write.Write([]byte{1})
		}
		if err := errors.Join(err, write.Close()); err != nil {
			t.Fatal(err)
		}
		return errors.Join(<-done, read.Close())
	}
	if err := opens(true); err != nil {
		t.Error(err)
	}
	if err := opens(false); err == nil {
		t.Error("the gate was closed for good, and it went through")
	}
}
