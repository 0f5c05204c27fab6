package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/api"
)

func TestReferenceIsFresh(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "docs", "api")
	pages := api.Reference()
	have, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range have {
		if pages[filepath.Base(file)] != nil {
			continue
		}
		t.Errorf("%s is no page of the reference", file)
	}
	for name, page := range pages {
		file := filepath.Join(dir, name)
		if *update {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, page, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(file)
		if diff := cmp.Diff(string(page), string(text)); err != nil || diff != "" {
			t.Errorf("%s is stale (%v); run go test ./internal/api -update:\n%s", file, err, diff)
		}
	}
}

// TestReferenceLinks checks that every link to a heading finds one.
func TestReferenceLinks(t *testing.T) {
	t.Parallel()
	pages := api.Reference()
	link := regexp.MustCompile(`\]\(([a-z-]+\.md)(?:#([a-z]+))?\)`)
	for name, page := range pages {
		for _, l := range link.FindAllStringSubmatch(string(page), -1) {
			target := strings.ToLower(string(pages[l[1]]))
			if target == "" || l[2] != "" && !strings.Contains(target, "\n## "+l[2]+"\n") {
				t.Errorf("%s links to %s, which is not there", name, l[0])
			}
		}
	}
}

// TestOpenAPI checks that the document has every operation with all its
// parameters and answers, and that each of its references leads somewhere.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	text, err := api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	document := parseModel(t, text)
	if document["openapi"] != "3.1.0" {
		t.Errorf("openapi: %v", document["openapi"])
	}
	paths := document["paths"].(map[string]any)
	found := 0
	for _, item := range paths {
		found += len(item.(map[string]any))
	}
	all := append(api.Table(), api.OwnTable()...)
	if found != len(all) || len(api.Table()) != 49 {
		t.Errorf("%d operations, want %d; %d of the service model, want 49", found, len(all), len(api.Table()))
	}
	for _, row := range all {
		item, _ := paths[row.Path].(map[string]any)
		op, _ := item[strings.ToLower(row.Method)].(map[string]any)
		if op == nil || op["operationId"] != row.Name || !strings.HasSuffix(op["summary"].(string), ".") {
			t.Errorf("%s %s: %v, want %s", row.Method, row.Path, op, row.Name)
			continue
		}
		if op["responses"].(map[string]any)["200"] == nil && op["responses"].(map[string]any)["204"] == nil {
			t.Errorf("%s has no good answer", row.Name)
		}
		var inPath []string
		parameters, _ := op["parameters"].([]any)
		for _, p := range parameters {
			if p := p.(map[string]any); p["in"] == "path" {
				inPath = append(inPath, "{"+p["name"].(string)+"}")
				if p["required"] != true {
					t.Errorf("%s: the path's %s is not required", row.Name, p["name"])
				}
			}
		}
		members := regexp.MustCompile(`\{\w+\}`).FindAllString(row.Path, -1)
		slices.Sort(inPath)
		slices.Sort(members)
		if !slices.Equal(inPath, members) {
			t.Errorf("%s: parameters %v of the path %s", row.Name, inPath, row.Path)
		}
	}
	used := map[string]bool{}
	resolve(t, document, document, used)
	for name := range document["components"].(map[string]any)["schemas"].(map[string]any) {
		if !used["#/components/schemas/"+name] {
			t.Errorf("nothing uses the schema %s", name)
		}
	}
}

// resolve follows every $ref below at.
func resolve(t *testing.T, document map[string]any, at any, used map[string]bool) {
	t.Helper()
	switch at := at.(type) {
	case []any:
		for _, item := range at {
			resolve(t, document, item, used)
		}
	case map[string]any:
		for key, item := range at {
			ref, isText := item.(string)
			if key != "$ref" || !isText {
				resolve(t, document, item, used)
				continue
			}
			used[ref] = true
			var target any = document
			for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				inside, _ := target.(map[string]any)
				target = inside[part]
			}
			if described, _ := target.(map[string]any); len(described) == 0 {
				t.Errorf("%s leads nowhere", ref)
			}
		}
	}
}

func TestDocumentsAreServed(t *testing.T) {
	t.Parallel()
	d, err := api.NewDocuments()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		if !d.Has(path) {
			t.Errorf("%s is not here", path)
		}
		d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		return w
	}
	list := strings.Fields(ask(http.MethodGet, "/sdk/botocore/").Body.String())
	if len(list) != 4 {
		t.Errorf("listed: %v", list)
	}
	for _, path := range append(list, "../../openapi.json") {
		path, _ := strings.CutPrefix("/sdk/botocore/"+path, "/sdk/botocore/../..")
		w := ask(http.MethodGet, path)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	if w := ask(http.MethodPost, "/openapi.json"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	if w := ask(http.MethodGet, "/sdk/botocore/nothing"); w.Code != http.StatusNotFound {
		t.Errorf("nothing: %d", w.Code)
	}
	for _, path := range []string{"/", "/2020-08-01/studios", "/openapi.json/x"} {
		if d.Has(path) {
			t.Errorf("%s is no document", path)
		}
	}
}
