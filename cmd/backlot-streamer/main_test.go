package main

import (
	"io"
	"strings"
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
