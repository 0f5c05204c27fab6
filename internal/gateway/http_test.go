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
	get := func(method, path string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.public.String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // read to its end
		b, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, string(b)
	}
	good := "/stream/" + streamID + "?authToken=" + ticket
	for _, method := range []string{http.MethodGet, http.MethodGet, http.MethodHead} {
		response, body := get(method, good)
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", method, response.StatusCode)
		}
		if len(response.Cookies()) > 0 {
			t.Errorf("%s: cookies %v", method, response.Cookies())
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
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		policy := response.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) || strings.Contains(policy, "unsafe") {
				t.Errorf("policy %q without %q", policy, want)
			}
		}
	}

	// Whatever does not open gets one and the same answer.
	_, refusal := get(http.MethodGet, "/stream/")
	for _, path := range []string{
		"/stream/", "/stream/" + streamID, "/stream/" + streamID + "?authToken=", "/stream/" + streamID + "?authToken=made-up",
		"/stream/none?authToken=" + ticket, good + "x", "/stream/a/b/c", "/stream/" + streamID + "/?authToken=" + ticket,
		"/stream/" + strings.Repeat("x", 4000) + "?authToken=" + ticket,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			response, body := get(method, path)
			if method == http.MethodPost && strings.HasPrefix(path, good) {
				continue
			}
			if response.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s: status %d, want 403", method, path, response.StatusCode)
			}
			if want := refusal; method != http.MethodHead && body != want {
				t.Errorf("%s %s: another page", method, path)
			}
		}
	}
	if !strings.Contains(refusal, "This link does not open a desktop") {
		t.Errorf("refusal %s", refusal)
	}

	s.studio.set(func() { s.studio.err = errors.New("the disk is full") })
	response, body := get(http.MethodGet, good)
	if response.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "disk") {
		t.Errorf("status %d with %s", response.StatusCode, body)
	}
}
