package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/wire"
)

// Who shows no key of a connected page gets nowhere.
func TestTransfersNeedAKey(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	_, c := s.dial()
	if err := c.WriteMessage(wire.Allows{Clipboard: true, Upload: true}); err != nil {
		t.Fatal(err)
	}
	for _, ask := range []struct{ method, what string }{
		{http.MethodGet, "clipboard"},
		{http.MethodPut, "clipboard"},
		{http.MethodGet, "file?id=0&size=1&offset=0"},
		{http.MethodPut, "file?id=0&size=1&offset=0"},
		{http.MethodDelete, "file?id=0&size=1&offset=0"},
		{http.MethodPut, "folder"},
	} {
		for _, key := range []string{"", "Bearer ", "Bearer " + ticket, "Basic " + ticket} {
			r, err := http.NewRequestWithContext(t.Context(), ask.method, s.public.JoinPath("stream", streamID).String()+"/"+ask.what, strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "text/plain")
			r.Header.Set("Authorization", key)
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s %s with %q: %d", ask.method, ask.what, key, res.StatusCode)
			}
		}
	}
}
