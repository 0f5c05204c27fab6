package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	arrived := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 8443}
	for name, c := range map[string]struct {
		udp, public string
		first       []string
		more        bool
	}{
		"any":        {"0.0.0.0:8443", "https://192.0.2.77:8443", []string{"10.1.2.3:8443", "192.0.2.77:8443"}, true},
		"forwarded":  {"0.0.0.0:8443", "https://192.0.2.77:443", []string{"10.1.2.3:8443", "192.0.2.77:8443", "192.0.2.77:443"}, true},
		"one":        {"10.9.9.9:8443", "https://192.0.2.77:8443", []string{"10.9.9.9:8443", "192.0.2.77:8443"}, false},
		"loopback":   {"127.0.0.1:8443", "http://127.0.0.1:8443", []string{"127.0.0.1:8443"}, false},
		"two fold":   {"[::]:8443", "https://[2001:db8::7]:8443", []string{"10.1.2.3:8443", "[2001:db8::7]:8443"}, true},
		"one family": {"0.0.0.0:8443", "https://[2001:db8::7]:8443", []string{"10.1.2.3:8443"}, true},
	} {
		public, err := url.Parse(c.public)
		if err != nil {
			t.Fatal(err)
		}
		a := &addresses{public: public, udp: netip.MustParseAddrPort(c.udp), lookUp: net.DefaultResolver.LookupNetIP}
		var got []string
		for _, at := range a.list(t.Context(), arrived) {
			got = append(got, at.String())
		}
		if len(got) < len(c.first) || !slices.Equal(got[:len(c.first)], c.first) || len(got) > len(c.first) && !c.more {
			t.Errorf("%s: %v, want %v (and more: %v)", name, got, c.first, c.more)
		}
		a.skip = func(string) bool { return true }
		if skipped := a.list(t.Context(), arrived); len(skipped) != len(c.first) {
			t.Errorf("%s: %v without interfaces, want %v", name, skipped, c.first)
		}
	}
}

// TestPublicHost: a name that cannot be looked up just now, or for somebody who has gone,
// stays what it was.
func TestPublicHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		found, looked := []netip.Addr{netip.MustParseAddr("192.0.2.77")}, 0
		a := &addresses{public: &url.URL{Host: "studio.example"}, lookUp: func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
			looked++
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if found == nil {
				return nil, errors.New("no such host")
			}
			return found, nil
		}}
		gone, leave := context.WithCancel(t.Context())
		leave()
		for _, c := range []struct {
			after  time.Duration
			found  []netip.Addr
			looked int
			want   string
		}{
			{0, found, 1, "[192.0.2.77]"},
			{publicLifetime - time.Second, found, 1, "[192.0.2.77]"},
			{2 * time.Second, nil, 2, "[192.0.2.77]"},
			{retryLookUp / 2, nil, 2, "[192.0.2.77]"},
			{retryLookUp, []netip.Addr{netip.MustParseAddr("192.0.2.78")}, 3, "[192.0.2.78]"},
		} {
			time.Sleep(c.after)
			found = c.found
			if got := fmt.Sprint(a.publicHost(gone)); got != c.want || looked != c.looked {
				t.Errorf("%v later: %s after %d look-ups, want %s after %d", c.after, got, looked, c.want, c.looked)
			}
		}
	})
}

func TestAdvertise(t *testing.T) {
	t.Parallel()
	const sdp = "v=0\r\nm=video\r\na=candidate:1 old\r\na=candidate:2 old\r\na=end-of-candidates\r\nm=application\r\n"
	got := advertise(sdp, []candidate{{netip.MustParseAddrPort("192.0.2.2:1"), false}, {netip.MustParseAddrPort("[::1]:2"), true}})
	want := "v=0\r\nm=video\r\na=candidate:1 1 udp 2130706431 192.0.2.2 1 typ host\r\n" +
		"a=candidate:2 1 tcp 1526726399 ::1 2 typ host tcptype passive\r\na=end-of-candidates\r\nm=application\r\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if bare := advertise(sdp, nil); strings.Contains(bare, "candidate:") {
		t.Errorf("%q has candidates", bare)
	}
}
