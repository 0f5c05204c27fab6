package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/studio"
)

const aStudio = "/2020-08-01/studios/us-west-2%3Astid-nyoqq12fteqy1x48"

func TestSignatureAccepted(t *testing.T) {
	t.Parallel()
	body := []byte(`{"displayName":"x"}`)
	tests := map[string]func(r *http.Request){
		"as signed":                  func(*http.Request) {},
		"header added on the way":    func(r *http.Request) { r.Header.Set("X-Forwarded-For", "10.0.0.1") },
		"spaces in a signed header":  func(r *http.Request) { r.Header.Set("X-Amz-Meta", "  a   b  ") },
		"spaces around the parts":    func(r *http.Request) { replace(r, ", ", " ,  ") },
		"no spaces around the parts": func(r *http.Request) { replace(r, ", ", ",") },
		"stale session token":        func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "left over") },
		"hash of the body sent":      func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", hashOf(body)) },
		"query in another order":     func(r *http.Request) { r.URL.RawQuery = "b=2&a=2&a=1" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			r := unsigned(t, http.MethodPatch, aStudio+"?a=1&a=2&b=2", body, "X-Amz-Meta", "a b", "X-Amz-Meta-Two", "1", "X-Amz-Meta-Two", "2")
			sign(t, r, body, time.Now())
			change(r)
			if w := f.do(r); w.Code != http.StatusOK {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

// TestUnusualSigners checks signatures over headers that the SDK's signer leaves
// out, and without those that it adds.
func TestUnusualSigners(t *testing.T) {
	t.Parallel()
	body := []byte(`{"displayName":"x"}`)
	for _, headers := range [][]string{
		{"User-Agent"}, {"User-Agent", "Expect", "X-Amzn-Trace-Id"}, {"Content-Type"}, {},
	} {
		t.Run(strings.Join(headers, " "), func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			r := unsigned(t, http.MethodPatch, aStudio, body)
			r.ContentLength = 0 // or the signer signs it too
			for _, name := range headers {
				r.Header[strings.ToLower(name)] = []string{"some " + name}
			}
			sign(t, r, body, time.Now())
			for _, name := range headers {
				delete(r.Header, strings.ToLower(name))
				r.Header.Set(name, "some "+name)
			}
			r.ContentLength = int64(len(body))
			if w := f.do(r); w.Code != http.StatusOK {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestSignatureRefused(t *testing.T) {
	t.Parallel()
	const (
		missing   = "MissingAuthenticationTokenException"
		partial   = "IncompleteSignatureException"
		invalid   = "InvalidSignatureException"
		unknown   = "UnrecognizedClientException"
		studioTwo = "/2020-08-01/studios/us-west-2%3Astid-2"
	)
	tests := map[string]struct {
		kind, code, says string
		change           func(r *http.Request)
	}{
		"no header":         {missing, api.CodeUnsigned, "not signed", func(r *http.Request) { r.Header.Del("Authorization") }},
		"bearer":            {missing, api.CodeUnsigned, "not signed", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }},
		"two headers":       {partial, api.CodeIncomplete, "more than one", func(r *http.Request) { r.Header.Add("Authorization", "x") }},
		"other algorithm":   {partial, api.CodeIncomplete, "AWS4-HMAC-SHA256", func(r *http.Request) { replace(r, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256") }},
		"nothing else":      {partial, api.CodeIncomplete, "none of", func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256") }},
		"no credential":     {partial, api.CodeIncomplete, "no Credential", func(r *http.Request) { cutPart(r, "Credential") }},
		"no headers":        {partial, api.CodeIncomplete, "no SignedHeaders", func(r *http.Request) { cutPart(r, "SignedHeaders") }},
		"no signature":      {partial, api.CodeIncomplete, "no Signature", func(r *http.Request) { cutPart(r, "Signature") }},
		"short scope":       {partial, api.CodeIncomplete, "KEY/DATE", func(r *http.Request) { replace(r, "/aws4_request", "") }},
		"host not signed":   {partial, api.CodeIncomplete, "host", func(r *http.Request) { replace(r, "host;", "") }},
		"date not signed":   {partial, api.CodeIncomplete, "x-amz-date", func(r *http.Request) { replace(r, ";x-amz-date", "") }},
		"no date":           {partial, api.CodeIncomplete, "x-amz-date", func(r *http.Request) { r.Header.Del("X-Amz-Date") }},
		"date malformed":    {partial, api.CodeIncomplete, "20060102T150405Z", func(r *http.Request) { r.Header.Set("X-Amz-Date", "today") }},
		"header not sent":   {partial, api.CodeIncomplete, `"x-amz-meta"`, func(r *http.Request) { r.Header.Del("X-Amz-Meta") }},
		"unknown key":       {unknown, api.CodeKey, "no such access key", func(r *http.Request) { replace(r, keyID, "AKIANOBODY") }},
		"other's key":       {invalid, api.CodeSignature, "does not fit", func(r *http.Request) { replace(r, keyID, "AKIAARTIST") }},
		"region":            {invalid, api.CodeScope, `"us-west-2"`, func(r *http.Request) { replace(r, region, "eu-west-1") }},
		"service":           {invalid, api.CodeScope, `"nimble"`, func(r *http.Request) { replace(r, "/nimble/", "/s3/") }},
		"day of the scope":  {invalid, api.CodeScope, "x-amz-date", func(r *http.Request) { replace(r, keyID+"/2", keyID+"/1") }},
		"signature changed": {invalid, api.CodeSignature, "does not fit", func(r *http.Request) { replace(r, "Signature=", "Signature=00") }},
		"method changed":    {invalid, api.CodeSignature, "does not fit", func(r *http.Request) { r.Method = http.MethodDelete }},
		"path changed":      {invalid, api.CodeSignature, "does not fit", func(r *http.Request) { r.URL, _ = r.URL.Parse(studioTwo + "?a=1") }},
		"query changed":     {invalid, api.CodeSignature, "does not fit", func(r *http.Request) { r.URL.RawQuery = "a=2" }},
		"host changed":      {invalid, api.CodeSignature, "does not fit", func(r *http.Request) { r.Host = "evil.test" }},
		"header changed":    {invalid, api.CodeSignature, "does not fit", func(r *http.Request) { r.Header.Set("X-Amz-Meta", "c") }},
		"header doubled":    {invalid, api.CodeSignature, "does not fit", func(r *http.Request) { r.Header.Add("X-Amz-Meta", "c") }},
		"unsigned payload":  {invalid, api.CodeSignature, "x-amz-content-sha256", func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }},
		"other hash":        {invalid, api.CodeSignature, "x-amz-content-sha256", func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", hashOf([]byte("x"))) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			r := unsigned(t, http.MethodPatch, aStudio+"?a=1", nil, "X-Amz-Meta", "a b")
			sign(t, r, nil, time.Now())
			tt.change(r)
			if strings.Contains(name, "signature changed") {
				auth := r.Header.Get("Authorization")
				r.Header.Set("Authorization", auth[:len(auth)-2])
			}
			got := wantFault(t, f.do(r), http.StatusForbidden, tt.kind, tt.code)
			if !strings.Contains(got.Message, tt.says) || strings.Contains(got.Message, secret) {
				t.Errorf("message %q, want %q in it", got.Message, tt.says)
			}
			for _, row := range api.Table() {
				if len(f.taken(row.Name)) > 0 {
					t.Error("it reached the operation")
				}
			}
		})
	}
}

func TestBodyChanged(t *testing.T) {
	t.Parallel()
	f := setup(t)
	r := unsigned(t, http.MethodPatch, aStudio, []byte(`{"displayName":"y"}`))
	sign(t, r, []byte(`{"displayName":"x"}`), time.Now())
	wantFault(t, f.do(r), http.StatusForbidden, "InvalidSignatureException", api.CodeSignature)
}

func TestClocks(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 3, 1, 0, 2, 0, 0, time.UTC)
	f := setup(t, func(c *api.Config) { c.Now = func() time.Time { return now } })
	for skew, accepted := range map[time.Duration]bool{
		0: true, 5 * time.Minute: true, -5 * time.Minute: true, // the latter on the day before
		301 * time.Second: false, -301 * time.Second: false, 24 * time.Hour: false, -24 * 365 * time.Hour: false,
	} {
		r := unsigned(t, http.MethodGet, aStudio, nil)
		sign(t, r, nil, now.Add(skew))
		w := f.do(r)
		if accepted {
			if w.Code != http.StatusOK {
				t.Errorf("skew %v: %d %s", skew, w.Code, w.Body)
			}
			continue
		}
		got := wantFault(t, w, http.StatusForbidden, "InvalidSignatureException", api.CodeClock)
		for _, clock := range []string{"20250301T000200Z", now.Add(skew).Format("20060102T150405Z")} {
			if !strings.Contains(got.Message, clock) {
				t.Errorf("skew %v: %q does not say %s", skew, got.Message, clock)
			}
		}
	}
}

// changing is a Keys whose one key's secret changes.
type changing struct {
	secret string
	err    error
}

func (c *changing) Key(context.Context, string) (string, studio.Principal, error) {
	return c.secret, administrator, c.err
}

// TestChangedSecret makes sure that no key derived from an old secret is kept.
func TestChangedSecret(t *testing.T) {
	t.Parallel()
	keys := &changing{secret: secret}
	f := setup(t, func(c *api.Config) { c.Keys = keys })
	if w := f.do(request(t, http.MethodGet, aStudio, nil)); w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	keys.secret = "another"
	wantFault(t, f.do(request(t, http.MethodGet, aStudio, nil)), http.StatusForbidden, "InvalidSignatureException", api.CodeSignature)
	keys.err = errors.New("the store is gone")
	wantFault(t, f.do(request(t, http.MethodGet, aStudio, nil)), http.StatusInternalServerError, "InternalServerErrorException", studio.CodeInternal)
	if !strings.Contains(f.log.String(), "look up access key: the store is gone") {
		t.Errorf("log: %s", f.log.String())
	}
}

// TestManyCallers has more callers than derived keys are kept.
func TestManyCallers(t *testing.T) {
	t.Parallel()
	keys := keyring{}
	f := setup(t, func(c *api.Config) { c.Keys = keys })
	for i := range 3000 {
		id := "AKIA" + strings.Repeat("X", i%50) + string(rune('A'+i/50))
		keys[id] = struct {
			secret string
			who    studio.Principal
		}{"secret of " + id, studio.Principal{ID: id}}
		r := unsigned(t, http.MethodGet, aStudio, nil)
		key := aws.Credentials{AccessKeyID: id, SecretAccessKey: "secret of " + id}
		if err := v4.NewSigner().SignHTTP(t.Context(), key, r, emptyHash, "nimble", region, time.Now()); err != nil {
			t.Fatal(err)
		}
		if w := f.do(r); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", id, w.Code, w.Body)
		}
	}
}

// replace changes the Authorization header.
func replace(r *http.Request, from, to string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
}

// cutPart takes a part of the Authorization header away.
func cutPart(r *http.Request, name string) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	var kept []string
	for part := range strings.SplitSeq(rest, ", ") {
		if !strings.HasPrefix(part, name+"=") {
			kept = append(kept, part)
		}
	}
	r.Header.Set("Authorization", scheme+" "+strings.Join(kept, ", "))
}
