package api

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// encoder appends the JSON form of an addressable value.
type encoder func(b []byte, v reflect.Value) []byte

// newEncoder compiles the encoder of a response type, once, at start-up. It
// panics on a type that no response may hold.
func newEncoder(t reflect.Type) encoder {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return func(b []byte, v reflect.Value) []byte { return appendTime(b, *v.Addr().Interface().(*time.Time)) }
	case t.Kind() == reflect.String:
		return func(b []byte, v reflect.Value) []byte { return appendString(b, v.String()) }
	case t.Kind() == reflect.Int:
		return func(b []byte, v reflect.Value) []byte { return strconv.AppendInt(b, v.Int(), 10) }
	case t.Kind() == reflect.Pointer:
		inner := newEncoder(t.Elem())
		return func(b []byte, v reflect.Value) []byte { return inner(b, v.Elem()) }
	case t.Kind() == reflect.Slice:
		return encodeList(newEncoder(t.Elem()))
	case t == reflect.TypeFor[map[string]string]():
		return func(b []byte, v reflect.Value) []byte { return appendMap(b, v.Interface().(map[string]string)) }
	case t.Kind() == reflect.Struct:
		return encodeStruct(t)
	}
	panic("api: no response may hold a " + t.String())
}

func encodeList(item encoder) encoder {
	return func(b []byte, v reflect.Value) []byte {
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = item(b, v.Index(i))
		}
		return append(b, ']')
	}
}

func encodeStruct(t reflect.Type) encoder {
	type member struct {
		index    int
		key      string // `"name":`
		optional bool   // left out when it has no value
		encode   encoder
	}
	var members []member
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		members = append(members, member{i, strconv.Quote(name) + ":", options != "", newEncoder(f.Type)})
	}
	return func(b []byte, v reflect.Value) []byte {
		b = append(b, '{')
		first := true
		for i := range members {
			m := &members[i]
			f := v.Field(m.index)
			if m.optional && absent(f) {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, m.key...)
			b = m.encode(b, f)
		}
		return append(b, '}')
	}
}

// absent tells that a member has no value to show.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}

// appendTime appends t as ISO 8601 in UTC with whole seconds, the form of the
// service's timestamps.
func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, time.RFC3339)
	return append(b, '"')
}

func appendMap(b []byte, m map[string]string) []byte {
	b = append(b, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k)
		b = append(b, ':')
		b = appendString(b, m[k])
	}
	return append(b, '}')
}

// appendString appends s as a JSON string. Bytes that are no UTF-8 become
// U+FFFD; nothing is escaped that JSON does not ask for.
func appendString(b []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(b, s[start:i]...)
				b = append(b, "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
