package studio

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// The limits of tags on one resource.
const (
	tagsMax     = 50
	tagKeyMax   = 128
	tagValueMax = 256
)

// checkTags keeps tags within the limits.
func checkTags(tags map[string]string) error {
	bad := func(format string, args ...any) error {
		return &Error{Kind: Validation, Code: CodeTags, Message: fmt.Sprintf(format, args...), Context: map[string]string{"member": "tags"}}
	}
	if len(tags) > tagsMax {
		return bad("A resource has at most %d tags, but tags holds %d.", tagsMax, len(tags))
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value := tags[key]
		switch n := utf8.RuneCountInString(key); {
		case !utf8.ValidString(key) || !utf8.ValidString(value):
			return bad("Tags must be text in UTF-8.")
		case n < 1 || n > tagKeyMax:
			return bad("The key of a tag has 1 to %d characters, but one has %d.", tagKeyMax, n)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return bad("The key of a tag must not begin with aws:.")
		case utf8.RuneCountInString(value) > tagValueMax:
			return bad("The value of a tag has at most %d characters; that of %q has more.", tagValueMax, cut(key, tagKeyMax))
		}
	}
	return nil
}

// ownTags is a copy of tags that is never nil, as answers always show tags.
func ownTags(tags map[string]string) map[string]string {
	own := map[string]string{}
	maps.Copy(own, tags)
	return own
}
