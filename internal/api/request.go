package api

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/backlot/backlot/internal/studio"
)

// decoder makes a request struct of what came over the wire.
type decoder struct {
	in    reflect.Type
	bound []binding
	body  *structReader // nil when the operation takes no JSON
	// stream is the index of the member that is the body as it comes; -1: none.
	stream int
}

// place is where a bound member travels.
type place string

// The places of members beside the body; they are also the names of their tags.
const (
	inPath   place = "path"
	inQuery  place = "query"
	inHeader place = "header"
)

// binding is a member that travels outside the body.
type binding struct {
	place    place
	name     string // of the {member}, the query key or the canonical header
	member   string // as the service model calls it
	param    int    // its position among the {members} of the path
	index    int    // of the struct's field
	required bool
	shape    studio.Shape
}

// newDecoder compiles the decoder of a request type, once, at start-up.
func newDecoder(in reflect.Type, path string) *decoder {
	d := &decoder{in: in, stream: -1}
	elsewhere := 0
	for i := range in.NumField() {
		f := in.Field(i)
		for _, p := range []place{inPath, inQuery, inHeader} {
			if name := f.Tag.Get(string(p)); name != "" {
				d.bound = append(d.bound, bind(f, i, p, name, path))
				elsewhere++
			}
		}
		if streamed(f) {
			d.stream = i
			elsewhere++
		}
	}
	if elsewhere < in.NumField() {
		d.body = newStructReader(in, func(f reflect.StructField) bool { return f.Tag.Get("json") != "-" })
	}
	return d
}

// streamed tells that a member is the body as it comes.
func streamed(f reflect.StructField) bool { return f.Tag.Get("stream") != "" }

func bind(f reflect.StructField, index int, p place, name, path string) binding {
	shape, _ := studio.ShapeOf(f.Tag.Get("shape"))
	b := binding{place: p, name: name, member: name, index: index, required: f.Tag.Get("required") == "true", shape: shape}
	switch p {
	case inHeader:
		b.name = http.CanonicalHeaderKey(name)
		b.member = headerMember(f)
	case inPath:
		before, _, found := strings.Cut(path, "{"+name+"}")
		if !found {
			panic("api: " + path + " has no {" + name + "}")
		}
		b.param = strings.Count(before, "{")
	case inQuery:
	}
	return b
}

// headerMember is the name in the service model of a member that travels in a
// header; it is in no tag.
func headerMember(f reflect.StructField) string {
	return strings.ToLower(f.Name[:1]) + f.Name[1:]
}

// request decodes a request: a pointer to a new struct, or the Validation error
// of the first member that has a wrong type or is missing, or is given but empty
// against its rule. All other rules are checked by studio.Service, for every
// caller. An empty body is {}.
func (d *decoder) request(r *http.Request, path params, body []byte) (any, error) {
	in := reflect.New(d.in)
	var query url.Values
	if r.URL.RawQuery != "" {
		parsed, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, &studio.Error{
				Kind: studio.Validation, Code: CodeQuery, Message: "The query string cannot be parsed: check its percent-encoding.",
			}
		}
		query = parsed
	}
	for i := range d.bound {
		b := &d.bound[i]
		var values []string
		switch b.place {
		case inPath:
			values = path[b.param : b.param+1]
		case inQuery:
			values = query[b.name]
		case inHeader:
			values = r.Header[b.name]
		}
		if err := b.read(in.Elem().Field(b.index), values); err != nil {
			return nil, err
		}
	}
	if err := d.readBody(in.Elem(), body); err != nil {
		return nil, err
	}
	return in.Interface(), nil
}

func (d *decoder) readBody(in reflect.Value, body []byte) error {
	if d.body == nil {
		return nil
	}
	if len(body) == 0 {
		return d.body.complete(&document{}, in, 0)
	}
	doc, err := parse(body)
	if err != nil {
		return err
	}
	return d.body.read(doc, in)
}

// read puts the values of a bound member into its field. A list is its values;
// anything else that is repeated is joined by commas, as headers are.
func (b *binding) read(v reflect.Value, values []string) error {
	if len(values) == 0 {
		if b.required {
			return studio.Invalid(studio.CodeMissing, b.member, "is required and missing")
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Slice:
		list := reflect.MakeSlice(v.Type(), len(values), len(values))
		for i, s := range values {
			list.Index(i).SetString(s)
		}
		v.Set(list)
		return nil
	case reflect.Pointer:
		n, err := strconv.Atoi(strings.Join(values, ","))
		if err != nil {
			return studio.Invalid(CodeType, b.member, "must be an integer")
		}
		v.Set(reflect.ValueOf(&n))
		return nil
	case reflect.String:
		s := strings.Join(values, ",")
		v.SetString(s)
		if s == "" && !b.required {
			return b.shape.CheckString(b.member, s)
		}
		return nil
	default:
		return fmt.Errorf("member %s has a type that cannot travel in the %s", b.member, b.place)
	}
}
