package viewer_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

var update = flag.Bool("update", false, "write dist anew")

// TestBundle keeps dist in step with its sources; with -update it makes it.
func TestBundle(t *testing.T) {
	t.Parallel()
	result := api.Build(api.BuildOptions{
		EntryPointsAdvanced: []api.EntryPoint{
			{InputPath: "main.ts", OutputPath: "viewer"},
			{InputPath: "viewer.css", OutputPath: "viewer"},
		},
		Bundle:            true,
		Charset:           api.CharsetUTF8,
		Format:            api.FormatIIFE,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		MinifyWhitespace:  true,
		Outdir:            "dist",
		Target:            api.ES2022,
	})
	for _, m := range append(result.Errors, result.Warnings...) {
		t.Errorf("%+v: %s", m.Location, m.Text)
	}
	for _, f := range result.OutputFiles {
		name := filepath.Join("dist", filepath.Base(f.Path))
		if *update {
			if err := os.WriteFile(name, f.Contents, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, f.Contents) {
			t.Errorf("%s is stale (%v): run go generate", name, err)
		}
	}
}
