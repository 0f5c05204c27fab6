package studio

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Check tells whether req, a pointer to a request, keeps the rules its tags
// name: members that must be there, and bounds, patterns and enums of their
// shapes, at any depth. The answer is a Validation error for the first member
// that does not; it shows no value of a sensitive shape.
//
// An absent member and its zero value look alike here, so a required string
// that may be empty is taken as given, and integers must carry their default.
func Check(req any) error {
	if broken := checkStruct("", false, reflect.ValueOf(req).Elem()); broken != nil {
		return broken
	}
	return nil
}

// patterns are the compiled patterns of all shapes.
var patterns = compilePatterns(shapes)

func compilePatterns(shapes map[string]Shape) map[string]*regexp.Regexp {
	compiled := map[string]*regexp.Regexp{}
	for _, s := range shapes {
		if s.Pattern != "" {
			compiled[s.Pattern] = regexp.MustCompile(s.Pattern)
		}
	}
	return compiled
}

// checkStruct checks the members of a structure; what lies in a sensitive one is
// sensitive too.
func checkStruct(path string, sensitive bool, v reflect.Value) *Error {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		member := memberName(f)
		if path != "" {
			member = path + "." + member
		}
		shape := shapes[f.Tag.Get("shape")]
		shape.Sensitive = shape.Sensitive || sensitive
		if missing(f, shape, v.Field(i)) {
			return invalid(CodeMissing, member, "is required and missing")
		}
		if broken := checkValue(member, shape, v.Field(i)); broken != nil {
			return broken
		}
	}
	return nil
}

// missing tells that a required member has not been given.
func missing(f reflect.StructField, s Shape, v reflect.Value) bool {
	if f.Tag.Get("required") != "true" {
		return false
	}
	switch v.Kind() {
	case reflect.String:
		return v.Len() == 0 && (s.Min == nil || *s.Min > 0)
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return v.IsNil()
	default:
		return false
	}
}

func checkValue(member string, s Shape, v reflect.Value) *Error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return checkPresent(member, s, v.Elem())
	case reflect.String:
		if v.Len() == 0 {
			return nil // absent; an empty one that was given is a pointer's matter
		}
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
	default:
	}
	return checkPresent(member, s, v)
}

func checkPresent(member string, s Shape, v reflect.Value) *Error {
	switch v.Kind() {
	case reflect.String:
		return checkString(member, s, v.String())
	case reflect.Int:
		return checkInteger(member, s, int(v.Int()))
	case reflect.Slice:
		return checkList(member, s, v)
	case reflect.Struct:
		if v.Type().PkgPath() == reflect.TypeFor[Shape]().PkgPath() {
			return checkStruct(member, s.Sensitive, v)
		}
	default:
	}
	return nil
}

func checkString(member string, s Shape, v string) *Error {
	n := utf8.RuneCountInString(v)
	kind := func() string {
		if s.Sensitive {
			return fmt.Sprintf("it is a string of %d", n)
		}
		return fmt.Sprintf("it is a string of %d (%q)", n, cut(v, 64))
	}
	switch {
	case !utf8.ValidString(v):
		return invalid(CodePattern, member, "must be text in UTF-8")
	case strings.ContainsRune(v, 0):
		return invalid(CodePattern, member, "must not have the character U+0000, which no store keeps as text")
	case s.Min != nil && n < *s.Min:
		return invalid(CodeLength, member, fmt.Sprintf("must have at least %d characters, but %s", *s.Min, kind()))
	case s.Max != nil && n > *s.Max:
		return invalid(CodeLength, member, fmt.Sprintf("must have at most %d characters, but %s", *s.Max, kind()))
	case s.Pattern != "" && !patterns[s.Pattern].MatchString(v):
		return invalid(CodePattern, member, fmt.Sprintf("must match %s, but %s", s.Pattern, kind()))
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, v):
		return invalid(CodeEnum, member, fmt.Sprintf("must be one of %s, but %s", strings.Join(s.Enum, ", "), kind()))
	}
	return nil
}

func checkInteger(member string, s Shape, v int) *Error {
	switch {
	case s.Min != nil && v < *s.Min:
		return invalid(CodeRange, member, fmt.Sprintf("must be at least %d, but it is %d", *s.Min, v))
	case s.Max != nil && v > *s.Max:
		return invalid(CodeRange, member, fmt.Sprintf("must be at most %d, but it is %d", *s.Max, v))
	}
	return nil
}

func checkList(member string, s Shape, v reflect.Value) *Error {
	switch {
	case s.Min != nil && v.Len() < *s.Min:
		return invalid(CodeLength, member, fmt.Sprintf("must have at least %d items, but it is a list of %d", *s.Min, v.Len()))
	case s.Max != nil && v.Len() > *s.Max:
		return invalid(CodeLength, member, fmt.Sprintf("must have at most %d items, but it is a list of %d", *s.Max, v.Len()))
	}
	item := shapes[s.Member]
	item.Sensitive = item.Sensitive || s.Sensitive
	for i := range v.Len() {
		if broken := checkPresent(fmt.Sprintf("%s[%d]", member, i), item, v.Index(i)); broken != nil {
			return broken
		}
	}
	return nil
}

// memberName is the name a member has on the wire.
func memberName(f reflect.StructField) string {
	for _, place := range []string{"path", "query", "header"} {
		if name := f.Tag.Get(place); name != "" {
			if place == "header" {
				return "clientToken"
			}
			return name
		}
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func invalid(code, member, rule string) *Error {
	return &Error{
		Kind: Validation, Code: code,
		Message: "The member " + member + " " + rule + ".",
		Context: map[string]string{"member": member},
	}
}

// cut shortens s to at most n characters.
func cut(s string, n int) string {
	i := 0
	for at := range s {
		if i == n {
			return s[:at] + "…"
		}
		i++
	}
	return s
}
