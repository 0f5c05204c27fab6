package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/backlot/backlot/internal/studio"
)

// Keys knows access keys.
type Keys interface {
	// Key returns the secret of an access key and who holds it. An error that is
	// studio.ErrNoRow says that there is no such key, or no longer.
	Key(ctx context.Context, accessKeyID string) (secret string, who studio.Principal, err error)
}

const (
	// maxSkew is how far the clocks of caller and server may be apart.
	maxSkew = 5 * time.Minute
	// maxSigners is how many callers' derived keys are kept.
	maxSigners = 1024
	// contentHash is the header that tells the hash of the body, or unsignedPayload.
	contentHash     = "X-Amz-Content-Sha256"
	unsignedPayload = "UNSIGNED-PAYLOAD"
	// emptyHash is the SHA-256 of no bytes.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// verifier checks signatures, by making them again with the SDK's own signer.
type verifier struct {
	keys   Keys
	region string

	mu sync.Mutex
	// signers hold the key that each caller's secret gives for the day, one
	// caller each: a signer remembers a single derived key, by key id alone.
	signers map[signerID]*v4.Signer
}

func newVerifier(keys Keys, region string) verifier {
	return verifier{keys: keys, region: region, signers: map[signerID]*v4.Signer{}}
}

type signerID struct{ keyID, secret string }

// claim is who a request says it is from, until its signature is checked.
type claim struct {
	credential
	secret string
	who    studio.Principal
}

// claim reads whose signature a request bears, and refuses it without looking at
// the body where that is possible.
func (v *verifier) claim(r *http.Request, now time.Time) (claim, error) {
	var c claim
	var err error
	if c.credential, err = parseCredential(r.Header); err != nil {
		return c, err
	}
	if c.region != v.region {
		return c, invalidSignature(CodeScope, fmt.Sprintf("the Credential is for region %q, but this is %q", c.region, v.region))
	}
	if c.service != signingName {
		return c, invalidSignature(CodeScope, fmt.Sprintf("the Credential is for service %q, but this is %q", c.service, signingName))
	}
	c.secret, c.who, err = v.keys.Key(r.Context(), c.keyID)
	if errors.Is(err, studio.ErrNoRow) {
		return c, forbidden("UnrecognizedClientException", CodeKey, "There is no such access key, or it has been deleted.")
	}
	if err != nil {
		return c, fmt.Errorf("look up access key: %w", err)
	}
	if skew := now.Sub(c.signedAt); skew > maxSkew || skew < -maxSkew {
		return c, invalidSignature(CodeClock, fmt.Sprintf(
			"it was made at %s, but the server's clock says %s; they may be %d minutes apart. Set the clock that is wrong",
			c.signedAt.Format(dateFormat), now.UTC().Format(dateFormat), int(maxSkew.Minutes())))
	}
	return c, nil
}

// hashOf is the hash of a body that was read, which must be what the request says of it.
func hashOf(r *http.Request, body []byte) (string, error) {
	hash := emptyHash
	if len(body) > 0 {
		sum := sha256.Sum256(body)
		hash = hex.EncodeToString(sum[:])
	}
	if said := r.Header[contentHash]; len(said) > 0 && (len(said) > 1 || said[0] != hash) {
		return "", invalidSignature(CodeSignature, "x-amz-content-sha256 must be the SHA-256 of the body, in hexadecimal digits; unsigned and chunked payloads are not taken")
	}
	return hash, nil
}

// saidHash is what a request says of a body that is still to be read: its hash, or
// that it is not signed.
func saidHash(r *http.Request) (string, error) {
	said := r.Header[contentHash]
	if len(said) == 1 && said[0] == unsignedPayload {
		return said[0], nil
	}
	if len(said) == 1 {
		if sum, err := hex.DecodeString(said[0]); err == nil && len(sum) == sha256.Size && said[0] == strings.ToLower(said[0]) {
			return said[0], nil
		}
	}
	return "", invalidSignature(CodeSignature, "x-amz-content-sha256 must be sent, and be "+unsignedPayload+" or the SHA-256 of the body, in hexadecimal digits")
}

// check makes the signature again over a body of that hash and compares.
func (v *verifier) check(c *claim, r *http.Request, hash string) error {
	fits, err := v.fits(c, r, hash)
	if err == nil && !fits && strings.Contains(r.URL.EscapedPath(), "%") {
		// curl before 8.13 does not escape the path a second time. What is signed
		// that way can be taken for another request only if an id holds "%": none does.
		fits, err = v.fits(c, r, hash, func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	}
	if err == nil && !fits {
		return invalidSignature(CodeSignature, "it does not fit the request and the secret access key. "+
			"Check the secret, and that no proxy changes the path, the query, or a signed header such as host")
	}
	return err
}

// fits makes the signature again.
func (v *verifier) fits(c *claim, r *http.Request, hash string, options ...func(*v4.SignerOptions)) (bool, error) {
	again, err := c.unsigned(r)
	if err != nil {
		return false, err
	}
	signer := v.signer(signerID{c.keyID, c.secret})
	key := aws.Credentials{AccessKeyID: c.keyID, SecretAccessKey: c.secret}
	if err := signer.SignHTTP(r.Context(), key, again, hash, signingName, v.region, c.signedAt, options...); err != nil {
		return false, fmt.Errorf("sign request again: %w", err)
	}
	made := again.Header["Authorization"][0]
	return subtle.ConstantTimeCompare([]byte(made[len(made)-len(c.signature):]), []byte(c.signature)) == 1, nil
}

// unsigned returns the request with just those headers that were signed.
func (c *claim) unsigned(r *http.Request) (*http.Request, error) {
	again := &http.Request{
		Method: r.Method, Host: r.Host, Header: make(http.Header, len(c.headers)+1),
		URL: &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery},
	}
	for _, name := range c.headers {
		switch name {
		case "host", "x-amz-date": // the signer sets them
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			values := r.Header[textproto.CanonicalMIMEHeaderKey(name)]
			if len(values) == 0 || name == "authorization" {
				return nil, incomplete(fmt.Sprintf("the signed header %q is not in the request", name))
			}
			// In lower case, or the signer leaves out those that it would not sign itself.
			again.Header[name] = values
		}
	}
	return again, nil
}

func (v *verifier) signer(id signerID) *v4.Signer {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.signers[id]
	if s == nil {
		if len(v.signers) >= maxSigners {
			clear(v.signers)
		}
		s = v4.NewSigner()
		v.signers[id] = s
	}
	return s
}
