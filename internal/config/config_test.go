package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/config"
)

var update = flag.Bool("update", false, "write docs/config.md")

func none(string) string { return "" }

func TestFileAndEnvironment(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "backlot.yaml")
	text := "region: eu-west-1\nlisten: 127.0.0.1:9000\ninstance_types:\n- {name: g5.xlarge, cpus: 2, memory_mib: 4096, reserved: 0.5}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, func(name string) string {
		return map[string]string{"BACKLOT_LISTEN": "127.0.0.1:9001"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Region != "eu-west-1" || c.Listen != "127.0.0.1:9001" || c.AccountID != "123456789012" || len(c.InstanceTypes) != 1 {
		t.Errorf("Load = %+v", c)
	}
	if err := c.Check(); err != nil {
		t.Errorf("Check: %v", err)
	}
}

func TestUnknownKeyIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "backlot.yaml")
	if err := os.WriteFile(file, []byte("regoin: eu-west-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(file, none); err == nil || !strings.Contains(err.Error(), "regoin") {
		t.Errorf("Load = %v, want an error naming the key", err)
	}
}

func TestCheckNamesTheField(t *testing.T) {
	t.Parallel()
	for field, spoil := range map[string]func(*config.Config){
		"data":              func(c *config.Config) { c.Data = "" },
		"listen":            func(c *config.Config) { c.Listen = "8017" },
		"roles":             func(c *config.Config) { c.Roles = []string{"api"} },
		"store.url":         func(c *config.Config) { c.Store.URL = "mysql://here" },
		"public_url":        func(c *config.Config) { c.PublicURL = "studio.example" },
		"account_id":        func(c *config.Config) { c.AccountID = "12" },
		"region":            func(c *config.Config) { c.Region = "here" },
		"tls":               func(c *config.Config) { c.TLS.Key = "key.pem" },
		"instance_types[0]": func(c *config.Config) { c.InstanceTypes = []config.InstanceType{{Name: "g5.xlarge"}} },
		"backups.every":     func(c *config.Config) { c.Backups.Every = 1 },
		"desktop":           func(c *config.Config) { c.Desktop.Width = 1 },
		"quotas.sessions":   func(c *config.Config) { c.Quotas.Sessions = 0 },
		"requests":          func(c *config.Config) { c.Requests.Burst = 0 },
		"eulas[1]":          func(c *config.Config) { c.Eulas = []config.Eula{{ID: "a"}, {ID: "a"}} },
		"provided_images[0]": func(c *config.Config) {
			c.ProvidedImages = []config.ProvidedImage{{ID: "a", Eulas: []string{"nothing"}}}
		},
	} {
		c := config.Default()
		spoil(&c)
		if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("Check with a bad %s = %v", field, err)
		}
	}
}

func TestReferenceIsFresh(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "docs", "config.md")
	if *update {
		if err := os.WriteFile(file, []byte(config.Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != config.Reference() {
		t.Error("docs/config.md is stale: go test ./internal/config -update")
	}
}
