package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/backlot/backlot/internal/studio"
)

// maxDepth is how deeply objects and arrays of a body may nest.
const maxDepth = 64

// jsonKind names the kind of a JSON value in messages.
type jsonKind string

// The kinds of JSON values.
const (
	jsonObject  jsonKind = "an object"
	jsonList    jsonKind = "a list"
	jsonString  jsonKind = "a string"
	jsonNumber  jsonKind = "a number"
	jsonBoolean jsonKind = "a boolean"
	jsonNull    jsonKind = "null"
)

// document is a JSON text known to be valid, read from front to back.
type document struct {
	text []byte
	at   int
	path []byte // of the member being read
}

// parse makes a document of a body, which must be one JSON object.
func parse(body []byte) (*document, error) {
	if !utf8.Valid(body) {
		return nil, badBody(CodeJSON, "is not UTF-8")
	}
	var syntax *json.SyntaxError
	if err := json.Unmarshal(body, new(json.RawMessage)); errors.As(err, &syntax) {
		return nil, badBody(CodeJSON, fmt.Sprintf("is not valid JSON: byte %d: %v", syntax.Offset, syntax))
	} else if err != nil {
		return nil, badBody(CodeJSON, "is not valid JSON")
	}
	if depth(body) > maxDepth {
		return nil, badBody(CodeDepth, fmt.Sprintf("nests more than %d objects and lists", maxDepth))
	}
	d := &document{text: body}
	if k := d.kind(); k != jsonObject {
		return nil, badBody(CodeJSON, "must be a JSON object, but it is "+string(k))
	}
	return d, nil
}

func badBody(code, what string) error {
	return &studio.Error{Kind: studio.Validation, Code: code, Message: "The body " + what + "."}
}

// depth counts how deeply a valid JSON text nests.
func depth(text []byte) int {
	deepest, now, inString := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// kind tells the kind of the next value, and skips the space before it.
func (d *document) kind() jsonKind {
	d.space()
	switch d.text[d.at] {
	case '{':
		return jsonObject
	case '[':
		return jsonList
	case '"':
		return jsonString
	case 't', 'f':
		return jsonBoolean
	case 'n':
		return jsonNull
	default:
		return jsonNumber
	}
}

func (d *document) space() {
	for d.at < len(d.text) {
		switch d.text[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// next enters an object or list, or steps to its next value, and reports
// whether there is one; at the end it steps out. The first call has entered unset.
func (d *document) next(entered *bool) bool {
	d.space()
	c := d.text[d.at]
	if !*entered || c == ',' {
		*entered = true
		d.at++
		d.space()
		c = d.text[d.at]
	}
	if c == '}' || c == ']' {
		d.at++
		return false
	}
	return true
}

// name reads the name of an object's next member.
func (d *document) name() string {
	name := d.string()
	d.space()
	d.at++ // the colon
	return name
}

// string reads a string.
func (d *document) string() string {
	raw, escaped := d.quoted()
	if !escaped {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // the document is valid
	return s
}

// quoted steps over a string and returns it with its quotes.
func (d *document) quoted() (raw []byte, escaped bool) {
	start := d.at
	for d.at++; d.text[d.at] != '"'; d.at++ {
		if d.text[d.at] == '\\' {
			escaped = true
			d.at++
		}
	}
	d.at++
	return d.text[start:d.at], escaped
}

// integer reads a number; ok is false when it is no integer. 1.0 and 1e2 are
// integers, as in JSON.
func (d *document) integer() (n int, ok bool) {
	raw := string(d.word())
	if n, err := strconv.Atoi(raw); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int(f), true
}

// word steps over a number, true, false or null.
func (d *document) word() []byte {
	start := d.at
	for ; d.at < len(d.text); d.at++ {
		switch d.text[d.at] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return d.text[start:d.at]
		}
	}
	return d.text[start:]
}

// skip steps over a value.
func (d *document) skip() {
	switch d.kind() {
	case jsonString:
		d.quoted()
	case jsonObject:
		for entered := false; d.next(&entered); {
			d.name()
			d.skip()
		}
	case jsonList:
		for entered := false; d.next(&entered); {
			d.skip()
		}
	default:
		d.word()
	}
}
