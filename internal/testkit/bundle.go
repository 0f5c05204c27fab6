package testkit

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

// Bundle fails when the scripts and styles in dist are not what their sources
// make; with update it makes them. sources lie in the test's own folder; each
// becomes dist/<its name>.js or .css. esbuild as a library needs no Node.
func Bundle(t *testing.T, update bool, sources ...string) {
	t.Helper()
	made := api.Build(api.BuildOptions{
		EntryPoints:       sources,
		Bundle:            true,
		Charset:           api.CharsetUTF8,
		Format:            api.FormatIIFE,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		MinifyWhitespace:  true,
		Outdir:            "dist",
		Target:            api.ES2022,
	})
	for _, m := range append(made.Errors, made.Warnings...) {
		t.Errorf("%+v: %s", m.Location, m.Text)
	}
	for _, f := range made.OutputFiles {
		name := filepath.Join("dist", filepath.Base(f.Path))
		if update {
			if err := os.WriteFile(name, f.Contents, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, f.Contents) {
			t.Errorf("%s is stale (%v): make generate", name, err)
		}
	}
}
