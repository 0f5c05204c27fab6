package volume_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/volume"
)

func TestCheckID(t *testing.T) {
	t.Parallel()
	for id, good := range map[string]bool{
		"a":                     true,
		"0":                     true,
		"session7abc":           true,
		strings.Repeat("z", 64): true,
		"":                      false,
		strings.Repeat("z", 65): false,
		".":                     false,
		"..":                    false,
		"a/b":                   false,
		"a-b":                   false,
		"A":                     false,
		" a":                    false,
		"a\n":                   false,
		"a\x00":                 false,
		"ä":                     false,
	} {
		err := volume.CheckID(id)
		if good != (err == nil) {
			t.Errorf("CheckID(%q) = %v", id, err)
		}
		if err != nil && !volume.IsPermanent(err) {
			t.Errorf("CheckID(%q): not permanent", id)
		}
	}
}

func FuzzCheckID(f *testing.F) {
	for _, id := range []string{"", "a", "..", "a/b", "A", "a\x00", strings.Repeat("a", 65)} {
		f.Add(id)
	}
	allowed := regexp.MustCompile(`\A[a-z0-9]{1,64}\z`)
	f.Fuzz(func(t *testing.T, id string) {
		good := volume.CheckID(id) == nil
		if good != allowed.MatchString(id) {
			t.Fatalf("CheckID(%q) == nil is %v", id, good)
		}
		if good && filepath.Join("/d", id) != "/d/"+id {
			t.Fatalf("%q leaves the directory", id)
		}
	})
}

func TestOptionsCheck(t *testing.T) {
	t.Parallel()
	for _, bad := range []volume.Options{{LimitBytes: -1}, {FromSnapshot: "../x"}} {
		if err := bad.Check(); !volume.IsPermanent(err) {
			t.Errorf("%+v: %v, want a permanent error", bad, err)
		}
	}
	if err := (volume.Options{FromSnapshot: "s1", LimitBytes: 1}).Check(); err != nil {
		t.Error(err)
	}
}
