package backlot_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/backlot/backlot"

// rooms is the law of imports: the room below internal, and which other rooms
// its code may import. Tests may import testkit and fakes besides.
var rooms = map[string][]string{
	"studio":      {},
	"wire":        {},
	"config":      {},
	"access":      {"studio"},
	"identity":    {"studio"},
	"api":         {"studio"},
	"portal":      {"studio", "identity"},
	"gateway":     {"studio", "wire"},
	"store":       {"studio"},
	"reconcile":   {"studio", "workstation", "volume", "image"},
	"workstation": {},
	"volume":      {},
	"image":       {},
	"streamer":    {"wire"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
}

func TestImportLaw(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		room, ok := roomOf(p.ImportPath)
		if !ok {
			continue
		}
		allowed, known := rooms[room]
		if !known {
			t.Errorf("%s: there is no room %q in the plan of the house (ARCHITECTURE.md, arch_test.go)", p.ImportPath, room)
			continue
		}
		for _, imported := range p.Imports {
			other, ours := roomOf(imported)
			if ours && other != room && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s: room %s may import %v of ours", p.ImportPath, imported, room, allowed)
			}
			if strings.HasPrefix(imported, "k8s.io/") && !strings.HasSuffix(p.ImportPath, "/workstation/kube") {
				t.Errorf("%s imports %s: Kubernetes belongs to workstation/kube", p.ImportPath, imported)
			}
		}
		if len(p.CgoFiles) > 0 && room != "streamer" {
			t.Errorf("%s uses cgo: only the streamer may", p.ImportPath)
		}
	}
}

func TestServerIsPureGo(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "-deps", "./cmd/backlot") {
		if strings.HasPrefix(p.ImportPath, module) && len(p.CgoFiles) > 0 {
			t.Errorf("cmd/backlot needs %s, which uses cgo", p.ImportPath)
		}
	}
}

func roomOf(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, module+"/internal/")
	if !ok {
		return "", false
	}
	room, _, _ := strings.Cut(rest, "/")
	return room, room != "testkit"
}

func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,CgoFiles"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var found []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, p)
	}
}
