package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/config"
)

func none(string) string { return "" }

func TestCommandsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.yaml")
	if err := os.WriteFile(broken, []byte("listen: nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, args := range map[string][]string{
		"listen":            {"serve", "--config", broken},
		"--data is given":   {"serve", "--data", ""},
		"--config is given": {"down", "--config="},
		"--listen is given": {"serve", "--listen", "", "--data", dir},
		"no such file":      {"key", "create", "--data", filepath.Join(dir, "nothing")},
		"unknown command":   {"fly"},
		"required flag":     {"sdk", "boto"},
		"accepts 1 arg":     {"sign-in-link", "--data", dir},
		"unknown shorthand": {"down", "-x"},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), args, none, &out, &out); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("backlot %v: %v, want an error that says %q", args, err, says)
		}
	}
}

func TestDownOfNothingIsFine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"down", "--data", filepath.Join(t.TempDir(), "nothing")}, none, &out, &out); err != nil {
		t.Error(err)
	}
}

func TestInstallationIsMadeOnce(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	first, err := openInstallation(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	second, err := openInstallation(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if first.ID != second.ID || !bytes.Equal(first.Secret, second.Secret) || first.Subnet != second.Subnet {
		t.Errorf("made again: %v, before: %v", second.ID, first.ID)
	}
	if base := first.firstUserID(); base < 16<<24 || base%65536 != 0 {
		t.Errorf("user ids begin at %d", base)
	}
	file := filepath.Join(data, "installation.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openInstallation(t.Context(), data); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged installation: %v", err)
	}
}

func TestDataDirectoryHasOneServer(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	lock, err := lockData(data, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockData(data, false); !errors.Is(err, errInUse) {
		t.Errorf("locked twice: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lockData(data, false)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

func TestCopiedDataDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, for the run directory")
	}
	data, other := t.TempDir(), t.TempDir()
	i, err := openInstallation(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(i.runDir()) })
	for range 2 { // once more after its end
		f, err := i.claim(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.claim(t.Context(), other); err == nil || !strings.Contains(err.Error(), "copy") {
			t.Errorf("a copy beside the server: %v", err)
		}
		_ = f.Close()
		if _, err := i.claim(t.Context(), other); err == nil {
			t.Error("a copy after the server's end took its sessions")
		}
	}
}

func TestInstanceTypes(t *testing.T) {
	t.Parallel()
	types, all, err := instanceTypes([]config.InstanceType{{Name: "g5.xlarge", CPUs: 1.5, MemoryMiB: 1024, Reserved: 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	if len(types) != 13 {
		t.Errorf("%d types, the API knows 13", len(types))
	}
	for _, i := range types {
		if i.CPUs <= 0 || i.MemoryBytes <= 0 || i.Reserved.MemoryBytes > all.MemoryBytes || i.Reserved.CPUs > all.CPUs {
			t.Errorf("%+v of a machine with %+v", i, all)
		}
		if i.Name == "g5.xlarge" && (i.CPUs != 1.5 || i.Reserved.CPUs != 0.75 || i.Reserved.MemoryBytes != 512*mib) {
			t.Errorf("as configured: %+v", i)
		}
	}
	if _, _, err := instanceTypes([]config.InstanceType{{Name: "m1.small"}}); err == nil || !strings.Contains(err.Error(), "m1.small") {
		t.Errorf("an unknown type: %v", err)
	}
}
