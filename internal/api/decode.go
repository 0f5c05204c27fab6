package api

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/backlot/backlot/internal/studio"
)

// reader reads the next value of a document into v.
type reader func(d *document, v reflect.Value) error

// structReader reads an object into a struct.
type structReader struct {
	members map[string]*member
	fields  []*member // those that are required or have a default
}

// member is a member of a structure in a JSON text.
type member struct {
	name     string
	index    int
	bit      uint64
	required bool
	standard int // its default; 0 is the zero value anyway
	read     reader
}

// newReader compiles the reader of a type, once, at start-up. It panics on a
// type that no request may hold.
func newReader(t reflect.Type, shape studio.Shape) reader {
	switch {
	case t.Kind() == reflect.String:
		return func(d *document, v reflect.Value) error { return readString(d, shape, v) }
	case t.Kind() == reflect.Int:
		return readInteger
	case t.Kind() == reflect.Pointer:
		inner := newReader(t.Elem(), shape)
		return func(d *document, v reflect.Value) error {
			p := reflect.New(t.Elem())
			v.Set(p)
			return inner(d, p.Elem())
		}
	case t.Kind() == reflect.Slice:
		return readList(t, shape)
	case t == reflect.TypeFor[map[string]string]():
		return readMap
	case t.Kind() == reflect.Struct:
		s := newStructReader(t, func(reflect.StructField) bool { return true })
		return func(d *document, v reflect.Value) error {
			if err := d.want(jsonObject); err != nil {
				return err
			}
			return s.read(d, v)
		}
	}
	panic("api: no request may hold a " + t.String())
}

// newStructReader compiles the reader of those fields of a struct that chosen tells.
func newStructReader(t reflect.Type, chosen func(reflect.StructField) bool) *structReader {
	s := &structReader{members: map[string]*member{}}
	for i := range t.NumField() {
		f := t.Field(i)
		if !chosen(f) {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		shape, _ := studio.ShapeOf(f.Tag.Get("shape"))
		m := &member{
			name: name, index: i, bit: 1 << len(s.members),
			required: f.Tag.Get("required") == "true", read: newReader(f.Type, shape),
		}
		m.standard, _ = strconv.Atoi(f.Tag.Get("default"))
		s.members[name] = m
		if m.bit == 0 {
			panic("api: " + t.String() + " has more than 64 members")
		}
		if m.required || m.standard != 0 {
			s.fields = append(s.fields, m)
		}
	}
	return s
}

// read reads an object. Members it does not know are skipped, null is absent,
// and a member given twice is refused: readers would differ on which one counts.
func (s *structReader) read(d *document, v reflect.Value) error {
	var seen, given uint64
	for entered := false; d.next(&entered); {
		m := s.members[d.name()]
		if m == nil {
			d.skip()
			continue
		}
		back := d.enter(m.name)
		if seen&m.bit != 0 {
			return d.broken(CodeDuplicate, "is given twice")
		}
		seen |= m.bit
		if d.kind() == jsonNull {
			d.skip()
		} else if err := m.read(d, v.Field(m.index)); err != nil {
			return err
		} else {
			given |= m.bit
		}
		d.path = d.path[:back]
	}
	return s.complete(d, v, given)
}

// complete sets the defaults of members that were not given, and refuses when a
// required one was not.
func (s *structReader) complete(d *document, v reflect.Value, given uint64) error {
	for _, m := range s.fields {
		switch {
		case given&m.bit != 0:
		case m.required:
			d.enter(m.name)
			return d.broken(studio.CodeMissing, "is required and missing")
		default:
			v.Field(m.index).SetInt(int64(m.standard))
		}
	}
	return nil
}

func readString(d *document, shape studio.Shape, v reflect.Value) error {
	if err := d.want(jsonString); err != nil {
		return err
	}
	s := d.string()
	v.SetString(s)
	if s == "" {
		// studio.Check takes an empty string for an absent one.
		return shape.CheckString(string(d.path), s)
	}
	return nil
}

func readInteger(d *document, v reflect.Value) error {
	if err := d.want(jsonNumber); err != nil {
		return err
	}
	n, ok := d.integer()
	if !ok {
		return d.broken(CodeType, "must be an integer")
	}
	v.SetInt(int64(n))
	return nil
}

func readList(t reflect.Type, shape studio.Shape) reader {
	item, _ := studio.ShapeOf(shape.Member)
	item.Sensitive = item.Sensitive || shape.Sensitive
	read := newReader(t.Elem(), item)
	return func(d *document, v reflect.Value) error {
		if err := d.want(jsonList); err != nil {
			return err
		}
		list := reflect.MakeSlice(t, 0, 4)
		for entered := false; d.next(&entered); {
			back := d.enter("[" + strconv.Itoa(list.Len()) + "]")
			list = reflect.Append(list, reflect.Zero(t.Elem()))
			if err := read(d, list.Index(list.Len()-1)); err != nil {
				return err
			}
			d.path = d.path[:back]
		}
		v.Set(list)
		return nil
	}
}

func readMap(d *document, v reflect.Value) error {
	if err := d.want(jsonObject); err != nil {
		return err
	}
	m := map[string]string{}
	for entered := false; d.next(&entered); {
		key := d.name()
		back := d.enter("[" + strconv.Quote(key[:min(len(key), 64)]) + "]")
		if err := d.want(jsonString); err != nil {
			return err
		}
		if _, twice := m[key]; twice {
			return d.broken(CodeDuplicate, "is given twice")
		}
		m[key] = d.string()
		d.path = d.path[:back]
	}
	v.Set(reflect.ValueOf(m))
	return nil
}

// want refuses a next value of another kind.
func (d *document) want(k jsonKind) error {
	if got := d.kind(); got != k {
		return d.broken(CodeType, fmt.Sprintf("must be %s, but it is %s", k, got))
	}
	return nil
}

// enter notes the member, or the "[index]", that is read next; cutting the path
// at what it returns leaves the member again.
func (d *document) enter(name string) (back int) {
	back = len(d.path)
	if back > 0 && name[0] != '[' {
		d.path = append(d.path, '.')
	}
	d.path = append(d.path, name...)
	return back
}

// broken is the error of the member being read.
func (d *document) broken(code, rule string) error {
	return studio.Invalid(code, string(d.path), rule)
}
