package e2e_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nginxBin is where Debian puts it.
const nginxBin = "/usr/sbin/nginx"

// nginxConfig is the least that an nginx in front of Backlot needs; %s are a
// folder, the port it listens on and the server's address.
const nginxConfig = `
pid %[1]s/pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]s;
		location / {
			proxy_pass http://%[3]s;
			proxy_set_header Host $http_host;
			proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $http_connection;
		}
	}
}
`

// behindNginx starts an nginx in front of the server and returns the url it is
// reached at.
func (s *server) behindNginx() string {
	s.t.Helper()
	address := freeAddress(s.t)
	s.nginx(address, address)
	return "http://" + address
}

// behindTLS is behindNginx with TLS, on an address of this machine.
func (s *server) behindTLS(ip string) string {
	s.t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(s.t))
	if err != nil {
		s.t.Fatal(err)
	}
	address := net.JoinHostPort(ip, port)
	file := filepath.Join(s.t.TempDir(), "tls")
	run(s.t, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-subj", "/CN="+ip, "-keyout", file+".key", "-out", file+".pem")
	s.nginx(address, fmt.Sprintf("%s ssl; ssl_certificate %s.pem; ssl_certificate_key %s.key", address, file, file))
	return "https://" + address
}

// nginx starts an nginx that listens as it is told, and waits until it answers at address.
func (s *server) nginx(address, listen string) {
	s.t.Helper()
	if _, err := os.Stat(nginxBin); err != nil {
		s.t.Skipf("needs nginx: make setup-test: %v", err)
	}
	dir := s.t.TempDir()
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(nginxConfig, dir, listen, strings.TrimPrefix(s.env["AWS_ENDPOINT_URL"], "http://"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	nginx := exec.CommandContext(s.t.Context(), nginxBin, "-p", dir, "-c", config, "-g", "daemon off; master_process off;")
	nginx.Stdout, nginx.Stderr = s.log, s.log
	if err := nginx.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = nginx.Process.Kill()
		_ = nginx.Wait() // it was killed
	})
	eventually(s.t, 10*time.Second, func() error {
		c, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", address)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// freeAddress is a port of this machine that nobody had a moment ago: nginx can
// take no other that the test would know.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
