package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// object is a JSON object of a client model.
type object map[string]any

// Botocore returns the client model of the API, made from the table: what
// botocore, and so boto3 and the AWS CLI, must find below a folder of
// AWS_DATA_PATH to have the client "nimble". The keys are paths below it.
func Botocore() (map[string][]byte, error) {
	operations := table()
	files := map[string][]byte{}
	for name, content := range map[string]object{
		"service-2":           serviceModel(operations),
		"paginators-1":        {"pagination": paginators(operations)},
		"waiters-2":           {"version": 2, "waiters": waiterModel()},
		"endpoint-rule-set-1": endpointRules(),
	} {
		text, err := json.MarshalIndent(content, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
		files["nimble/"+version+"/"+name+".json"] = append(text, '\n')
	}
	return files, nil
}

// serviceModel describes operations and shapes.
func serviceModel(operations []operation) object {
	m := modeller{shapes: object{}}
	rows := object{}
	for i := range operations {
		o := &operations[i]
		row := object{
			"name":   o.name,
			"http":   object{"method": o.method, "requestUri": o.path, "responseCode": o.status},
			"input":  object{"shape": m.structure(o.in)},
			"output": object{"shape": m.structure(o.out)},
		}
		if o.traits&idempotent != 0 {
			row["idempotent"] = true
		}
		var errors []object
		for _, kind := range o.errors() {
			errors = append(errors, object{"shape": m.exception(kind)})
		}
		row["errors"] = errors
		rows[o.name] = row
	}
	return object{
		"version": "2.0",
		"metadata": object{
			"apiVersion": version, "endpointPrefix": signingName, "jsonVersion": "1.1", "protocol": "rest-json",
			"serviceFullName": "AmazonNimbleStudio", "serviceId": signingName, "signatureVersion": "v4",
			"signingName": signingName, "uid": signingName + "-" + version,
		},
		"operations": rows,
		"shapes":     m.shapes,
	}
}

// modeller collects the shapes that operations use, by name.
type modeller struct{ shapes object }

// structure describes a struct type and returns its name.
func (m *modeller) structure(t reflect.Type) string {
	if m.shapes[t.Name()] != nil {
		return t.Name()
	}
	shape := object{"type": "structure"}
	m.shapes[t.Name()] = shape
	members := object{}
	var required []string
	for f := range t.Fields() {
		name, member := m.member(f)
		members[name] = member
		if f.Tag.Get("required") == "true" {
			required = append(required, name)
		}
	}
	shape["members"] = members
	if required != nil {
		slices.Sort(required)
		shape["required"] = required
	}
	if t == reflect.TypeFor[studio.StudioComponentConfiguration]() {
		shape["union"] = true
	}
	return t.Name()
}

func (m *modeller) member(f reflect.StructField) (string, object) {
	member := object{"shape": m.shape(f.Type, f.Tag.Get("shape"))}
	for place, location := range map[place]string{inPath: "uri", inQuery: "querystring", inHeader: "header"} {
		name := f.Tag.Get(string(place))
		if name == "" {
			continue
		}
		member["location"], member["locationName"] = location, name
		if place == inHeader {
			member["idempotencyToken"] = true
			name = headerMember(f)
		}
		return name, member
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name, member
}

// shape describes the type of a member, by the name of its shape or, without
// one, by what it is, and returns the name.
func (m *modeller) shape(t reflect.Type, name string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var described object
	switch {
	case t == reflect.TypeFor[time.Time]():
		name, described = "Timestamp", object{"type": "timestamp", "timestampFormat": "iso8601"}
	case t.Kind() == reflect.Struct:
		return m.structure(t)
	case t.Kind() == reflect.Map:
		name = m.textMap("Tags")
		return name
	case t.Kind() == reflect.Slice:
		s, _ := studio.ShapeOf(name)
		described = bounds(object{"type": "list", "member": object{"shape": m.shape(t.Elem(), s.Member)}}, s)
	case t.Kind() == reflect.Int:
		s, _ := studio.ShapeOf(name)
		described = bounds(object{"type": "integer"}, s)
	default:
		s, known := studio.ShapeOf(name)
		if !known {
			name = "String"
		}
		described = bounds(object{"type": "string"}, s)
	}
	m.shapes[name] = described
	return name
}

func (m *modeller) textMap(name string) string {
	text := object{"shape": m.shape(reflect.TypeFor[string](), "")}
	m.shapes[name] = object{"type": "map", "key": text, "value": text}
	return name
}

// bounds adds the rules of s to the description of a shape.
func bounds(described object, s studio.Shape) object {
	if s.Min != nil {
		described["min"] = *s.Min
	}
	if s.Max != nil {
		described["max"] = *s.Max
	}
	if s.Pattern != "" {
		described["pattern"] = s.Pattern
	}
	if len(s.Enum) > 0 {
		described["enum"] = s.Enum
	}
	if s.Sensitive {
		described["sensitive"] = true
	}
	return described
}

// exception describes an error and returns its name.
func (m *modeller) exception(kind studio.ErrorKind) string {
	text := object{"shape": m.shape(reflect.TypeFor[string](), "")}
	described := object{
		"type": "structure", "exception": true,
		"members": object{"message": text, "code": text, "context": object{"shape": m.textMap("ExceptionContext")}},
		"error":   object{"httpStatusCode": statuses[kind], "senderFault": true},
	}
	switch kind {
	case studio.Internal:
		described["error"] = object{"httpStatusCode": statuses[kind]}
		described["fault"] = true
		described["retryable"] = object{"throttling": false}
	case studio.Throttling:
		described["retryable"] = object{"throttling": false}
	default:
	}
	m.shapes[string(kind)] = described
	return string(kind)
}

// paginators describes the operations that answer in pages.
func paginators(operations []operation) object {
	found := object{}
	for i := range operations {
		o := &operations[i]
		if _, pages := o.in.FieldByName("NextToken"); !pages {
			continue
		}
		pages := object{"input_token": "nextToken", "output_token": "nextToken"}
		if _, limited := o.in.FieldByName("MaxResults"); limited {
			pages["limit_key"] = "maxResults"
		}
		for f := range o.out.Fields() {
			if f.Type.Kind() == reflect.Slice {
				pages["result_key"], _, _ = strings.Cut(f.Tag.Get("json"), ",")
			}
		}
		found[o.name] = pages
	}
	return found
}

// endpointRules says where the service is: wherever the caller says, because no
// address of it is known to the world.
func endpointRules() object {
	parameter := func(builtIn, kind string, required bool, documentation string) object {
		p := object{"builtIn": builtIn, "type": kind, "required": required, "documentation": documentation}
		if kind == "Boolean" {
			p["default"] = false
		}
		return p
	}
	return object{
		"version": "1.0",
		"parameters": object{
			"Region":       parameter("AWS::Region", "String", false, "The region that the installation is configured with."),
			"UseDualStack": parameter("AWS::UseDualStack", "Boolean", true, "Without effect."),
			"UseFIPS":      parameter("AWS::UseFIPS", "Boolean", true, "Without effect."),
			"Endpoint":     parameter("SDK::Endpoint", "String", false, "The URL of the installation."),
		},
		"rules": []object{
			{
				"conditions": []object{{"fn": "isSet", "argv": []object{{"ref": "Endpoint"}}}},
				"endpoint":   object{"url": object{"ref": "Endpoint"}, "properties": object{}, "headers": object{}},
				"type":       "endpoint",
			},
			{
				"conditions": []object{},
				"error":      "Say where your installation is: endpoint_url=..., --endpoint-url or AWS_ENDPOINT_URL.",
				"type":       "error",
			},
		},
	}
}
