package desktop_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/workstation/desktop"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMenu(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"C.UTF-8", "de_DE.UTF-8"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			dir, err := filepath.Abs("testdata/menu")
			must(t, err)
			// The programs of the menu are whatever may be executed.
			bin := t.TempDir()
			for _, name := range []string{"xterm", "pcmanfm", "paint", "play", "vi", "tool"} {
				must(t, os.WriteFile(filepath.Join(bin, name), nil, 0o700))
			}
			var out, errs bytes.Buffer
			code := desktop.Main(t.Context(), []string{"session-menu"}, []string{
				"PATH=" + bin, "LANG=" + lang, "HOME=/nowhere",
				"XDG_DATA_HOME=" + dir + "/home", "XDG_DATA_DIRS=" + dir + "/local:" + dir + "/system:/nowhere",
			}, &out, &errs)
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, &errs)
			}
			got := strings.ReplaceAll(out.String(), bin, "/bin")
			golden := "testdata/menu-" + lang[:1] + ".xml"
			if *update {
				must(t, os.WriteFile(golden, []byte(got), 0o600))
			}
			want, err := os.ReadFile(golden)
			must(t, err)
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("menu (-want +got):\n%s", d)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"serve"}, {"session-menu", "x"}, {"session-init"}} {
		var out, errs bytes.Buffer
		if code := desktop.Main(t.Context(), args, nil, &out, &errs); code != 1 || errs.Len() == 0 || out.Len() > 0 {
			t.Errorf("%q: exit code %d, says %q and %q", args, code, &out, &errs)
		}
	}
}
