package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// OpenAPI returns the API as an OpenAPI 3.1 document in JSON, made from the table.
func OpenAPI() ([]byte, error) {
	byName := map[string]operation{}
	for _, o := range allOperations() {
		byName[o.name] = o
	}
	s := schemer{schemas: object{}}
	paths := object{}
	var tags []object
	for _, g := range groups() {
		tags = append(tags, object{"name": g.title, "description": g.about})
		for _, d := range g.operations {
			o := byName[d.name]
			place, _ := paths[o.path].(object)
			if place == nil {
				place = object{}
				paths[o.path] = place
			}
			place[strings.ToLower(o.method)] = s.operation(&o, g.title, d.does)
		}
	}
	text, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Backlot", "version": version,
			"summary":     "Virtual workstations for a studio, by the Amazon Nimble Studio API.",
			"description": "Requests are signed with AWS signature version 4 for the service " + signingName + ". Ids and ARNs in paths are percent-encoded.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []object{{"url": "/"}},
		"security": []object{{"sigv4": []string{}}},
		"tags":     tags,
		"paths":    paths,
		"components": object{
			"schemas":   s.schemas,
			"responses": s.faults(),
			"securitySchemes": object{"sigv4": object{
				"type": "apiKey", "in": "header", "name": "Authorization",
				"description": "AWS signature version 4, service " + signingName + ".",
			}},
		},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	return append(text, '\n'), nil
}

// schemer collects the schemas that operations use, by name.
type schemer struct{ schemas object }

func (s *schemer) operation(o *operation, tag, does string) object {
	row := object{"operationId": o.name, "tags": []string{tag}, "summary": does}
	var parameters []object
	for f := range o.in.Fields() {
		at, name := placeOf(f)
		if at == "" {
			continue
		}
		required := f.Tag.Get("required") == "true"
		p := object{"name": name, "in": string(at), "required": required, "schema": s.schema(f.Type, f.Tag.Get("shape"))}
		if at == inHeader {
			p["description"] = "The same token again, with the same parameters, changes nothing and gets the same answer for a day."
		}
		parameters = append(parameters, p)
	}
	if parameters != nil {
		row["parameters"] = parameters
	}
	if o.decode.stream >= 0 {
		row["requestBody"] = object{"required": true, "content": bytesContent(archiveType)}
	} else if body, required := s.structure(o.in); len(body["properties"].(object)) > 0 {
		s.schemas[o.in.Name()] = body
		row["requestBody"] = object{"required": required, "content": jsonContent(reference(o.in.Name()))}
	}
	answers := object{}
	switch {
	case o.serve != nil:
		answers[strconv.Itoa(o.status)] = object{"description": "The bytes.", "content": bytesContent("*/*")}
	case o.out.NumField() == 0:
		answers[strconv.Itoa(o.status)] = object{"description": "Done."}
	default:
		answers[strconv.Itoa(o.status)] = object{"description": "Done.", "content": jsonContent(s.schema(o.out, ""))}
	}
	for _, kind := range o.errors() {
		answers[strconv.Itoa(statuses[kind])] = object{"$ref": "#/components/responses/" + string(kind)}
	}
	row["responses"] = answers
	return row
}

func jsonContent(schema object) object {
	return object{"application/json": object{"schema": schema}}
}

func bytesContent(kind string) object {
	return object{kind: object{"schema": object{"type": "string", "format": "binary"}}}
}

func reference(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// structure describes the members of a struct that travel in JSON, and tells
// whether any of them is required.
func (s *schemer) structure(t reflect.Type) (described object, required bool) {
	members := object{}
	var needed []string
	for f := range t.Fields() {
		at, name := placeOf(f)
		if at != "" {
			continue
		}
		members[name] = s.schema(f.Type, f.Tag.Get("shape"))
		if f.Tag.Get("required") == "true" {
			needed = append(needed, name)
		}
	}
	described = object{"type": "object", "properties": members}
	if needed != nil {
		slices.Sort(needed)
		described["required"] = needed
	}
	return described, needed != nil
}

// schema describes a type, by reference where it has a name.
func (s *schemer) schema(t reflect.Type, name string) object {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	shape, known := studio.ShapeOf(name)
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Map:
		return object{"type": "object", "additionalProperties": object{"type": "string"}}
	case t.Kind() == reflect.Struct:
		name = t.Name()
		if s.schemas[name] == nil {
			s.schemas[name] = object{} // a structure that holds itself ends here
			described, _ := s.structure(t)
			if t == reflect.TypeFor[studio.StudioComponentConfiguration]() {
				described["minProperties"], described["maxProperties"] = 1, 1
			}
			s.schemas[name] = described
		}
		return reference(name)
	case t.Kind() == reflect.Slice:
		s.schemas[name] = limits(object{"type": "array", "items": s.schema(t.Elem(), shape.Member)}, shape, "Items")
	case t.Kind() == reflect.Int && !known:
		return object{"type": "integer"}
	case t.Kind() == reflect.Int:
		s.schemas[name] = limits(object{"type": "integer"}, shape, "imum")
	case !known:
		return object{"type": "string"}
	default:
		text := limits(object{"type": "string"}, shape, "Length")
		if shape.Pattern != "" {
			text["pattern"] = shape.Pattern
		}
		if len(shape.Enum) > 0 {
			text["enum"] = shape.Enum
		}
		s.schemas[name] = text
	}
	return reference(name)
}

// limits adds min<what> and max<what>.
func limits(described object, shape studio.Shape, what string) object {
	if shape.Min != nil {
		described["min"+what] = *shape.Min
	}
	if shape.Max != nil {
		described["max"+what] = *shape.Max
	}
	return described
}

// faults are the answers of the exceptions, by their names.
func (s *schemer) faults() object {
	text := object{"type": "string"}
	s.schemas["Error"] = object{
		"type": "object", "required": []string{"__type", "message", "code"},
		"properties": object{
			"__type": text, "message": text, "code": text,
			"context": object{"type": "object", "additionalProperties": text},
		},
	}
	answers := object{}
	for _, kind := range slices.Sorted(maps.Keys(statuses)) {
		answers[string(kind)] = object{"description": meanings[kind], "content": jsonContent(reference("Error"))}
	}
	return answers
}

// meanings says what each exception tells the caller.
var meanings = map[studio.ErrorKind]string{
	studio.Validation:    "The request breaks a rule; the message names the member and the rule.",
	studio.QuotaExceeded: "There may be no more of these; context names the quota and its value.",
	studio.AccessDenied:  "The caller may not do this, or must not know whether the thing exists.",
	studio.NotFound:      "There is no such thing; context names its id.",
	studio.Conflict:      "The state of the thing, or another thing, does not allow it now.",
	studio.Throttling:    "Too many requests; Retry-After says how many seconds to wait.",
	studio.Internal:      "Something went wrong in the service; nothing was changed.",
}

// placeOf tells where a member of a request travels, "" for the body, and its name there.
func placeOf(f reflect.StructField) (place, string) {
	for _, at := range []place{inPath, inQuery, inHeader} {
		if name := f.Tag.Get(string(at)); name != "" {
			return at, name
		}
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return "", name
}
