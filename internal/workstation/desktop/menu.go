package desktop

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// group is a submenu and the main categories that belong to it.
type group struct {
	label      string
	categories []string
}

// groups are the submenus in their order. An entry is in the group of the first
// of its own categories that has one, or else in the last.
func groups() []group {
	return []group{
		{"Graphics", []string{"Graphics"}},
		{"Sound & Video", []string{"AudioVideo", "Audio", "Video"}},
		{"Internet", []string{"Network"}},
		{"Office", []string{"Office"}},
		{"Development", []string{"Development"}},
		{"Science & Education", []string{"Science", "Education"}},
		{"Games", []string{"Game"}},
		{"Accessories", []string{"Utility"}},
		{"Settings", []string{"Settings"}},
		{"System", []string{"System"}},
		{"Other", nil},
	}
}

// item is a line of the menu.
type item struct{ label, command string }

// writeMenu writes the programs of the image as a pipe menu of Openbox.
func writeMenu(env map[string]string, w io.Writer) error {
	setMissing(env, "PATH", defaultPath)
	setMissing(env, "XDG_CURRENT_DESKTOP", "Openbox")
	terminal := firstOf(env, "xfce4-terminal", "lxterminal", "xterm", "x-terminal-emulator")
	files := firstOf(env, "pcmanfm", "thunar", "nautilus", "nemo", "caja", "dolphin")
	all := groups()
	members := make([][]item, len(all))
	for _, e := range entries(env) {
		if it, ok := e.item(env, terminal); ok {
			i := e.group(all)
			members[i] = append(members[i], it)
		}
	}

	var b bytes.Buffer
	b.WriteString(xml.Header + "<openbox_pipe_menu xmlns=\"http://openbox.org/3.4/menu\">\n")
	if terminal != "" {
		writeItem(&b, item{"Terminal", join([]string{terminal})})
	}
	if files != "" {
		writeItem(&b, item{"Files", join([]string{files})})
	}
	b.WriteString("<separator/>\n")
	for i, g := range all {
		if len(members[i]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "<menu id=\"programs-%d\" label=\"%s\">\n", i, label(g.label))
		for _, it := range members[i] {
			writeItem(&b, it)
		}
		b.WriteString("</menu>\n")
	}
	// With no task bar, this is where a minimized window is found again.
	b.WriteString("<separator/>\n<menu id=\"client-list-combined-menu\"/>\n</openbox_pipe_menu>\n")
	_, err := w.Write(b.Bytes())
	return err
}

func writeItem(b *bytes.Buffer, it item) {
	fmt.Fprintf(b, "<item label=\"%s\"><action name=\"Execute\"><command>%s</command></action></item>\n",
		label(it.label), escape(it.command))
}

// label makes a text safe for a menu, where an underscore marks a key.
func label(s string) string { return escape(strings.ReplaceAll(s, "_", "__")) }

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

// item makes a menu line; ok is false when the entry does not belong into this menu
// or its program is not there.
func (e entry) item(env map[string]string, terminal string) (it item, ok bool) {
	if !e.shownIn(env["XDG_CURRENT_DESKTOP"]) || e.tryExec != "" && find(env, e.tryExec) == "" {
		return item{}, false
	}
	args, err := e.args()
	if err != nil || find(env, args[0]) == "" {
		return item{}, false
	}
	if e.dir != "" {
		args = append([]string{"env", "--chdir=" + e.dir}, args...)
	}
	if e.terminal {
		if terminal == "" {
			return item{}, false
		}
		args = inTerminal(terminal, e.name, args)
	}
	return item{e.name, join(args)}, true
}

func inTerminal(terminal, title string, args []string) []string {
	switch filepath.Base(terminal) {
	case "xfce4-terminal":
		return append([]string{terminal, "-T", title, "-x"}, args...)
	case "lxterminal":
		return []string{terminal, "-t", title, "-e", join(args)}
	default:
		return append([]string{terminal, "-T", title, "-e"}, args...)
	}
}

func (e entry) group(all []group) int {
	for _, c := range e.categories {
		for i, g := range all {
			if slices.Contains(g.categories, c) {
				return i
			}
		}
	}
	return len(all) - 1
}

// entries reads all programs, ordered by name. Of several files with one id the
// first counts, in the order of the data directories.
func entries(env map[string]string) []entry {
	user := env["XDG_DATA_HOME"]
	if user == "" {
		user = filepath.Join(env["HOME"], ".local/share")
	}
	system := env["XDG_DATA_DIRS"]
	if system == "" {
		system = "/usr/local/share:/usr/share"
	}
	tags, seen := locales(env), make(map[string]bool)
	var all []entry
	for _, dir := range append([]string{user}, filepath.SplitList(system)...) {
		top := filepath.Join(dir, "applications")
		// What can not be read is not there.
		_ = filepath.WalkDir(top, func(path string, f fs.DirEntry, err error) error {
			if err != nil || f.IsDir() || filepath.Ext(path) != ".desktop" {
				return nil //nolint:nilerr // the same
			}
			below, _ := filepath.Rel(top, path)
			id := strings.ReplaceAll(below, "/", "-")
			if seen[id] {
				return nil
			}
			seen[id] = true
			text, err := os.ReadFile(path) //nolint:gosec // of the user or the image
			if err != nil {
				return nil //nolint:nilerr // the same
			}
			if e, ok := parseEntry(string(text), tags); ok {
				e.id, e.file = id, path
				all = append(all, e)
			}
			return nil
		})
	}
	slices.SortFunc(all, func(a, b entry) int {
		if c := strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name)); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	return all
}
