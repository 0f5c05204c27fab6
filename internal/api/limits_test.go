package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/studio"
)

func TestThrottle(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	f := setup(t, func(c *api.Config) { c.Rate, c.Burst, c.Now = 0.5, 3, func() time.Time { return now } })
	get := func() *httptest.ResponseRecorder {
		r := unsigned(t, http.MethodGet, aStudio, nil)
		sign(t, r, nil, now)
		return f.do(r)
	}
	for range 3 {
		if w := get(); w.Code != http.StatusOK {
			t.Fatal(w.Code, w.Body)
		}
	}
	w := get()
	wantFault(t, w, http.StatusTooManyRequests, "ThrottlingException", api.CodeRate)
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After: %q, want 2", got)
	}
	now = now.Add(2 * time.Second)
	if w := get(); w.Code != http.StatusOK {
		t.Error("after the wait:", w.Code)
	}
	wantFault(t, get(), http.StatusTooManyRequests, "ThrottlingException", api.CodeRate)
	if calls := f.taken("GetStudio"); len(calls) != 4 {
		t.Errorf("%d calls reached the operation, want 4", len(calls))
	}
}

func TestBodySizes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.reply = func(call) (any, error) { return &studio.UpdateStudioResponse{}, nil }
	padded := func(n int) []byte { return []byte(`{"displayName":"x"` + strings.Repeat(" ", n-19) + `}`) }
	if w := f.do(request(t, http.MethodPatch, aStudio, padded(1<<20))); w.Code != http.StatusOK {
		t.Errorf("1 MiB: %d %s", w.Code, w.Body)
	}
	r := request(t, http.MethodPatch, aStudio, padded(1<<20+1))
	r.Body = unreadable{t}
	wantFault(t, f.do(r), http.StatusRequestEntityTooLarge, "ValidationException", api.CodeTooLarge)
	r = request(t, http.MethodPatch, aStudio, padded(1<<20+1))
	r.ContentLength = -1
	wantFault(t, f.do(r), http.StatusRequestEntityTooLarge, "ValidationException", api.CodeTooLarge)
	r = request(t, http.MethodPatch, aStudio, padded(100))
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{}))
	wantFault(t, f.do(r), http.StatusBadRequest, "ValidationException", api.CodeBody)
	r = request(t, http.MethodPatch, aStudio, padded(1<<20+1))
	r.Header.Del("Authorization")
	r.Body = unreadable{t}
	wantFault(t, f.do(r), http.StatusForbidden, "MissingAuthenticationTokenException", api.CodeUnsigned)
}

// unreadable is a body that must not be read.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) { u.t.Error("the body is read"); return 0, io.EOF }
func (u unreadable) Close() error             { return nil }

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// TestOversizeOverTheWire sends a body that is too large to a real server, which
// must answer before it has the body, in both framings.
func TestOversizeOverTheWire(t *testing.T) {
	t.Parallel()
	f := setup(t)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	for framing, header := range map[string]string{"length": "Content-Length: 100000000", "chunks": "Transfer-Encoding: chunked"} {
		t.Run(framing, func(t *testing.T) {
			t.Parallel()
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			r := request(t, http.MethodPatch, aStudio, []byte("{}"))
			fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: backlot.test\r\nX-Amz-Date: %s\r\nAuthorization: %s\r\n%s\r\n\r\n",
				aStudio, r.Header.Get("X-Amz-Date"), r.Header.Get("Authorization"), header)
			if framing == "chunks" {
				chunk := strings.Repeat(" ", 1<<16)
				for range 17 {
					fmt.Fprintf(conn, "%s\r\n%s\r\n", strconv.FormatInt(int64(len(chunk)), 16), chunk)
				}
			}
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusRequestEntityTooLarge || !answer.Close {
				t.Errorf("%d, close %v", answer.StatusCode, answer.Close)
			}
		})
	}
}

// TestBodyThatNeverEnds announces more of a body than it sends, in both framings,
// and is answered all the same; a body in time does not hurry the operation.
func TestBodyThatNeverEnds(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.SetBodyTime(50 * time.Millisecond)
	f.Answer(func(ctx context.Context, _ string, _ studio.Principal, _ any) (any, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
			return &studio.UpdateStudioResponse{}, nil
		}
	})
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	for name, tt := range map[string]struct {
		framing string
		status  int
	}{
		"length": {"Content-Length: 3\r\n\r\n{}", http.StatusBadRequest},
		"chunks": {"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", http.StatusBadRequest},
		"whole":  {"Content-Length: 2\r\n\r\n{}", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			r := request(t, http.MethodPatch, aStudio, []byte("{}"))
			fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: backlot.test\r\nX-Amz-Date: %s\r\nAuthorization: %s\r\n%s",
				aStudio, r.Header.Get("X-Amz-Date"), r.Header.Get("Authorization"), tt.framing)
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != tt.status || answer.Close == (tt.status == http.StatusOK) {
				t.Errorf("%d, close %v", answer.StatusCode, answer.Close)
			}
		})
	}
}

func TestBadJSON(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for body, code := range map[string]string{
		"{\"displayName\":\"\xff\"}": api.CodeJSON,
		"\xef\xbb\xbf{}":             api.CodeJSON,
		"null":                       api.CodeJSON,
		"{\"a\":1}x":                 api.CodeJSON,
		"{\"a\":01}":                 api.CodeJSON,
		"{\"a\":1,}":                 api.CodeJSON,
		"{'a':1}":                    api.CodeJSON,
		"{\"a\":NaN}":                api.CodeJSON,
		"\x00":                       api.CodeJSON,
		" ":                          api.CodeJSON,
		strings.Repeat("[", 500000):  api.CodeJSON,
		`{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`:       api.CodeDepth,
		`{"a":` + strings.Repeat(`{"a":`, 64) + `1` + strings.Repeat("}", 64) + `}`: api.CodeDepth,
		`{"displayName":{"a":"\\\"}"}}`:                                             api.CodeType,
		`{"displayName":"a","adminRoleArn":"b","displayName":null}`:                 api.CodeDuplicate,
		`{"displayName":null,"displayName":"a"}`:                                    api.CodeDuplicate,
		`{"d\u0069splayName":1}`:                                                    api.CodeType,
		`{"displayName":"` + strings.Repeat("x", 65) + `"}`:                         studio.CodeLength,
	} {
		w := f.do(request(t, http.MethodPatch, aStudio, []byte(body)))
		if got := wantFault(t, w, http.StatusBadRequest, "ValidationException", code); len(got.Message) > 300 {
			t.Errorf("a message of %d bytes", len(got.Message))
		}
	}
	if calls := f.taken("UpdateStudio"); len(calls) > 0 {
		t.Errorf("%d reached the operation", len(calls))
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.reply = func(call) (any, error) { panic("the sky falls") }
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	for range 2 { // the second on the same connection
		r := request(t, http.MethodGet, aStudio, nil)
		out, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+aStudio, nil)
		if err != nil {
			t.Fatal(err)
		}
		out.Host, out.Header = r.Host, r.Header
		answer, err := server.Client().Do(out)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusInternalServerError || strings.Contains(string(text), "sky") {
			t.Errorf("%d %s", answer.StatusCode, text)
		}
	}
	server.Close()
	if !strings.Contains(f.log.String(), "the sky falls") || !strings.Contains(f.log.String(), "limits_test.go") {
		t.Errorf("the log tells no cause: %s", f.log.String())
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	const name = "A name nobody shall see"
	body := []byte(`{"displayName":"` + name + `","adminRoleArn":"r"}`)
	f := setup(t)
	f.do(request(t, http.MethodGet, aStudio, nil))
	f.do(request(t, http.MethodPatch, aStudio, body))
	f.reply = func(call) (any, error) {
		return nil, &studio.Error{Kind: studio.Conflict, Code: "X", Message: name, Err: errors.New(name)}
	}
	f.do(request(t, http.MethodPatch, aStudio, body))
	f.reply = func(call) (any, error) { return nil, fmt.Errorf("save: %w", errors.New("disk full")) }
	w := f.do(request(t, http.MethodPatch, aStudio, body))
	ctx, cancel := context.WithCancel(t.Context())
	f.reply = func(call) (any, error) { cancel(); return nil, ctx.Err() }
	f.do(request(t, http.MethodPatch, aStudio, body).WithContext(ctx))
	lines := strings.Split(strings.TrimSpace(f.log.String()), "\n")
	want := [][]string{
		{`"DEBUG"`, `"status":200`, `"op":"GetStudio"`, `"principal_id":"admin"`, `"duration":`},
		{`"INFO"`, `"status":200`, `"op":"UpdateStudio"`},
		{`"INFO"`, `"status":409`, `"code":"X"`},
		{`"ERROR"`, `"status":500`, `"err":"save: disk full"`, w.Header().Get("X-Amzn-Requestid")},
		{`"INFO"`, `caller went away`},
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines: %s", len(lines), f.log.String())
	}
	for i, words := range want {
		for _, word := range words {
			if !strings.Contains(lines[i], word) {
				t.Errorf("line %d lacks %s: %s", i, word, lines[i])
			}
		}
	}
	for _, hidden := range []string{name, secret, "Signature="} {
		if strings.Contains(f.log.String(), hidden) {
			t.Errorf("the log shows %q", hidden)
		}
	}
}
