package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/backlot/backlot/internal/studio"
)

const (
	ownBackup = "/backlot/v1/studios/us-west-2%3Ast/streaming-session-backups/b"
	upload    = "/backlot/v1/studios/us-west-2%3Ast/streaming-sessions/us-west-2%3Ast.s/backups/archive"
)

// serveBytes is a real server, as bytes that come and go need a connection.
func serveBytes(t *testing.T, reply func(call) (any, error)) (*fixture, string) {
	t.Helper()
	f := setup(t)
	f.reply = reply
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server.URL
}

// heard is an answer, and how the reading of it ended.
type heard struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// ask sends a signed request; the error is of what got no answer at all.
func ask(t *testing.T, method, url, hash string, body io.Reader, header ...string) (heard, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	key := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hash, "nimble", region, time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return heard{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return heard{response.StatusCode, response.Header, text, err}, nil
}

func TestFilesAreSent(t *testing.T) {
	t.Parallel()
	const content = "<script>alert(1)</script>"
	_, url := serveBytes(t, func(call) (any, error) {
		return &studio.GetBackupFileResponse{
			File: studio.BackupFile{Name: "Zoë's \"plan\".html", ModifiedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, Content: fileOf(content),
		}, nil
	})
	whole, err := ask(t, http.MethodGet, url+ownBackup+"/file?path=x", hashOf(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff", "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT",
		"Content-Disposition": "attachment; filename*=utf-8''Zo%C3%AB%27s%20%22plan%22.html", "Accept-Ranges": "bytes",
	} {
		if got := whole.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if string(whole.body) != content || whole.status != http.StatusOK {
		t.Errorf("%d %q", whole.status, whole.body)
	}
	part, err := ask(t, http.MethodGet, url+ownBackup+"/file?path=x", hashOf(nil), nil, "Range", "bytes=1-6")
	if err != nil {
		t.Fatal(err)
	}
	if string(part.body) != "script" || part.status != http.StatusPartialContent {
		t.Errorf("%d %q", part.status, part.body)
	}
}

func TestArchivesAreSent(t *testing.T) {
	t.Parallel()
	begins, breaks := bytes.Repeat([]byte("0123456789"), 100_000), errors.New("test")
	for name, tt := range map[string]struct {
		content []byte
		err     error
	}{"whole": {begins, nil}, "broken": {begins, breaks}, "never begun": {nil, breaks}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url := serveBytes(t, func(call) (any, error) {
				return &studio.ExportBackupResponse{Name: "a.tar.zst", WriteTo: func(_ context.Context, w io.Writer) error {
					if len(tt.content) > 0 {
						if _, err := w.Write(tt.content); err != nil {
							return err
						}
					}
					return tt.err
				}}, nil
			})
			response, err := ask(t, http.MethodGet, url+ownBackup+"/archive", hashOf(nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case len(tt.content) == 0:
				if response.status != http.StatusInternalServerError || response.header.Get("Content-Disposition") != "" {
					t.Errorf("%d %v", response.status, response.header)
				}
			case tt.err != nil:
				if response.err == nil {
					t.Error("what broke off looks whole")
				}
			case response.err != nil || !bytes.Equal(response.body, tt.content) || response.header.Get("Content-Type") != "application/zstd":
				t.Errorf("%d bytes, %v, %v", len(response.body), response.err, response.header)
			}
		})
	}
}

// TestArchivesAreTaken sends more than a JSON body may have.
func TestArchivesAreTaken(t *testing.T) {
	t.Parallel()
	archive := bytes.Repeat([]byte("0123456789"), 500_000)
	_, url := serveBytes(t, func(c call) (any, error) {
		got, err := io.ReadAll(c.in.(*studio.ImportBackupRequest).Archive)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(got, archive) {
			t.Errorf("%d bytes arrived", len(got))
		}
		return &studio.ImportBackupResponse{Backup: &studio.BackupDetails{BackupID: "b"}}, nil
	})
	for name, tt := range map[string]struct {
		signed, sent string
		status       int
	}{
		"hash":          {hashOf(archive), hashOf(archive), 200},
		"unsigned":      {"UNSIGNED-PAYLOAD", "UNSIGNED-PAYLOAD", 200},
		"another hash":  {hashOf(nil), hashOf(nil), 403},
		"no hash":       {hashOf(archive), "", 403},
		"not a hash":    {"0123", "0123", 403},
		"another's":     {hashOf(archive), "UNSIGNED-PAYLOAD", 403},
		"in upper case": {strings.ToUpper(hashOf(archive)), strings.ToUpper(hashOf(archive)), 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := []string{"Expect", "100-continue"}
			if tt.sent != "" {
				header = append(header, "X-Amz-Content-Sha256", tt.sent)
			}
			// As a stream of unknown length.
			response, err := ask(t, http.MethodPost, url+upload, tt.signed, struct{ io.Reader }{bytes.NewReader(archive)}, header...)
			if err != nil {
				t.Fatal(err)
			}
			if response.status != tt.status {
				t.Errorf("%d %s", response.status, response.body)
			}
		})
	}
	// No other operation takes what is not signed.
	response, err := ask(t, http.MethodGet, url+ownBackup, "UNSIGNED-PAYLOAD", nil, "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	if err != nil || response.status != http.StatusForbidden {
		t.Errorf("%+v %v", response, err)
	}
}

// TestBrokenUploads holds a body to its length and to moving on.
func TestBrokenUploads(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	f, url := serveBytes(t, func(c call) (any, error) {
		_, err := io.Copy(io.Discard, c.in.(*studio.ImportBackupRequest).Archive)
		failed <- err
		return nil, err
	})
	f.SetBodyTime(200 * time.Millisecond)
	stalled, feed := io.Pipe()
	defer feed.Close()
	go func() { _, _ = feed.Write([]byte("begun")) }()
	response, err := ask(t, http.MethodPost, url+upload, "UNSIGNED-PAYLOAD", stalled, "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	if err == nil && response.status != http.StatusBadRequest {
		t.Errorf("stalled: %d", response.status)
	}
	if err := <-failed; studio.KindOf(err) != studio.Validation {
		t.Errorf("stalled: %v", err)
	}
	gone, hang := io.Pipe()
	go func() { hang.CloseWithError(errors.New("gone")) }()
	if _, err := ask(t, http.MethodPost, url+upload, "UNSIGNED-PAYLOAD", gone, "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"); err == nil {
		t.Error("a caller who has gone is answered")
	}
	select {
	case err := <-failed:
		if studio.KindOf(err) != studio.Validation {
			t.Errorf("gone: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("a caller who has gone is waited for")
	}
}
