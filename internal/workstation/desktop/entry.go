package desktop

import (
	"errors"
	"slices"
	"strings"
)

// entry is a program's .desktop file, as far as a menu needs it (Desktop Entry
// Specification 1.5).
type entry struct {
	id         string // the file's path below "applications", with - for /
	file       string
	name       string // in the user's language
	icon       string
	command    string // Exec, as it is written
	tryExec    string
	dir        string // Path
	terminal   bool
	hidden     bool // by Hidden or NoDisplay
	onlyShowIn []string
	notShowIn  []string
	categories []string
}

// parseEntry reads a .desktop file. ok is false for what is no application.
func parseEntry(text string, locales []string) (e entry, ok bool) {
	if strings.Contains(text, "\x00") {
		return e, false // not a text, and no argument of a program can have one
	}
	inGroup, kind := false, ""
	best := len(locales) + 1 // how good the name is: lower is better
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			inGroup = line == "[Desktop Entry]"
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !inGroup || !found || strings.HasPrefix(line, "#") {
			continue
		}
		key, value = strings.TrimSpace(key), unescape(strings.TrimSpace(value))
		switch key {
		case "Type":
			kind = value
		case "Icon":
			e.icon = value
		case "Exec":
			e.command = value
		case "TryExec":
			e.tryExec = value
		case "Path":
			e.dir = value
		case "Terminal":
			e.terminal = value == "true"
		case "Hidden", "NoDisplay":
			e.hidden = e.hidden || value == "true"
		case "OnlyShowIn":
			e.onlyShowIn = fields(value)
		case "NotShowIn":
			e.notShowIn = fields(value)
		case "Categories":
			e.categories = fields(value)
		default:
			if rank := nameRank(key, locales); rank < best {
				best, e.name = rank, value
			}
		}
	}
	return e, kind == "Application" && e.name != ""
}

// nameRank tells how well a key's name fits the user's languages: their place,
// then the name without a language, then none.
func nameRank(key string, locales []string) int {
	if key == "Name" {
		return len(locales)
	}
	if tag, ok := strings.CutPrefix(key, "Name["); ok {
		for i, l := range locales {
			if tag == l+"]" {
				return i
			}
		}
	}
	return len(locales) + 1
}

// locales lists how names in the user's language are marked, best first.
func locales(env map[string]string) []string {
	value := env["LC_ALL"]
	if value == "" {
		value = env["LC_MESSAGES"]
	}
	if value == "" {
		value = env["LANG"]
	}
	rest, modifier, hasModifier := strings.Cut(value, "@")
	rest, _, _ = strings.Cut(rest, ".")
	language, country, hasCountry := strings.Cut(rest, "_")
	if language == "" || language == "C" || language == "POSIX" {
		return nil
	}
	var all []string
	if hasCountry && hasModifier {
		all = append(all, language+"_"+country+"@"+modifier)
	}
	if hasCountry {
		all = append(all, language+"_"+country)
	}
	if hasModifier {
		all = append(all, language+"@"+modifier)
	}
	return append(all, language)
}

// shownIn reports whether the entry is meant for the desktop, a list as in
// XDG_CURRENT_DESKTOP.
func (e entry) shownIn(desktop string) bool {
	if e.hidden {
		return false
	}
	for name := range strings.SplitSeq(desktop, ":") {
		if slices.Contains(e.onlyShowIn, name) {
			return true
		}
		if slices.Contains(e.notShowIn, name) {
			return false
		}
	}
	return len(e.onlyShowIn) == 0
}

func fields(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ';' })
}

// unescape undoes the escapes of the type string.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\s`, " ", `\n`, "\n", `\t`, "\t", `\r`, "\r", `\\`, `\`).Replace(s)
}

// args turns Exec into a program and its arguments, as if it was started without
// a file.
func (e entry) args() ([]string, error) {
	words, err := split(e.command)
	if err != nil {
		return nil, err
	}
	var args []string
	for _, w := range words {
		if w == "%i" {
			if e.icon != "" {
				args = append(args, "--icon", e.icon)
			}
			continue
		}
		if a := e.expand(w); a != "" || w == "" {
			args = append(args, a)
		}
	}
	if len(args) == 0 || args[0] == "" {
		return nil, errors.New("no program")
	}
	return args, nil
}

// expand replaces field codes. Those for files, and those no longer in use, stand
// for nothing.
func (e entry) expand(word string) string {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] != '%' || i+1 == len(word) {
			b.WriteByte(word[i])
			continue
		}
		i++
		switch word[i] {
		case '%':
			b.WriteByte('%')
		case 'c':
			b.WriteString(e.name)
		case 'k':
			b.WriteString(e.file)
		}
	}
	return b.String()
}

// split splits a command into words. The specification knows double quotes only;
// what is in use was written for a shell, so single quotes count as well.
func split(command string) ([]string, error) {
	var words []string
	var b strings.Builder
	inWord, quote := false, byte(0)
	for i := 0; i < len(command); i++ {
		c := command[i]
		switch {
		case quote == '\'' && c != '\'', quote == '"' && c != '"' && c != '\\':
			b.WriteByte(c)
		case c == quote:
			quote = 0
		case c == '\\':
			if i++; i == len(command) {
				return nil, errors.New("nothing behind a backslash")
			}
			if quote == '"' && !strings.ContainsRune("\"`$\\", rune(command[i])) {
				b.WriteByte('\\')
			}
			b.WriteByte(command[i])
			inWord = true
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if inWord {
				words = append(words, b.String())
				b.Reset()
				inWord = false
			}
		default:
			b.WriteByte(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if inWord {
		words = append(words, b.String())
	}
	return words, nil
}

// join writes words so that a shell, and the window manager, splits them again
// into the same.
func join(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		if w != "" && strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-") == "" {
			quoted[i] = w
			continue
		}
		quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}
