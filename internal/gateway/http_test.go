package gateway_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/gateway"
)

func TestStreamURL(t *testing.T) {
	t.Parallel()
	public := &url.URL{Scheme: "https", Host: "studio.example:8443", Path: "/desk"}
	got := gateway.StreamURL(public, "strm", "a b", "key/1")
	if want := "https://studio.example:8443/desk/stream/strm?authToken=a+b#key/1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	get := func(method, path string) (int, http.Header, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.public.String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, response.Header, string(b)
	}
	good := "/stream/" + streamID + "?authToken=" + ticket
	for _, method := range []string{http.MethodGet, http.MethodGet, http.MethodHead} {
		status, header, body := get(method, good)
		if status != http.StatusOK {
			t.Errorf("%s: status %d", method, status)
		}
		if cookie := header.Get("Set-Cookie"); cookie != "" {
			t.Errorf("%s: cookie %s", method, cookie)
		}
		if method == http.MethodGet && !strings.Contains(body, "<title>Compositing – Backlot</title>") {
			t.Errorf("no title in %s", body)
		}
		for name, want := range map[string]string{
			"Cache-Control":          "no-store",
			"Content-Type":           "text/html; charset=utf-8",
			"Referrer-Policy":        "no-referrer",
			"X-Content-Type-Options": "nosniff",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		policy := header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) || strings.Contains(policy, "unsafe") {
				t.Errorf("policy %q without %q", policy, want)
			}
		}
	}

	// Whatever does not open gets one and the same answer.
	_, _, refusal := get(http.MethodGet, "/stream/")
	for _, path := range []string{
		"/stream/", "/stream/" + streamID, "/stream/" + streamID + "?authToken=", "/stream/" + streamID + "?authToken=made-up",
		"/stream/none?authToken=" + ticket, good + "x", "/stream/a/b/c", "/stream/" + streamID + "/?authToken=" + ticket,
		"/stream/" + strings.Repeat("x", 4000) + "?authToken=" + ticket,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			status, _, body := get(method, path)
			if method == http.MethodPost && strings.HasPrefix(path, good) {
				continue
			}
			if status != http.StatusForbidden {
				t.Errorf("%s %s: status %d, want 403", method, path, status)
			}
			if want := refusal; method != http.MethodHead && body != want {
				t.Errorf("%s %s: another page", method, path)
			}
		}
	}
	if !strings.Contains(refusal, "This link does not open a desktop") {
		t.Errorf("refusal %s", refusal)
	}

	s.studio.set(func() { s.studio.err = errors.New("disk full at /srv") })
	status, _, body := get(http.MethodGet, good)
	if status != http.StatusServiceUnavailable || strings.Contains(body, "/srv") {
		t.Errorf("status %d with %s", status, body)
	}
}
