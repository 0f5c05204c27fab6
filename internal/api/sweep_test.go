package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/studio"
)

// breach is one way to break one rule of a request.
type breach struct {
	what   string
	member string // that the answer must name
	code   string
	apply  func(*message)
}

// TestSweep breaks every rule of every operation, one at a time: each time the
// caller must be told which member is wrong, and nothing may be done.
func TestSweep(t *testing.T) {
	t.Parallel()
	sweep(t, api.Table(), 1200)
}

// TestOwnSweep does so with the operations that are our own.
func TestOwnSweep(t *testing.T) {
	t.Parallel()
	sweep(t, api.OwnTable(), 80)
}

func sweep(t *testing.T, rows []api.Row, least int) {
	t.Helper()
	total := 0
	for _, row := range rows {
		good := sample(row.In, "", "")
		breaches := breachesOf(row.In)
		total += len(breaches)
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			if w := f.do(messageOf(t, row, good).request(t)); w.Code != row.Status {
				t.Fatalf("unbroken: %d %s", w.Code, w.Body)
			}
			f.taken(row.Name)
			served := realAPI(t, f)
			for _, b := range breaches {
				m := messageOf(t, row, good)
				b.apply(m)
				w := httptest.NewRecorder()
				served.ServeHTTP(w, m.request(t))
				if got := w.Header().Get("X-Amzn-Errortype"); w.Code != 400 || got != "ValidationException" {
					t.Errorf("%s %s: %d %s %s", b.member, b.what, w.Code, got, w.Body)
					continue
				}
				checkBreach(t, b, w)
			}
			if calls := f.taken(row.Name); len(calls) > 0 {
				t.Errorf("%d broken requests reached the operation: %+v", len(calls), calls[0])
			}
		})
	}
	t.Logf("%d breaches", total)
	if total < least {
		t.Errorf("only %d breaches: the sweep has a hole", total)
	}
}

// realAPI is like f, but before the real service, whose store must not be touched.
func realAPI(t *testing.T, f *fixture) *api.API {
	t.Helper()
	service, err := studio.New(studio.Config{Store: untouched{t}, Secret: make([]byte, 16), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	c := f.Config
	c.Service = service
	return api.New(c)
}

// untouched is a store for requests that must not come so far.
type untouched struct{ t *testing.T }

func (u untouched) Read(context.Context, func(studio.Tx) error) error {
	u.t.Error("the store is read")
	return studio.ErrNoRow
}

func (u untouched) Write(context.Context, time.Time, func(studio.Tx) error) error {
	u.t.Error("the store is written")
	return studio.ErrNoRow
}

func checkBreach(t *testing.T, b breach, w *httptest.ResponseRecorder) {
	t.Helper()
	var f fault
	if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil {
		t.Fatal(err)
	}
	if f.Context["member"] != b.member || !strings.Contains(f.Message, b.member) || b.code != "" && f.Code != b.code {
		t.Errorf("%s %s (want %s): %s", b.member, b.what, b.code, w.Body)
	}
}

func breachesOf(in reflect.Type) []breach {
	var all []breach
	for f := range in.Fields() {
		if f.Tag.Get("stream") != "" {
			continue
		}
		shape, _ := studio.ShapeOf(f.Tag.Get("shape"))
		required := f.Tag.Get("required") == "true"
		name := nameOf(f)
		switch {
		case f.Tag.Get("path") != "":
			all = append(all, breach{"missing", name, studio.CodeMissing, func(m *message) { m.path[name] = "" }})
		case f.Tag.Get("header") != "":
			for what, text := range badTexts(shape) {
				all = append(all, breach{what, "clientToken", "", func(m *message) { m.header[1] = text }})
			}
		case f.Tag.Get("query") != "":
			all = append(all, queryBreaches(name, f.Type, shape, required)...)
		default:
			all = append(all, bodyBreaches(f, name, []any{name})...)
		}
	}
	return all
}

func queryBreaches(name string, t reflect.Type, shape studio.Shape, required bool) []breach {
	var all []breach
	set := func(what, member, text string) {
		all = append(all, breach{what, member, "", func(m *message) { m.query.Set(name, text) }})
	}
	if required {
		all = append(all, breach{"missing", name, studio.CodeMissing, func(m *message) { m.query.Del(name) }})
	}
	switch t.Kind() {
	case reflect.Pointer:
		for _, text := range []string{"", "x", "1.5", "1,2", "99999999999999999999", "0", "101"} {
			set("is "+text, name, text)
		}
	case reflect.Slice:
		item, _ := studio.ShapeOf(shape.Member)
		for what, text := range badTexts(item) {
			set("item "+what, name+"[0]", text)
		}
	default:
		for what, text := range badTexts(shape) {
			set(what, name, text)
		}
	}
	return all
}

// bodyBreaches lists the ways to break a member of the body; way leads to it.
func bodyBreaches(f reflect.StructField, member string, way []any) []breach {
	var all []breach
	put := func(what, at, code string, value any) {
		all = append(all, breach{what, at, code, func(m *message) { follow(m.body, way)(value, true) }})
	}
	shape, _ := studio.ShapeOf(f.Tag.Get("shape"))
	if f.Tag.Get("required") == "true" {
		put("null", member, studio.CodeMissing, nil)
		all = append(all, breach{"missing", member, studio.CodeMissing, func(m *message) { follow(m.body, way)(nil, false) }})
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	wrong := map[string]any{"a string": "x", "a number": 1, "a boolean": true, "a list": []any{}, "an object": map[string]any{}}
	delete(wrong, map[reflect.Kind]string{
		reflect.String: "a string", reflect.Int: "a number", reflect.Slice: "a list", reflect.Map: "an object", reflect.Struct: "an object",
	}[t.Kind()])
	for what, value := range wrong {
		put(what, member, api.CodeType, value)
	}
	switch t.Kind() {
	case reflect.String:
		for what, text := range badTexts(shape) {
			put(what, member, "", text)
		}
	case reflect.Int:
		put("a fraction", member, api.CodeType, 1.5)
		put("huge", member, api.CodeType, json.Number("1e400"))
		put("too small", member, studio.CodeRange, *shape.Min-1)
		put("too large", member, studio.CodeRange, *shape.Max+1)
	case reflect.Map:
		put("a number in it", member+`["k"]`, api.CodeType, map[string]any{"k": 1})
		put("null in it", member+`["k"]`, api.CodeType, map[string]any{"k": nil})
	case reflect.Struct:
		all = append(all, structBreaches(t, member, way)...)
	case reflect.Slice:
		all = append(all, listBreaches(t, shape, member, way)...)
	default:
	}
	return all
}

func structBreaches(t reflect.Type, member string, way []any) []breach {
	var all []breach
	for f := range t.Fields() {
		all = append(all, bodyBreaches(f, member+"."+nameOf(f), append(way[:len(way):len(way)], nameOf(f)))...)
	}
	return all
}

func listBreaches(t reflect.Type, shape studio.Shape, member string, way []any) []breach {
	var all []breach
	good := sample(t, "", "").Index(0).Interface()
	if t.Elem().Kind() == reflect.String {
		good = sampleOf(shape)
	}
	resize := func(what string, n int) {
		list := make([]any, n)
		for i := range list {
			list[i] = good
		}
		all = append(all, breach{what, member, studio.CodeLength, func(m *message) { follow(m.body, way)(list, true) }})
	}
	if shape.Min != nil && *shape.Min > 0 {
		resize("too short", *shape.Min-1)
	}
	if shape.Max != nil {
		resize("too long", *shape.Max+1)
	}
	item := reflect.StructField{Type: t.Elem(), Tag: reflect.StructTag(fmt.Sprintf("shape:%q", shape.Member))}
	all = append(all, bodyBreaches(item, member+"[1]", append(way[:len(way):len(way)], 1))...)
	all = append(all, breach{"null in it", member + "[1]", api.CodeType, func(m *message) {
		follow(m.body, append(way[:len(way):len(way)], 1))(nil, true)
	}})
	return all
}

func sampleOf(list studio.Shape) any {
	return sample(reflect.TypeFor[string](), list.Member, "").Interface()
}

// badTexts are strings that each break one rule of a shape.
func badTexts(shape studio.Shape) map[string]string {
	bad := map[string]string{}
	if len(shape.Enum) > 0 {
		bad["not in the enum"] = "NONE_OF_THEM"
		bad["in lower case"] = strings.ToLower(shape.Enum[0]) + " "
	}
	if shape.Pattern != "" {
		bad["against the pattern"] = "\n"
	}
	if shape.Min != nil && *shape.Min > 0 {
		bad["too short"] = strings.Repeat("a", *shape.Min-1)
	}
	if shape.Max != nil {
		bad["too long"] = strings.Repeat("é", *shape.Max+1)
	}
	if len(shape.Enum) > 0 || !regexp.MustCompile(shape.Pattern).MatchString("") {
		bad["empty"] = ""
	}
	return bad
}

// follow returns a setter of the place that way leads to: it puts a value there, or takes the member away.
func follow(body any, way []any) func(value any, keep bool) {
	for _, step := range way[:len(way)-1] {
		switch at := step.(type) {
		case string:
			body = body.(map[string]any)[at]
		case int:
			body = body.([]any)[at]
		}
	}
	return func(value any, keep bool) {
		switch at := way[len(way)-1].(type) {
		case string:
			if !keep {
				delete(body.(map[string]any), at)
				return
			}
			body.(map[string]any)[at] = value
		case int:
			body.([]any)[at] = value
		}
	}
}
