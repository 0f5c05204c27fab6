package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"testing"

	"github.com/backlot/backlot/internal/config"
)

func open(t *testing.T, c config.Config) *port {
	t.Helper()
	c.Data = t.TempDir()
	p, err := openPort(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.close() })
	if err := p.protect(c); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLoopbackIsPlainAndOneNumber(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Listen = "127.0.0.1:0"
	p := open(t, c)
	tcp, udp := p.tcp.Addr().(*net.TCPAddr), p.udp.LocalAddr().(*net.UDPAddr)
	if tcp.Port != udp.Port {
		t.Errorf("pages on port %d, media on %d", tcp.Port, udp.Port)
	}
	if p.public.String() != "http://"+tcp.String() {
		t.Errorf("public url is %s", p.public)
	}
}

func TestPublicURLWins(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Listen, c.PublicURL = "127.0.0.1:0", "https://studio.example"
	if p := open(t, c); p.public.String() != "https://studio.example" {
		t.Errorf("public url is %s", p.public)
	}
}

func TestTakenPortIsRefused(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Listen = "127.0.0.1:0"
	c.Listen = open(t, c).tcp.Addr().String()
	if p, err := openPort(c); err == nil {
		_ = p.close()
		t.Error("a port was opened twice")
	}
}

// TestOtherAddressesGetTLS listens on all addresses, reached by the loopback.
func TestOtherAddressesGetTLS(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Listen, c.PublicURL = "0.0.0.0:0", "https://studio.example"
	p := open(t, c)
	server := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = server.Serve(p.tcp) }()
	t.Cleanup(func() { _ = server.Close() })

	_, number, err := net.SplitHostPort(p.tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dial := func(name string, trusted *x509.CertPool) ([]*x509.Certificate, error) {
		conn, err := (&tls.Dialer{Config: &tls.Config{ServerName: name, RootCAs: trusted, InsecureSkipVerify: trusted == nil}}).DialContext(t.Context(), "tcp", "127.0.0.1:"+number)
		if err != nil {
			return nil, err
		}
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates, nil
	}
	certs, err := dial("", nil)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(certs[0])
	for _, name := range []string{"studio.example", "localhost", "127.0.0.1"} {
		if _, err := dial(name, trusted); err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
	if _, err := dial("other.example", trusted); err == nil {
		t.Error("the certificate is good for any name")
	}
}

func TestCertificateIsKept(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first, err := certificate(data, "", net.IPv4zero)
	if err != nil {
		t.Fatal(err)
	}
	second, err := certificate(data, "", net.IPv4zero)
	if err != nil {
		t.Fatal(err)
	}
	if string(first.Certificate[0]) != string(second.Certificate[0]) {
		t.Error("each start makes another certificate")
	}
}
