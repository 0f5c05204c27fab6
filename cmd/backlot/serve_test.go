package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backlot/backlot/internal/config"
)

// TestNothingIsMadeInVain: what is wrong shows before there is a data directory.
func TestNothingIsMadeInVain(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Listen = "127.0.0.1:0"
	taken := open(t, c).tcp.Addr().String()
	for says, change := range map[string]func(*config.Config){
		"in use":               func(c *config.Config) { c.Listen = taken },
		"invalid port":         func(c *config.Config) { c.Listen = "127.0.0.1:99999" },
		"m1.small":             func(c *config.Config) { c.InstanceTypes = []config.InstanceType{{Name: "m1.small"}} },
		"read policies":        func(c *config.Config) { c.Policies = filepath.Join(t.TempDir(), "none") },
		"read the certificate": func(c *config.Config) { c.TLS.Certificate, c.TLS.Key = "none.pem", "none.key" },
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			c := c
			c.Data = filepath.Join(t.TempDir(), "data")
			change(&c)
			err := serve(t.Context(), c, false, io.Discard, slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%v, want an error that says %q", err, says)
			}
			if _, err := os.Stat(c.Data); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a data directory was made: %v", err)
			}
		})
	}
}

// TestTakenPortTellsOfTheOtherServer, which is most often the one of the same data.
func TestTakenPortTellsOfTheOtherServer(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Listen = "127.0.0.1:0"
	c.Listen = open(t, c).tcp.Addr().String()
	c.Data = t.TempDir()
	lock, err := lockData(c.Data, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Close() })
	if err := serve(t.Context(), c, false, io.Discard, slog.New(slog.DiscardHandler)); !errors.Is(err, errInUse) {
		t.Errorf("a second server: %v", err)
	}
}

// TestPatience: what a killed server leaves for a moment is waited for, but no
// longer than that, and no other error.
func TestPatience(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		held  time.Duration
		fails error
		took  time.Duration
		want  error
	}{
		{"free", 0, nil, 0, nil},
		{"soon free", 300 * time.Millisecond, nil, 300 * time.Millisecond, nil},
		{"held", time.Hour, nil, 2 * time.Second, errInUse},
		{"another error", 0, fs.ErrPermission, 0, fs.ErrPermission},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := patiently(t.Context(), errInUse, func() (bool, error) {
					if time.Since(began) < test.held {
						return false, fmt.Errorf("test: %w", errInUse)
					}
					return true, test.fails
				})
				if took := time.Since(began); !errors.Is(err, test.want) || took != test.took {
					t.Errorf("%v after %v; want %v after %v", err, took, test.want, test.took)
				}
			})
		})
	}
}
