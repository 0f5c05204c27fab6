package api_test

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/studio"
)

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// getSession is a signed GetStreamingSession and its full answer.
func getSession(b *testing.B) (*http.Request, *studio.GetStreamingSessionResponse) {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet,
		"http://backlot.test/2020-08-01/studios/us-west-2%3Astid-nyoqq12fteqy1x48/streaming-sessions/us-west-2%3Astid-nyoqq12fteqy1x48.mhuGZHbkQ_O3tlGLr_lMlA", nil)
	key := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(b.Context(), key, r, emptyHash, "nimble", region, time.Now()); err != nil {
		b.Fatal(err)
	}
	out := reflect.New(reflect.TypeFor[studio.GetStreamingSessionResponse]())
	out.Elem().Set(sample(out.Type().Elem(), "", ""))
	return r, out.Interface().(*studio.GetStreamingSessionResponse)
}

// sink is a ResponseWriter that keeps nothing.
type sink struct{ h http.Header }

func (s sink) Header() http.Header         { return s.h }
func (s sink) WriteHeader(int)             {}
func (s sink) Write(p []byte) (int, error) { return len(p), nil }

// bench serves the same request again and again.
func bench(b *testing.B, h http.Handler, r *http.Request) {
	b.Helper()
	b.ReportAllocs()
	w := sink{http.Header{}}
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}

// BenchmarkGet is a signed Get through the whole handler, its operation trivial.
func BenchmarkGet(b *testing.B) {
	r, out := getSession(b)
	a := api.New(api.Config{
		Keys: keyring{keyID: {secret, administrator}}, Region: region, Now: time.Now,
		Rate: 1e12, Burst: 1e12, Log: slog.New(slog.DiscardHandler),
	})
	a.Answer(func(context.Context, string, studio.Principal, any) (any, error) { return out, nil })
	bench(b, a, r)
}

// BenchmarkBare is the measure of BenchmarkGet: the least that signs the request
// again with the same library and returns the same bytes.
func BenchmarkBare(b *testing.B) {
	r, out := getSession(b)
	body := api.Encode(out)
	signer := v4.NewSigner()
	key := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	bench(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil {
			b.Fatal(err)
		}
		u := *r.URL
		again := &http.Request{Method: r.Method, URL: &u, Host: r.Host, Header: http.Header{}}
		if err := signer.SignHTTP(r.Context(), key, again, emptyHash, "nimble", region, at); err != nil {
			b.Fatal(err)
		}
		if subtle.ConstantTimeCompare([]byte(again.Header.Get("Authorization")), []byte(r.Header.Get("Authorization"))) != 1 {
			b.Fatal("the signatures differ")
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}), r)
}
