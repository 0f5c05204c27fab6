package desktop

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExec(t *testing.T) {
	t.Parallel()
	e := entry{name: "My Tool", icon: "tool", file: "/usr/share/applications/tool.desktop"}
	for _, c := range []struct {
		exec string
		want []string // nil: no program
	}{
		{"tool", []string{"tool"}},
		{"tool %U", []string{"tool"}},
		{"tool --file=%f -x %u %F", []string{"tool", "--file=", "-x"}},
		{"tool %i %c %k", []string{"tool", "--icon", "tool", "My Tool", "/usr/share/applications/tool.desktop"}},
		{"tool 100%% %d%D%n%N%v%m", []string{"tool", "100%"}},
		{`"/opt/My Tool/run" "a \"quoted\" word" "\$HOME \\ \x"`, []string{"/opt/My Tool/run", `a "quoted" word`, `$HOME \ \x`}},
		{`sh -c 'echo "hello"; exec tool'`, []string{"sh", "-c", `echo "hello"; exec tool`}},
		{`tool a\ b ""`, []string{"tool", "a b", ""}},
		{"  tool\t-v  ", []string{"tool", "-v"}},
		{"tool %", []string{"tool", "%"}},
		{"", nil},
		{"%f", nil},
		{`"" x`, nil},
		{`tool "open`, nil},
		{`tool \`, nil},
	} {
		e.command = c.exec
		got, err := e.args()
		if (err == nil) != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("Exec %q = %q, %v, want %q", c.exec, got, err, c.want)
		}
	}
}

func TestParseEntry(t *testing.T) {
	t.Parallel()
	e, ok := parseEntry(strings.Join([]string{
		"# a remark", "Name=outside", "[Desktop Entry]", " Type = Application ", "Name=Plain", "Name[de]=Deutsch",
		"Name[de_AT]=Österreichisch", "Name[fr]=Français", "Exec=run\\s--x\\\\y", "Categories=Graphics;;2DGraphics;",
		"[Desktop Action New]", "Name=Action", "Exec=other",
	}, "\n"), locales(map[string]string{"LANG": "de_AT.UTF-8@euro"}))
	want := entry{name: "Österreichisch", command: `run --x\y`, categories: []string{"Graphics", "2DGraphics"}}
	if d := cmp.Diff(want, e, cmp.AllowUnexported(entry{})); d != "" || !ok {
		t.Errorf("entry (-want +got), ok %v:\n%s", ok, d)
	}
	for _, text := range []string{"", "[Desktop Entry]\nType=Link\nName=x", "[Desktop Entry]\nType=Application\nExec=x"} {
		if _, ok := parseEntry(text, nil); ok {
			t.Errorf("%q passes for an application", text)
		}
	}
}

func TestLocales(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]string{
		"de_AT.UTF-8@euro": {"de_AT@euro", "de_AT", "de@euro", "de"},
		"sr@latin":         {"sr@latin", "sr"},
		"fr_FR.UTF-8":      {"fr_FR", "fr"},
		"C.UTF-8":          nil, "POSIX": nil, "": nil,
	} {
		if got := locales(map[string]string{"LANG": value}); !slices.Equal(got, want) {
			t.Errorf("locales of %q = %q, want %q", value, got, want)
		}
	}
	if got := locales(map[string]string{"LANG": "de", "LC_MESSAGES": "it", "LC_ALL": "fr"}); got[0] != "fr" {
		t.Errorf("LC_ALL does not win: %q", got)
	}
}

func TestShownIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		e    entry
		want bool
	}{
		{entry{}, true},
		{entry{hidden: true}, false},
		{entry{onlyShowIn: []string{"GNOME", "Openbox"}}, true},
		{entry{onlyShowIn: []string{"GNOME"}}, false},
		{entry{notShowIn: []string{"Openbox"}}, false},
		{entry{notShowIn: []string{"KDE"}}, true},
	} {
		if got := c.e.shownIn("Studio:Openbox"); got != c.want {
			t.Errorf("%+v shown: %v, want %v", c.e, got, c.want)
		}
	}
}

func FuzzEntry(f *testing.F) {
	f.Add("[Desktop Entry]\nType=Application\nName=A_b\nExec=a \"b c\" %f 'd' \\\\ %%\n")
	f.Add("[Desktop Entry]\nType=Application\nName[de]=A\nName=\nExec=\"\\\\\\\\\"\nOnlyShowIn=;;\n")
	f.Fuzz(func(t *testing.T, text string) {
		e, ok := parseEntry(text, []string{"de"})
		if !ok {
			return
		}
		args, err := e.args()
		if err != nil {
			return
		}
		again, err := split(join(args))
		if err != nil || !slices.Equal(args, again) {
			t.Errorf("%q became %q: %v", args, again, err)
		}
	})
}
