package gateway

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
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
		a := &addresses{public: public, udp: netip.MustParseAddrPort(c.udp)}
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
