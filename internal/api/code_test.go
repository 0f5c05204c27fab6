package api_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/api"
)

func TestErrorsDocumentIsFresh(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "errors.md")
	if *update {
		if err := os.WriteFile(path, []byte(api.ErrorsDocument()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(api.ErrorsDocument(), string(text)); diff != "" {
		t.Errorf("%s is stale; run go test ./internal/api -update:\n%s", path, diff)
	}
}

// TestEveryCodeIsDocumented looks for constants that are in no table.
func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"code.go", filepath.Join("..", "studio", "code.go")} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Code") {
				value := strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)
				if strings.Count(api.ErrorsDocument(), "| "+value+" |") != 1 {
					t.Errorf("%s must be in docs/errors.md once", value)
				}
			}
			return true
		})
	}
}
