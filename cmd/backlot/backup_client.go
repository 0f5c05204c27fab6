package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/backlot/backlot/internal/api"
)

// client calls the operations of a server that are our own, with the keys of the environment.
type client struct {
	endpoint *url.URL
	region   string
	keys     aws.Credentials
	http     *http.Client
}

// newClient reads what the AWS CLI would: where the server is, and whose keys to use.
func newClient(endpoint string, getenv func(string) string) (*client, error) {
	c := &client{
		region: cmp.Or(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION")),
		keys:   aws.Credentials{AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY")},
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": cmp.Or(endpoint, getenv("AWS_ENDPOINT_URL")), "AWS_REGION": c.region,
		"AWS_ACCESS_KEY_ID": c.keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY": c.keys.SecretAccessKey,
	} {
		if value == "" {
			return nil, fmt.Errorf("%s is not set; `backlot serve --dev` writes a file that sets it, `backlot key create` makes keys", name)
		}
	}
	var err error
	if c.endpoint, err = url.Parse(cmp.Or(endpoint, getenv("AWS_ENDPOINT_URL"))); err != nil || c.endpoint.Host == "" {
		return nil, fmt.Errorf("the endpoint %q is no URL", cmp.Or(endpoint, getenv("AWS_ENDPOINT_URL")))
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if file := getenv("AWS_CA_BUNDLE"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read AWS_CA_BUNDLE: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("AWS_CA_BUNDLE: %s holds no certificate", file)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	c.http = &http.Client{Transport: transport}
	return c, nil
}

// fault is an error as the server tells it.
type fault struct {
	Type      string `json:"__type"`
	Message   string `json:"message"`
	Code      string `json:"code"`
	requestID string
}

func (f *fault) Error() string {
	return fmt.Sprintf("%s (%s %s, request %s)", f.Message, f.Type, f.Code, f.requestID)
}

// request is one to be made: its path below the API's prefix has escaped segments.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	// body is JSON, or, with size, bytes of that many; -1: not known.
	body io.Reader
	size int64
	hash string
}

// escape joins segments of a path.
func escape(segments ...string) string {
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

// do makes a request and returns the answer, which is a good one.
func (c *client) do(ctx context.Context, r request) (*http.Response, error) {
	target := strings.TrimSuffix(c.endpoint.String(), "/") + api.OwnPrefix + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	asked, err := http.NewRequestWithContext(ctx, r.method, target, r.body)
	if err != nil {
		return nil, err
	}
	maps.Copy(asked.Header, r.header)
	if r.size != 0 {
		asked.ContentLength = r.size
	}
	asked.Header.Set("X-Amz-Content-Sha256", r.hash)
	if err := v4.NewSigner().SignHTTP(ctx, c.keys, asked, r.hash, "nimble", c.region, time.Now()); err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	answer, err := c.http.Do(asked)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode < http.StatusMultipleChoices {
		return answer, nil
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	f := &fault{requestID: answer.Header.Get("X-Amzn-Requestid")}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil || json.Unmarshal(text, f) != nil || f.Message == "" {
		return nil, errors.Join(fmt.Errorf("%s answers %s and no error of Backlot", c.endpoint.Host, answer.Status), err)
	}
	return nil, f
}

// call makes a request of JSON and decodes the answer into out. in may be nil.
func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	sum := sha256.Sum256(body)
	answer, err := c.do(ctx, request{method: method, path: path, query: query, body: bytes.NewReader(body), hash: hex.EncodeToString(sum[:])})
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// fetch opens what an operation answers as bytes.
func (c *client) fetch(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	sum := sha256.Sum256(nil)
	return c.do(ctx, request{method: http.MethodGet, path: path, query: query, hash: hex.EncodeToString(sum[:])})
}
