package api_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/studio"
)

// FuzzDecode decodes any body and query for any operation: it succeeds or
// answers a Validation error, and what it took it takes again.
func FuzzDecode(f *testing.F) {
	rows := api.Table()
	for i, row := range rows {
		body, err := json.Marshal(sample(row.In, "", "").Interface())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), body, "nextToken=a&states=READY&maxResults=3")
	}
	f.Add(byte(0), []byte(`{"tags":{"a":"\ud800","a":null},"x":[[1e9,{}]]}`), "a=%zz;b")
	f.Fuzz(func(t *testing.T, op byte, body []byte, query string) {
		row := rows[int(op)%len(rows)]
		r := httptest.NewRequestWithContext(t.Context(), row.Method, "/", nil)
		r.URL.RawQuery = query
		path := [4]string{"a", "b", "c", "d"}
		in, err := api.Decode(row.Name, r, path, body)
		if err != nil {
			var e *studio.Error
			if !errors.As(err, &e) || e.Kind != studio.Validation || e.Code == "" || !utf8.ValidString(e.Message) {
				t.Fatalf("%v", err)
			}
			return
		}
		again, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := api.Decode(row.Name, r, path, again)
		var e *studio.Error
		if errors.As(err, &e) && (e.Code == studio.CodeMissing || e.Code == studio.CodeLength || e.Code == studio.CodePattern || e.Code == studio.CodeEnum) {
			return // a required list was [] in the body, which encoding/json writes as null, or an empty string is written
		}
		if err != nil {
			t.Fatalf("%s: taken once, but not again: %v", again, err)
		}
		// encoding/json leaves out an optional list that is given but empty.
		if diff := cmp.Diff(in, twice, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", again, diff)
		}
	})
}

// FuzzJSON compares which texts are taken for a JSON object with encoding/json,
// and what is read from them.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"displayName":"x","adminRoleArn":null,"u":[1,{"a":"}"}]}`, `{"displayName":"\u00e9\n\\\""}`, `{`, `[]`, `{"displayName":1.0}`, `{"\u0064isplayName":""}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), "PATCH", "/", nil)
		in, err := api.Decode("UpdateStudio", r, [4]string{}, body)
		var e *studio.Error
		syntax := errors.As(err, &e) && e.Code == api.CodeJSON
		var want map[string]any
		valid := len(body) == 0 || utf8.Valid(body) && json.Unmarshal(body, &want) == nil && (want != nil)
		if valid == syntax && (e == nil || e.Code != api.CodeDepth) {
			t.Fatalf("valid %v, but %v", valid, err)
		}
		if err != nil {
			return
		}
		got := in.(*studio.UpdateStudioRequest)
		for name, value := range map[string]*string{"displayName": got.DisplayName, "adminRoleArn": got.AdminRoleARN, "userRoleArn": got.UserRoleARN} {
			text, given := want[name].(string)
			if given != (value != nil) || given && text != *value {
				t.Errorf("%s: %v, want %v", name, value, want[name])
			}
		}
	})
}

// FuzzEncode writes any string and reads it with encoding/json.
func FuzzEncode(f *testing.F) {
	f.Add("a\x00\"\\\n\r\t\x1f é \U0001f600 \xff \u2028")
	f.Fuzz(func(t *testing.T, s string) {
		text := api.Encode(&studio.GetEulaResponse{Eula: &studio.Eula{Content: s}})
		var got studio.GetEulaResponse
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		want := string([]rune(s)) // each wrong byte is U+FFFD
		if got.Eula.Content != want {
			t.Errorf("%q, want %q", got.Eula.Content, want)
		}
	})
}

// FuzzRoute looks for any path; where it finds an operation, the same values put
// into the operation's path lead there again.
func FuzzRoute(f *testing.F) {
	for _, row := range api.Table() {
		f.Add(strings.NewReplacer("{", "", "}", "%2F%3A").Replace(row.Path))
	}
	f.Add("/2020-08-01/studios//%zz/%")
	byName := map[string]api.Row{}
	for _, row := range api.Table() {
		byName[row.Name] = row
	}
	f.Fuzz(func(t *testing.T, path string) {
		found, values := api.Find(path)
		for method, name := range found {
			row := byName[name]
			if row.Method != method {
				t.Fatalf("%s has method %s, found %s", name, row.Method, method)
			}
			i := 0
			var segments []string
			for segment := range strings.SplitSeq(row.Path, "/") {
				if strings.HasPrefix(segment, "{") {
					segment = url.PathEscape(values[i])
					i++
				}
				segments = append(segments, segment)
			}
			again, same := api.Find(strings.Join(segments, "/"))
			if !reflect.DeepEqual(again, found) || same != values {
				t.Errorf("%q: %v %q, then %v %q", path, found, values, again, same)
			}
		}
	})
}

// FuzzCredential parses any Authorization header: what it takes is whole.
func FuzzCredential(f *testing.F) {
	good := "AWS4-HMAC-SHA256 Credential=AKIA/20250301/us-west-2/nimble/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0a", 32)
	f.Add(good, "20250301T000200Z")
	f.Add(strings.ReplaceAll(good, " ", "\t"), "20250301T000200Z")
	f.Add("AWS4-HMAC-SHA256 Credential=/////,SignedHeaders=;;,Signature=", "2025")
	f.Fuzz(func(t *testing.T, authorization, date string) {
		_, day, signature, headers, err := api.ParseCredential(authorization, date)
		if err != nil {
			return
		}
		if len(day) != 8 || len(signature) != 64 || !slices.Contains(headers, "host") || !slices.Contains(headers, "x-amz-date") {
			t.Errorf("%q %q: %q %q %q", authorization, date, day, signature, headers)
		}
	})
}

// FuzzHandler sends any signed target and body to the whole handler.
func FuzzHandler(f *testing.F) {
	f.Add("GET", aStudio, []byte(nil), "token")
	f.Add("POST", "/2020-08-01/studios", []byte(`{"studioName":"demo"}`), "")
	fx := setup(f)
	f.Fuzz(func(t *testing.T, method, target string, body []byte, token string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" || !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}, method) {
			return
		}
		r := unsigned(t, method, "/", body, "X-Amz-Client-Token", token)
		r.URL = u
		sign(t, r, body, fx.Now())
		w := fx.do(r)
		if w.Code >= 500 || w.Header().Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
		if w.Code == 403 {
			t.Errorf("the signature of %s %s is refused: %s", method, target, w.Body)
		}
	})
}
