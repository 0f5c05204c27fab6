package gateway_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/evanw/esbuild/pkg/api"
	"github.com/google/go-cmp/cmp"
)

// load runs a script that may import what the page is made of.
func (w *window) load(script string) {
	w.t.Helper()
	built := api.Build(api.BuildOptions{
		Bundle: true,
		Format: api.FormatIIFE,
		Stdin:  &api.StdinOptions{ResolveDir: "viewer", Loader: api.LoaderTS, Contents: script},
	})
	if len(built.Errors) > 0 {
		w.t.Fatal(built.Errors)
	}
	w.do(chromedp.Evaluate(string(built.OutputFiles[0].Contents), nil))
}

// TestPageSpeaksWire holds the page's messages against the golden files of package wire.
func TestPageSpeaksWire(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("../wire/testdata/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	var messages []struct {
		Name   string
		Fields json.RawMessage
		Hex    string
	}
	if err := json.Unmarshal(golden, &messages); err != nil {
		t.Fatal(err)
	}
	w := newWindow(t, 400, 300, "")
	w.load(`import * as wire from "./wire";
		import * as hands from "./hands";
		import * as picture from "./picture";
		import * as scale from "./scale";
		const encoders = {
			Resize: (m) => wire.resize(m.Width, m.Height),
			Pointer: (m) => wire.pointer(m.X, m.Y),
			Button: (m) => wire.button(m.Button, m.Down),
			Wheel: (m) => wire.wheel(m.DX, m.DY),
			Key: (m) => wire.key({ code: m.Code, keysym: m.Keysym }, m.Down),
			ReleaseAll: () => wire.releaseAll(),
			Pen: (m) => hands.pen((m.Samples ?? []).map((s) => ({
				x: s.X, y: s.Y, pressure: s.Pressure, tiltX: s.TiltX, tiltY: s.TiltY, buttons: s.Buttons,
			})))[0],
			Motion: (m) => hands.motion(m.DX, m.DY),
			Layout: (m) => hands.layout(m.Name, m.Variant),
			Colour: (m) => picture.messageOf(m.Full, m.Decodes),
			Prefer: (m) => picture.preferenceOf(m.Keep, m.MostBitsPerSecond),
			Scale: (m) => scale.messageOf(m.Percent),
			Locks: (m) => hands.locks(m.Caps, m.Num),
		};
		globalThis.encode = (name, fields) => encoders[name] && [...encoders[name](fields)];
		globalThis.decode = (bytes) => {
			const m = wire.decode(new Uint8Array(bytes).buffer);
			return m && { ...m, pixels: m.pixels && btoa(String.fromCharCode(...m.pixels)) };
		};`)
	script := func(call string, args ...any) (result any) {
		t.Helper()
		b, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		w.eval(`return `+call+`(...`+string(b)+`) ?? null`, &result)
		return result
	}
	seen := 0
	for _, m := range messages {
		b, err := hex.DecodeString(m.Hex)
		if err != nil {
			t.Fatal(err)
		}
		numbers := make([]any, len(b))
		for i := range b {
			numbers[i] = float64(b[i])
		}
		if got := script("encode", m.Name, m.Fields); got != nil {
			seen++
			if diff := cmp.Diff(any(numbers), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", m.Name, diff)
			}
		}
		switch got := script("decode", numbers).(type) {
		case map[string]any:
			seen++
			var want map[string]any
			if err := json.Unmarshal(m.Fields, &want); err != nil {
				t.Fatal(err)
			}
			for field, name := range map[string]string{
				"Width": "width", "Height": "height", "HotX": "hotX", "HotY": "hotY", "Serial": "serial", "Pixels": "pixels",
			} {
				if want[field] != got[name] && want[field] != nil && got[name] != "" {
					t.Errorf("%s: %s is %v, want %v", m.Name, name, got[name], want[field])
				}
			}
			// A message cut short is none, and harms nobody.
			if cut := script("decode", numbers[:len(numbers)-1]); cut != nil {
				t.Errorf("%s: cut short it is %v", m.Name, cut)
			}
		case nil:
			if m.Name == "Cursor" || m.Name == "Screen" {
				t.Errorf("%s is not understood", m.Name)
			}
		}
	}
	if seen < 8 {
		t.Errorf("%d messages of %d are the page's, want at least 8", seen, len(messages))
	}
}
