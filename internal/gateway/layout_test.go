package gateway_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/evanw/esbuild/pkg/api"
	"github.com/google/go-cmp/cmp"
)

// TestPageGuessesLayout: by what the keys give, by language where that does not tell.
func TestPageGuessesLayout(t *testing.T) {
	t.Parallel()
	built := api.Build(api.BuildOptions{
		Bundle: true,
		Format: api.FormatIIFE,
		Stdin: &api.StdinOptions{ResolveDir: "viewer", Loader: api.LoaderTS, Contents: `
			import { byKeys, byLanguage, layouts } from "./layout";
			const german = new Map(Object.entries({ Backquote: "\u0302", Minus: "ß", Equal: "\u0301", BracketLeft: "ü",
				Semicolon: "ö", Quote: "ä", KeyQ: "q", KeyW: "w", KeyA: "a", KeyZ: "y", KeyY: "z", KeyM: "m", Comma: ",", Slash: "-", Digit1: "1" }));
			const american = new Map(Object.entries({ Backquote: "` + "`" + `", Minus: "-", Equal: "=", BracketLeft: "[", BracketRight: "]",
				Semicolon: ";", Quote: "'", Backslash: "\\", KeyQ: "q", KeyW: "w", KeyA: "a", KeyZ: "z", KeyY: "y", KeyM: "m", Comma: ",", Slash: "/", Digit1: "1" }));
			globalThis.guesses = {
				"a German keyboard": byKeys(german, "us"),
				"an American one": byKeys(american, "de"),
				"an American one in Poland": byKeys(american, "pl"),
				"nothing known": byKeys(new Map(), "jp"),
				"Swiss French": byLanguage(["fr-CH", "fr"]),
				"Austrian": byLanguage(["de-AT"]),
				"Brazilian": byLanguage(["pt-BR"]),
				"of no layout": byLanguage(["tlh", "sv"]),
				"none": byLanguage([]),
				"odd signatures": layouts.filter((l) => l.signature && l.signature.length !== 18).map((l) => l.id).join(" "),
			};`},
	})
	if len(built.Errors) > 0 {
		t.Fatal(built.Errors)
	}
	w := newWindow(t, 400, 300, "")
	w.do(chromedp.Evaluate(string(built.OutputFiles[0].Contents), nil))
	var got map[string]string
	w.eval(`return guesses`, &got)
	want := map[string]string{
		"a German keyboard": "de", "an American one": "us", "an American one in Poland": "pl", "nothing known": "jp",
		"Swiss French": "ch(fr)", "Austrian": "de", "Brazilian": "br", "of no layout": "se", "none": "us", "odd signatures": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("guesses (-want +got):\n%s", diff)
	}
}
