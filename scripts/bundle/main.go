// Command bundle makes one script of a page's TypeScript, with esbuild as a
// library, so that no Node is needed.
//
//	go run ./scripts/bundle [-check] page.ts page.js
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	check := flag.Bool("check", false, "write nothing; fail when the script is not what the source makes")
	flag.Parse()
	if err := run(*check, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run(check bool, source, script string) error {
	if source == "" || script == "" {
		return errors.New("usage: bundle [-check] page.ts page.js")
	}
	made := api.Build(api.BuildOptions{
		EntryPoints:       []string{source},
		Bundle:            true,
		MinifyWhitespace:  true,
		MinifySyntax:      true,
		MinifyIdentifiers: true,
		Target:            api.ES2022,
		Format:            api.FormatIIFE,
		Charset:           api.CharsetUTF8,
		TsconfigRaw:       `{"compilerOptions":{"strict":true}}`,
		Outfile:           script,
	})
	if len(made.Errors) > 0 {
		for _, line := range api.FormatMessages(made.Errors, api.FormatMessagesOptions{}) {
			fmt.Fprint(os.Stderr, line)
		}
		return fmt.Errorf("%s has errors", source)
	}
	text := made.OutputFiles[0].Contents
	if !check {
		return os.WriteFile(script, text, 0o644)
	}
	have, err := os.ReadFile(script)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, text) {
		return fmt.Errorf("%s is stale: make generate", script)
	}
	return nil
}
