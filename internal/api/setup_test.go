package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/studio"
)

const (
	region = "us-west-2"
	keyID  = "AKIAEXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var administrator = studio.Principal{ID: "admin", Administrator: true}

// keyring is a Keys of a few keys.
type keyring map[string]struct {
	secret string
	who    studio.Principal
}

func (k keyring) Key(_ context.Context, id string) (string, studio.Principal, error) {
	key, ok := k[id]
	if !ok {
		return "", studio.Principal{}, fmt.Errorf("key %s: %w", id, studio.ErrNoRow)
	}
	return key.secret, key.who, nil
}

// call is what reached an operation.
type call struct {
	op  string
	who studio.Principal
	in  any
}

// fixture is an API whose operations note what reaches them.
type fixture struct {
	*api.API
	log bytes.Buffer // of all levels; read it when no request is under way

	mu    sync.Mutex
	calls map[string][]call // by operation
	// reply answers an operation; nil: an empty answer.
	reply func(call) (any, error)
}

func setup(t testing.TB, change ...func(*api.Config)) *fixture {
	t.Helper()
	f := &fixture{calls: map[string][]call{}}
	c := api.Config{
		Keys:   keyring{keyID: {secret, administrator}, "AKIAARTIST": {"artist-secret", studio.Principal{ID: "artist"}}},
		Region: region, Now: time.Now, Rate: 1e9, Burst: 1e9,
		Log: slog.New(slog.NewJSONHandler(&lockedWriter{w: &f.log}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, ch := range change {
		ch(&c)
	}
	f.API = api.New(c)
	empty := map[string]any{}
	for _, row := range append(api.Table(), api.OwnTable()...) {
		empty[row.Name] = newOf(row.Out)
	}
	f.Answer(func(_ context.Context, op string, who studio.Principal, in any) (any, error) {
		got := call{op, who, in}
		f.mu.Lock()
		f.calls[op] = append(f.calls[op], got)
		f.mu.Unlock()
		if f.reply != nil {
			return f.reply(got)
		}
		switch op {
		case "GetBackupFile":
			return &studio.GetBackupFileResponse{Content: fileOf("")}, nil
		case "ExportBackup":
			return &studio.ExportBackupResponse{WriteTo: func(context.Context, io.Writer) error { return nil }}, nil
		}
		return empty[op], nil
	})
	return f
}

// fileOf is a file of that content.
func fileOf(content string) io.ReadSeekCloser {
	return struct {
		io.ReadSeeker
		io.Closer
	}{strings.NewReader(content), io.NopCloser(nil)}
}

type lockedWriter struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// taken returns what reached an operation since the last time.
func (f *fixture) taken(op string) []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls[op]
	delete(f.calls, op)
	return calls
}

// do sends a request straight to the handler.
func (f *fixture) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// request makes a request as a server sees it, signed with the administrator's key.
func request(t *testing.T, method, target string, body []byte, header ...string) *http.Request {
	t.Helper()
	r := unsigned(t, method, target, body, header...)
	sign(t, r, body, time.Now())
	return r
}

func unsigned(t *testing.T, method, target string, body []byte, header ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://backlot.test"+target, bytes.NewReader(body))
	r.Host = "backlot.test"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func sign(t *testing.T, r *http.Request, body []byte, at time.Time) {
	t.Helper()
	query := r.URL.RawQuery // the signer puts it in order, a client need not
	key := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hashOf(body), "nimble", region, at); err != nil {
		t.Fatal(err)
	}
	r.URL.RawQuery = query
}

// fault is the body of an error.
type fault struct {
	Type    string            `json:"__type"`
	Message string            `json:"message"`
	Code    string            `json:"code"`
	Context map[string]string `json:"context"`
}

// wantFault checks that w is an error of that status, kind and code.
func wantFault(t *testing.T, w *httptest.ResponseRecorder, status int, kind, code string) fault {
	t.Helper()
	var f fault
	if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil {
		t.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	if w.Code != status || w.Header().Get("X-Amzn-Errortype") != kind || f.Type != kind || f.Code != code || f.Message == "" {
		t.Errorf("%d %v %s\nwant %d %s %s", w.Code, w.Header(), w.Body, status, kind, code)
	}
	if len(w.Header().Get("X-Amzn-Requestid")) != 36 {
		t.Errorf("request id %q", w.Header().Get("X-Amzn-Requestid"))
	}
	return f
}

// hashOf is the SHA-256 of a body as signatures have it.
func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
