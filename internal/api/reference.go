package api

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// structures is the page of the reference that tells of all structures.
const structures = "structures.md"

// Reference returns the pages of the API's reference in Markdown, made from the
// table, by their file names.
func Reference() map[string][]byte {
	byName := map[string]operation{}
	for _, o := range allOperations() {
		byName[o.name] = o
	}
	r := referrer{structs: map[string]reflect.Type{}}
	pages := map[string][]byte{}
	for _, g := range groups() {
		r.page.Reset()
		r.print("# %s\n\n%s\n", g.title, g.about)
		for _, d := range g.operations {
			o := byName[d.name]
			r.operation(&o, d.does)
		}
		pages[g.slug()+".md"] = bytes.Clone(r.page.Bytes())
	}
	r.page.Reset()
	r.structures()
	pages[structures] = bytes.Clone(r.page.Bytes())
	r.page.Reset()
	r.index(byName)
	pages["README.md"] = bytes.Clone(r.page.Bytes())
	return pages
}

// referrer prints a page and notes the structures that it tells of.
type referrer struct {
	page    bytes.Buffer
	structs map[string]reflect.Type
}

func (r *referrer) print(format string, args ...any) { fmt.Fprintf(&r.page, format, args...) }

func (r *referrer) index(byName map[string]operation) {
	r.print("# The API\n\n" +
		"Made from the table in internal/api; `go test ./internal/api -update` writes it anew.\n" +
		"The same as data: `GET /openapi.json`, `backlot sdk openapi`. How to call it: [clients](../clients.md).\n\n" +
		"Every operation declares the errors below")
	for _, o := range byName {
		if o.traits&noQuota != 0 {
			r.print(", those on backups all but ServiceQuotaExceededException")
			break
		}
	}
	r.print(". Their codes are listed in [errors](../errors.md),\n" +
		"states and status codes, with what leads to each, in [states](../states.md).\n\n| status | error | meaning |\n|---|---|---|\n")
	kinds := slices.SortedFunc(maps.Keys(statuses), func(a, b studio.ErrorKind) int { return cmp.Compare(statuses[a], statuses[b]) })
	for _, kind := range kinds {
		r.print("| %d | %s | %s |\n", statuses[kind], kind, meanings[kind])
	}
	for _, g := range groups() {
		r.print("\n## [%s](%s.md)\n\n%s\n\n| operation | request | |\n|---|---|---|\n", g.title, g.slug(), g.about)
		for _, d := range g.operations {
			o := byName[d.name]
			r.print("| [%s](%s.md#%s) | `%s %s` | %s |\n", d.name, g.slug(), strings.ToLower(d.name), o.method, o.path, d.does)
		}
	}
	r.print("\n## Waiters\n\nClients know these: they ask again until the state is there, or one that it cannot come from.\n\n" +
		"| waiter | operation | until | fails at | asks |\n|---|---|---|---|---|\n")
	for _, w := range waiters() {
		r.print("| %s | %s | %s = %s | %s | every %d s, at most %d times |\n",
			w.name, w.operation, w.path, w.success, strings.Join(w.failures, ", "), w.delay, w.attempts)
	}
}

func (r *referrer) operation(o *operation, does string) {
	r.print("\n## %s\n\n%s\n\n`%s %s` answers %d", o.name, does, o.method, o.path, o.status)
	switch {
	case o.serve != nil:
		r.print(" and bytes")
	case o.out.NumField() == 0:
		r.print(" and nothing else")
	}
	r.print(".\n\nRequest:\n\n")
	if o.in.NumField() == 0 {
		r.print("nothing.\n")
	} else {
		r.members(o.in, true)
	}
	if o.out.NumField() > 0 && o.serve == nil {
		r.print("\nAnswer:\n\n")
		r.members(o.out, false)
	}
}

// members prints the table of a struct's members; places tells whether they may
// travel elsewhere than in the body.
func (r *referrer) members(t reflect.Type, places bool) {
	if places {
		r.print("| member | in | type | required | rules |\n|---|---|---|---|---|\n")
	} else {
		r.print("| member | type | required | rules |\n|---|---|---|---|\n")
	}
	for f := range t.Fields() {
		if streamed(f) {
			r.print("| | body | bytes | yes | as they come |\n")
			continue
		}
		at, name := placeOf(f)
		required := ""
		if f.Tag.Get("required") == "true" {
			required = "yes"
		}
		kind, rules := r.kind(f.Type, f.Tag.Get("shape"))
		if standard := f.Tag.Get("default"); standard != "" {
			rules = strings.TrimPrefix(rules+"; default "+standard, "; ")
		}
		if places {
			r.print("| %s | %s | %s | %s | %s |\n", name, cmp.Or(string(at), "body"), kind, required, rules)
		} else {
			r.print("| %s | %s | %s | %s |\n", name, kind, required, rules)
		}
	}
}

// kind tells the type of a member and its rules in words.
func (r *referrer) kind(t reflect.Type, name string) (kind, rules string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	shape, _ := studio.ShapeOf(name)
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "timestamp", ""
	case t.Kind() == reflect.Map:
		return "map of strings", ""
	case t.Kind() == reflect.Struct:
		r.structs[t.Name()] = t
		return fmt.Sprintf("[%s](%s#%s)", t.Name(), structures, strings.ToLower(t.Name())), ""
	case t.Kind() == reflect.Slice:
		item, each := r.kind(t.Elem(), shape.Member)
		rules = span(shape, "items")
		if each != "" {
			rules = strings.TrimPrefix(rules+"; each: "+each, "; ")
		}
		return "list of " + item, rules
	case t.Kind() == reflect.Int:
		return "integer", span(shape, "")
	default:
		return "string", textRules(shape)
	}
}

func textRules(shape studio.Shape) string {
	var rules []string
	if r := span(shape, "characters"); r != "" {
		rules = append(rules, r)
	}
	if shape.Pattern != "" {
		rules = append(rules, "matches `"+strings.ReplaceAll(shape.Pattern, "|", `\|`)+"`")
	}
	if len(shape.Enum) > 0 {
		rules = append(rules, strings.Join(shape.Enum, ", "))
	}
	if shape.Sensitive {
		rules = append(rules, "not logged")
	}
	return strings.Join(rules, "; ")
}

// span tells the bounds of a shape in words.
func span(shape studio.Shape, of string) string {
	var bounds string
	switch {
	case shape.Min != nil && shape.Max != nil:
		bounds = fmt.Sprintf("%d to %d %s", *shape.Min, *shape.Max, of)
	case shape.Min != nil:
		bounds = fmt.Sprintf("at least %d %s", *shape.Min, of)
	case shape.Max != nil:
		bounds = fmt.Sprintf("at most %d %s", *shape.Max, of)
	}
	return strings.TrimSpace(bounds)
}

func (r *referrer) structures() {
	r.print("# Structures\n\nWhat requests and answers hold. Timestamps are ISO 8601 in UTC with whole seconds.\n")
	told := map[string]bool{}
	for len(told) < len(r.structs) { // telling of one may bring others in
		for _, name := range slices.Sorted(maps.Keys(r.structs)) {
			if !told[name] {
				told[name] = true
				r.kindsOf(r.structs[name])
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.structs)) {
		t := r.structs[name]
		r.print("\n## %s\n\n", name)
		if t == reflect.TypeFor[studio.StudioComponentConfiguration]() {
			r.print("Has exactly one member.\n\n")
		}
		r.members(t, false)
	}
}

// kindsOf notes the structures that the members of t are made of.
func (r *referrer) kindsOf(t reflect.Type) {
	for f := range t.Fields() {
		r.kind(f.Type, f.Tag.Get("shape"))
	}
}
