package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/gateway"
)

// port is the one port of the server: pages, API and streams over TCP, media
// over UDP of the same number, and over TCP where UDP does not get through.
type port struct {
	tcp    net.Listener   // nil where nothing is answered
	udp    net.PacketConn // nil where no media are sent
	media  net.Listener   // likewise: those that come over TCP
	public *url.URL
	// secure is set where TLS is spoken.
	secure bool
	// bare is set while it lacks the certificate that it needs.
	bare bool
}

// openPort takes the port, and makes nothing: it tells, before anything is made,
// whether the server can run.
func openPort(c config.Config) (*port, error) {
	var configured *tls.Certificate
	if c.TLS.Certificate != "" {
		cert, err := tls.LoadX509KeyPair(c.TLS.Certificate, c.TLS.Key)
		if err != nil {
			return nil, fmt.Errorf("read the certificate: %w", err)
		}
		configured = &cert
	}
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		return nil, err
	}
	if !c.Has("api") && !c.Has("gateway") {
		return &port{public: public}, nil // nobody asks anything of it
	}
	p, err := bindPort(c.Listen, c.Has("gateway"))
	if err != nil {
		return nil, err
	}
	host := p.tcp.Addr().(*net.TCPAddr)
	scheme := "http"
	if p.bare = configured == nil && !host.IP.IsLoopback(); p.bare || configured != nil {
		scheme = "https"
	}
	if p.public = public; c.PublicURL == "" {
		p.public = &url.URL{Scheme: scheme, Host: publicHost(c.Listen, host.Port)}
	}
	if configured != nil {
		p.encrypt(*configured)
	}
	return p, nil
}

// protect gives a bare port a certificate of our own making, which is kept in the
// data directory.
func (p *port) protect(c config.Config) error {
	if !p.bare {
		return nil
	}
	cert, err := certificate(c.Data, c.PublicURL, p.tcp.Addr().(*net.TCPAddr).IP)
	if err != nil {
		return err
	}
	p.encrypt(cert)
	p.bare = false
	return nil
}

// at is where programs on this machine reach the server.
func (p *port) at() *url.URL {
	if p.tcp == nil {
		return &url.URL{}
	}
	host := p.tcp.Addr().(*net.TCPAddr)
	ip := host.IP
	if ip.IsUnspecified() {
		ip = net.IPv4(127, 0, 0, 1)
	}
	scheme := "http"
	if p.secure {
		scheme = "https"
	}
	return &url.URL{Scheme: scheme, Host: net.JoinHostPort(ip.String(), fmt.Sprint(host.Port))}
}

func (p *port) encrypt(cert tls.Certificate) {
	p.secure = true
	p.tcp = tls.NewListener(p.tcp, &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"}, // a WebSocket needs it
	})
}

// bindPort takes one number for both protocols, if media are sent. Media is received on every
// address of the machine: a browser on it that may not use the loopback
// interface for media then takes another.
func bindPort(listen string, media bool) (*port, error) {
	for tries := 0; ; tries++ {
		tcp, err := net.Listen("tcp", listen) //nolint:noctx // takes no time
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		if !media {
			return &port{tcp: tcp}, nil
		}
		number := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenUDP("udp", &net.UDPAddr{Port: number})
		if err == nil {
			web, media := gateway.Split(tcp)
			return &port{tcp: web, udp: udp, media: media}, nil
		}
		_ = tcp.Close()
		if _, asked, _ := net.SplitHostPort(listen); asked != "0" || tries == 20 {
			return nil, fmt.Errorf("listen for media: %w", err)
		}
	}
}

func (p *port) close() (err error) {
	if p.tcp != nil {
		err = p.tcp.Close()
	}
	if p.udp != nil {
		err = errors.Join(err, p.udp.Close())
	}
	return err
}

// publicHost is the HOST:PORT to reach the server by: what was asked for, with
// the port there is, and a name where every address was asked for.
func publicHost(listen string, number int) string {
	host, _, _ := net.SplitHostPort(listen)
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host, _ = os.Hostname()
	}
	return net.JoinHostPort(host, fmt.Sprint(number))
}

// certificate reads the certificate of our own making, or makes it.
func certificate(data, public string, listen net.IP) (tls.Certificate, error) {
	file := filepath.Join(data, "tls.pem")
	cert, err := tls.LoadX509KeyPair(file, file)
	if err == nil && time.Until(cert.Leaf.NotAfter) > 30*24*time.Hour {
		return cert, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, fmt.Errorf("read the self-made certificate %s (remove it to have a new one): %w", file, err)
	}
	text, err := selfMade(public, listen)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	if err := writeFile(file, text); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(text, text)
}

// trusting is for requests to other servers of the data directory, whose certificate
// may be the one of our own making.
func trusting(data string) *tls.Config {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if text, err := os.ReadFile(filepath.Join(data, "tls.pem")); err == nil {
		pool.AppendCertsFromPEM(text)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

func selfMade(public string, listen net.IP) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	template := x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "Backlot on " + name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(2, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true, // so that it can be trusted as it is
		DNSNames:              []string{name, "localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if !listen.IsUnspecified() {
		template.IPAddresses = append(template.IPAddresses, listen)
	}
	if u, err := url.Parse(public); err == nil && u.Hostname() != "" {
		if ip := net.ParseIP(u.Hostname()); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, u.Hostname())
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...), nil
}
