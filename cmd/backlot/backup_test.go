package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runBackup runs `backlot backup …` against a server that answers like that.
func runBackup(t *testing.T, answer http.HandlerFunc, args ...string) (out string, err error) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	env := map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-west-2", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret",
		"BACKLOT_STUDIO_ID": "us-west-2:stid-1",
	}
	var stdout, stderr bytes.Buffer
	err = run(t.Context(), append([]string{"backup"}, args...), func(name string) string { return env[name] }, &stdout, &stderr)
	if stderr.Len() > 0 {
		t.Errorf("on stderr: %s", stderr.String())
	}
	return stdout.String(), err
}

func TestBackupTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, missing := range []string{"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		env := map[string]string{"AWS_ENDPOINT_URL": "http://localhost", "AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
		delete(env, missing)
		err := run(t.Context(), []string{"backup", "show", "x"}, func(name string) string { return env[name] }, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

func TestBackupListsAllPages(t *testing.T) {
	t.Parallel()
	out, err := runBackup(t, func(w http.ResponseWriter, r *http.Request) {
		if want := "/backlot/v1/studios/us-west-2:stid-2/streaming-sessions/us-west-2:stid-2.s/backups"; r.URL.Path != want {
			t.Errorf("%s, want %s", r.URL.Path, want)
		}
		if r.URL.Query().Get("nextToken") == "" {
			_, _ = io.WriteString(w, `{"backups":[{"backupId":"one\u001b[2J","state":"READY","checksum":{"files":3,"bytes":5000}}],"nextToken":"n"}`)
			return
		}
		_, _ = io.WriteString(w, `{"backups":[{"backupId":"two","state":"READY"}]}`)
	}, "list", "us-west-2:stid-2.s")
	if err != nil || !strings.Contains(out, "one\ufffd[2J") || !strings.Contains(out, "two") || !strings.Contains(out, "4.9 KiB") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestBackupTellsTheServersWord(t *testing.T) {
	t.Parallel()
	_, err := runBackup(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Requestid", "id")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"__type":"ConflictException","message":"Not now.","code":"WRONG_STATE"}`)
	}, "delete", "b")
	if err == nil || err.Error() != "Not now. (ConflictException WRONG_STATE, request id)" {
		t.Error(err)
	}
	_, err = runBackup(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "show", "b")
	if err == nil || !strings.Contains(err.Error(), "502") {
		t.Error(err)
	}
}

func TestVerifyEndsAsTheBackupIs(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]string{"VERIFIED": "", "DAMAGED": errDamaged.Error(), "NOT_VERIFIED": "unreadable"} {
		_, err := runBackup(t, func(w http.ResponseWriter, r *http.Request) {
			now := state
			if r.Method == http.MethodPost {
				now = "IN_PROGRESS"
			}
			_, _ = fmt.Fprintf(w, `{"backup":{"backupId":"b","state":"READY","verification":{"state":%q,"message":"unreadable"}}}`, now)
		}, "verify", "b", "--wait")
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && got != want {
			t.Errorf("%s: %v", state, err)
		}
		if errors.Is(err, errDamaged) != (state == "DAMAGED") {
			t.Errorf("%s: %v", state, err)
		}
	}
}

func TestExportsAreWholeOrNotThere(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789", 100_000)
	for name, breaks := range map[string]bool{"whole": false, "broken": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "archive")
			_, err := runBackup(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, content)
				if breaks {
					panic(http.ErrAbortHandler)
				}
			}, "export", "b", file)
			left, readErr := os.ReadDir(filepath.Dir(file))
			if readErr != nil {
				t.Fatal(readErr)
			}
			if breaks {
				if err == nil || len(left) > 0 {
					t.Errorf("%v; left is %v", err, left)
				}
				return
			}
			if text, readErr := os.ReadFile(file); err != nil || readErr != nil || string(text) != content || len(left) != 1 {
				t.Errorf("%d bytes, %v, %v; left is %v", len(text), err, readErr, left)
			}
		})
	}
}

func TestImportsSendTheFile(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789", 100_000)
	file := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := runBackup(t, func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil || string(text) != content || r.ContentLength != int64(len(content)) || r.Header.Get("X-Amz-Content-Sha256") != "UNSIGNED-PAYLOAD" {
			t.Errorf("%d bytes, %v, %v", len(text), err, r.Header)
		}
		_, _ = io.WriteString(w, `{"backup":{"backupId":"b","state":"READY"}}`)
	}, "import", "us-west-2:stid-2.s", file, "--json")
	if err != nil || !strings.Contains(out, `"backupId": "b"`) {
		t.Errorf("%v\n%s", err, out)
	}
	// Who may not, is told before anything is sent.
	_, err = runBackup(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"No.","code":"NOT_ALLOWED"}`)
	}, "import", "us-west-2:stid-2.s", file)
	if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Error(err)
	}
}
