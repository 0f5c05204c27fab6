package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/studio"
)

const studioID = "us-west-2:stid-nyoqq12fteqy1x48"

// texts are values of strings that have a form, by shape or by member.
var texts = map[string]string{
	"EC2ImageId":                   "ami-0123456789abcdef0",
	"EulaAcceptanceId":             "c2EwLTQyN2EtYWVhMi04Ng",
	"EulaId":                       "c2EwLTQyN2EtYWVhMi04Ng",
	"LaunchProfileId":              "yeG7lDwNQEiwNTRT7DrV7Q",
	"LaunchProfileProtocolVersion": "2021-03-31",
	"LaunchPurpose":                "STREAMING_SESSION",
	"LinuxMountPoint":              "/mnt/shared",
	"Region":                       region,
	"ScriptParameterKey":           "PROJECT_ROOT",
	"StreamingImageEncryptionConfigurationKeyArn": "arn:aws:kms:us-west-2:123456789012:key/1",
	"StreamingImageId":                            "mhuGZHbkQ_O3tlGLr_lMlA",
	"StreamingImagePlatform":                      "Linux",
	"StreamingSessionStorageRootPathLinux":        "$HOME/Uploads",
	"StreamingSessionStorageRootPathWindows":      `%HOMEPATH%\Uploads`,
	"StudioComponentId":                           "-_kl6DwNQEiwNTRT7DrV7Q",
	"StudioEncryptionConfigurationKeyArn":         "arn:aws:kms:us-west-2:123456789012:key/1",
	"StudioName":                                  "demo",
	"WindowsMountDrive":                           "Z",
	"studioId":                                    studioID,
	"sessionId":                                   studioID + ".mhuGZHbkQ_O3tlGLr_lMlA",
	"resourceArn":                                 "arn:aws:nimble:us-west-2:123456789012:launch-profile/yeG7lDwNQEiwNTRT7DrV7Q",
}

// free is a value of strings that may hold anything.
const free = "Zoë's “a b”/100%+&=?#~<>"

// newOf returns a pointer to a new value of a type.
func newOf(t reflect.Type) any { return reflect.New(t).Interface() }

// sample fills a value with what the rules of its tags allow, every member of it.
func sample(t reflect.Type, shapeName, member string) reflect.Value {
	v := reflect.New(t).Elem()
	shape, _ := studio.ShapeOf(shapeName)
	switch {
	case t == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2022, 1, 27, 20, 29, 35, 0, time.UTC)))
	case t.Kind() == reflect.String:
		v.SetString(sampleText(shape, shapeName, member))
	case t.Kind() == reflect.Int:
		v.SetInt(7)
		if shape.Max != nil {
			v.SetInt(int64(*shape.Max))
		}
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(sample(t.Elem(), shapeName, member))
	case t.Kind() == reflect.Slice:
		v.Set(reflect.Append(v, sample(t.Elem(), shape.Member, ""), sample(t.Elem(), shape.Member, "")))
	case t.Kind() == reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{free: free, "k": ""}))
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			v.Field(i).Set(sample(f.Type, f.Tag.Get("shape"), nameOf(f)))
		}
	}
	return v
}

func sampleText(shape studio.Shape, shapeName, member string) string {
	switch {
	case len(shape.Enum) > 0:
		return shape.Enum[0]
	case texts[shapeName] != "":
		return texts[shapeName]
	case texts[member] != "":
		return texts[member]
	case shape.Min != nil && *shape.Min > len(free):
		return strings.Repeat("x", *shape.Min)
	default:
		return free
	}
}

// nameOf is the name of a member on the wire.
func nameOf(f reflect.StructField) string {
	for _, place := range []string{"path", "query", "header"} {
		if name := f.Tag.Get(place); name != "" {
			return name
		}
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// message is a request before it is put on the wire.
type message struct {
	row    api.Row
	path   map[string]string
	query  url.Values
	header []string
	body   map[string]any
}

// messageOf takes a request struct apart.
func messageOf(t *testing.T, row api.Row, in reflect.Value) *message {
	t.Helper()
	m := &message{row: row, path: map[string]string{}, query: url.Values{}}
	for i := range in.NumField() {
		f, v := in.Type().Field(i), in.Field(i)
		switch {
		case f.Tag.Get("path") != "":
			m.path[f.Tag.Get("path")] = v.String()
		case f.Tag.Get("header") != "":
			m.header = append(m.header, f.Tag.Get("header"), v.String())
		case f.Tag.Get("query") != "":
			text, err := json.Marshal(v.Interface())
			if err != nil {
				t.Fatal(err)
			}
			var values []json.RawMessage
			if json.Unmarshal(text, &values) != nil {
				values = []json.RawMessage{text}
			}
			for _, raw := range values {
				var s any
				if err := json.Unmarshal(raw, &s); err != nil {
					t.Fatal(err)
				}
				if _, isText := s.(string); !isText {
					s = string(raw)
				}
				m.query.Add(f.Tag.Get("query"), s.(string))
			}
		}
	}
	text, err := json.Marshal(in.Interface())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &m.body); err != nil {
		t.Fatal(err)
	}
	return m
}

// request puts a message on the wire.
func (m *message) request(t *testing.T) *http.Request {
	t.Helper()
	target := m.row.Path
	for name, value := range m.path {
		target = strings.Replace(target, "{"+name+"}", url.PathEscape(value), 1)
	}
	if len(m.query) > 0 {
		target += "?" + m.query.Encode()
	}
	var body []byte
	if len(m.body) > 0 {
		text, err := json.Marshal(m.body)
		if err != nil {
			t.Fatal(err)
		}
		body = text
	}
	header := m.header
	if m.row.Streams {
		header = append(header[:len(header):len(header)], "X-Amz-Content-Sha256", hashOf(body))
	}
	return request(t, m.row.Method, target, body, header...)
}
