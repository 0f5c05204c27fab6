package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/api"
)

// TestConformance compares the client model made from our table with the
// service model as published, shape by shape.
func TestConformance(t *testing.T) {
	t.Parallel()
	published := publishedModels(t)
	ours, err := api.Botocore()
	if err != nil {
		t.Fatal(err)
	}
	for name, reference := range map[string]string{
		"service-2": "api-2.json", "paginators-1": "paginators-1.json", "waiters-2": "waiters-2.json",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(published, reference))
			if err != nil {
				t.Fatal(err)
			}
			want, got := parseModel(t, text), parseModel(t, ours["nimble/2020-08-01/"+name+".json"])
			for _, d := range differences("", want, got) {
				t.Error(d)
			}
			if name == "service-2" {
				counts := [2]int{len(got["operations"].(map[string]any)), len(got["shapes"].(map[string]any))}
				if counts != [2]int{49, 254} {
					t.Errorf("operations and shapes: %v, want 49 and 254", counts)
				}
			}
		})
	}
}

// publishedModels is the folder of the service model in the SDK's module.
func publishedModels(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go").Output()
	if err != nil {
		t.Skipf("the SDK's module, with the published model, cannot be found: %v", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "models/apis/nimble/2020-08-01")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the published model is not here: %v", err)
	}
	return dir
}

func parseModel(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// differences walks two models and names each place where they differ. Prose,
// and the word "box" that only code generators read, do not count; nor does the
// order of required members, errors and enums.
func differences(at string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		var found []string
		for key := range w {
			if _, ok := g[key]; !ok && key != "box" && key != "documentation" && key != "description" {
				found = append(found, fmt.Sprintf("%s.%s: missing, want %v", at, key, w[key]))
			}
		}
		for key := range g {
			if _, ok := w[key]; !ok {
				found = append(found, fmt.Sprintf("%s.%s: %v, want none", at, key, g[key]))
			} else {
				found = append(found, differences(at+"."+key, w[key], g[key])...)
			}
		}
		slices.Sort(found)
		return found
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		byText := func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
		slices.SortFunc(w, byText)
		slices.SortFunc(g, byText)
		var found []string
		for i := range w {
			found = append(found, differences(fmt.Sprintf("%s[%d]", at, i), w[i], g[i])...)
		}
		return found
	default:
		if at == ".version" || fmt.Sprint(want) == fmt.Sprint(got) {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: %v, want %v", at, got, want)}
}
