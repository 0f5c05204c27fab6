package desktop

import (
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	longestName = 230 // of the 255 bytes that file systems take, for " (2)" and the like
	deepestPath = 64
)

// cleanPath is the names of folders and file that a path of somebody else's stands
// for: without what leads elsewhere or cannot be a name. It is empty when nothing is left.
func cleanPath(of string) (names []string) {
	for name := range strings.SplitSeq(of, "/") {
		name = strings.Map(func(r rune) rune {
			switch {
			case r == '\\', r == utf8.RuneError, unicode.IsControl(r):
				return '_'
			case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
				return -1 // they turn the direction of what follows: "gpj.exe" would look like "exe.jpg"
			}
			return r
		}, name)
		name = shortened(strings.TrimSpace(name))
		if name == "" || name == "." || name == ".." {
			continue
		}
		if names = append(names, name); len(names) > deepestPath {
			return nil
		}
	}
	return names
}

// shortened cuts the stem of a name that is too long.
func shortened(name string) string {
	if len(name) <= longestName {
		return name
	}
	stem, ext := cutExtension(name)
	if len(ext) > longestName/2 {
		stem, ext = name, ""
	}
	stem = stem[:longestName-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return stem + ext
}

// numbered is the n-th name to try: "render.exr", "render (2).exr".
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	stem, ext := cutExtension(name)
	return stem + " (" + strconv.Itoa(n) + ")" + ext
}

// cutExtension parts a name before its extension; "" for hidden files without one.
func cutExtension(name string) (stem, ext string) {
	ext = path.Ext(name)
	stem = strings.TrimSuffix(name, ext)
	if inner := path.Ext(stem); inner == ".tar" {
		stem, ext = strings.TrimSuffix(stem, inner), inner+ext
	}
	if stem == "" {
		return name, ""
	}
	return stem, ext
}
