package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/nimblestudio"
	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/studio"
)

// TestSDK sends every operation, with every member set, from the SDK's
// generated client: the same must arrive, and the same must come back.
func TestSDK(t *testing.T) {
	t.Parallel()
	f := setup(t)
	answers := map[string]reflect.Value{}
	for _, row := range api.Table() {
		answers[row.Name] = sample(row.Out, "", "")
	}
	f.reply = func(c call) (any, error) {
		p := reflect.New(answers[c.op].Type())
		p.Elem().Set(answers[c.op])
		return p.Interface(), nil
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	client := sdkClient(server.URL)
	for _, row := range api.Table() {
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			want := sample(row.In, "", "")
			method := reflect.ValueOf(client).MethodByName(row.Name)
			if !method.IsValid() {
				t.Fatal("the SDK has no such operation")
			}
			input := reflect.New(method.Type().In(0).Elem())
			convert(t, want, input.Elem())
			results := method.Call([]reflect.Value{input})
			if err, _ := results[1].Interface().(error); err != nil {
				t.Fatal(err)
			}
			calls := f.taken(row.Name)
			if len(calls) != 1 || calls[0].op != row.Name || calls[0].who != administrator {
				t.Fatalf("arrived: %+v", calls)
			}
			if diff := cmp.Diff(want.Interface(), reflect.ValueOf(calls[0].in).Elem().Interface()); diff != "" {
				t.Errorf("what arrived (+) is not what was sent (-):\n%s", diff)
			}
			answer := reflect.New(results[0].Type().Elem())
			convert(t, answers[row.Name], answer.Elem())
			if diff := cmp.Diff(answer.Interface(), results[0].Interface(), cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
				t.Errorf("what came back (+) is not what was answered (-):\n%s", diff)
			}
		})
	}
}

func sdkClient(endpoint string) *nimblestudio.NimbleStudio {
	return nimblestudio.New(session.Must(session.NewSession(&aws.Config{
		Endpoint: new(endpoint), Region: new(region), MaxRetries: new(0),
		Credentials: credentials.NewStaticCredentials(keyID, secret, ""),
		// Where AWS_CA_BUNDLE is set the SDK changes its client, which else is everybody's.
		HTTPClient: &http.Client{},
	})))
}

// convert copies one of our structs into the SDK's of the same shape.
func convert(t *testing.T, ours, theirs reflect.Value) {
	t.Helper()
	switch {
	case ours.Kind() == reflect.Pointer:
		convert(t, ours.Elem(), theirs)
	case theirs.Kind() == reflect.Pointer:
		theirs.Set(reflect.New(theirs.Type().Elem()))
		convert(t, ours, theirs.Elem())
	case ours.Type() == theirs.Type():
		theirs.Set(ours)
	case ours.Kind() == reflect.Struct:
		for i := range ours.NumField() {
			name := nameOf(ours.Type().Field(i))
			to := fieldOf(theirs, name)
			if !to.IsValid() {
				t.Fatalf("%s has no member %s", theirs.Type(), name)
			}
			convert(t, ours.Field(i), to)
		}
	case ours.Kind() == reflect.Slice:
		theirs.Set(reflect.MakeSlice(theirs.Type(), ours.Len(), ours.Len()))
		for i := range ours.Len() {
			convert(t, ours.Index(i), theirs.Index(i))
		}
	case ours.Kind() == reflect.Map:
		theirs.Set(reflect.MakeMap(theirs.Type()))
		for _, key := range ours.MapKeys() {
			value := reflect.New(theirs.Type().Elem()).Elem()
			convert(t, ours.MapIndex(key), value)
			theirs.SetMapIndex(key, value)
		}
	default:
		theirs.Set(ours.Convert(theirs.Type()))
	}
}

func fieldOf(v reflect.Value, name string) reflect.Value {
	return v.FieldByNameFunc(func(field string) bool {
		f, _ := v.Type().FieldByName(field)
		return f.Tag.Get("locationName") == name || f.Tag.Get("locationName") == "" && strings.EqualFold(field, name)
	})
}

// TestBehindProxy signs for a reverse proxy that keeps the host: paths with
// escaped slashes and signatures survive it.
func TestBehindProxy(t *testing.T) {
	t.Parallel()
	f := setup(t)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(proxy.Close)
	want := &studio.TagResourceRequest{ResourceARN: texts["resourceArn"], Tags: map[string]string{"k": free}}
	_, err = sdkClient(proxy.URL).TagResourceWithContext(t.Context(), &nimblestudio.TagResourceInput{
		ResourceArn: &want.ResourceARN, Tags: map[string]*string{"k": new(free)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls := f.taken("TagResource"); len(calls) != 1 || !cmp.Equal(calls[0].in, any(want)) {
		t.Errorf("arrived: %+v", calls)
	}
}
