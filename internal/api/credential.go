package api

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	// signingName is the service's name in the scope of a signature.
	signingName = "nimble"
	// maxKeyID is the most characters of an access key id.
	maxKeyID = 128
	// dateFormat is the form of X-Amz-Date.
	dateFormat = "20060102T150405Z"
)

// credential is what an Authorization header says.
type credential struct {
	keyID     string
	date      string // of the scope, "20060102"
	region    string
	service   string
	headers   []string // the names of the signed headers, in lower case
	signature string
	signedAt  time.Time // the request's X-Amz-Date
}

// parseCredential reads the Authorization header of signature version 4 and
// checks what can be checked without the key.
func parseCredential(h http.Header) (credential, error) {
	var c credential
	values := h["Authorization"]
	if len(values) == 0 || !strings.HasPrefix(values[0], "AWS4-") {
		return c, forbidden("MissingAuthenticationTokenException", CodeUnsigned,
			"The request is not signed: it needs an Authorization header of AWS signature version 4.")
	}
	if len(values) > 1 {
		return c, incomplete("there is more than one Authorization header")
	}
	name, rest, _ := strings.Cut(values[0], " ")
	if name != algorithm {
		return c, incomplete("the algorithm must be " + algorithm)
	}
	var scope, headers string
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "Credential":
			scope = value
		case "SignedHeaders":
			headers = value
		case "Signature":
			c.signature = value
		default:
			return c, incomplete("the Authorization header has a part that is none of Credential, SignedHeaders, Signature")
		}
	}
	switch {
	case scope == "":
		return c, incomplete("the Authorization header has no Credential")
	case headers == "":
		return c, incomplete("the Authorization header has no SignedHeaders")
	case len(c.signature) != 64:
		return c, incomplete("the Authorization header has no Signature of 64 hexadecimal digits")
	}
	return c, c.parse(scope, headers, h)
}

func (c *credential) parse(scope, headers string, h http.Header) error {
	parts := strings.Split(scope, "/")
	if len(parts) != 5 || parts[4] != "aws4_request" {
		return incomplete("the Credential must be KEY/DATE/REGION/SERVICE/aws4_request")
	}
	if len(parts[0]) > maxKeyID {
		return incomplete("the Credential's access key id is too long")
	}
	c.keyID, c.date, c.region, c.service = parts[0], parts[1], parts[2], parts[3]
	c.headers = strings.Split(headers, ";")
	if !slices.Contains(c.headers, "host") {
		return incomplete("the header host must be signed")
	}
	if !slices.Contains(c.headers, "x-amz-date") {
		return incomplete("the header x-amz-date must be sent and signed")
	}
	dates := h["X-Amz-Date"]
	if len(dates) != 1 {
		return incomplete("the header x-amz-date must be sent once")
	}
	at, err := time.Parse(dateFormat, dates[0])
	if err != nil {
		return incomplete("the header x-amz-date must look like 20060102T150405Z")
	}
	if dates[0][:8] != c.date {
		return invalidSignature(CodeScope, "the date of the Credential is not that of x-amz-date")
	}
	c.signedAt = at
	return nil
}

// forbidden is what the front end says before the service model applies.
func forbidden(kind, code, message string) error {
	return &refusal{fault{status: http.StatusForbidden, kind: kind, code: code, message: message}}
}

func incomplete(what string) error {
	return forbidden("IncompleteSignatureException", CodeIncomplete, "The signature cannot be checked: "+what+".")
}

func invalidSignature(code, what string) error {
	return forbidden("InvalidSignatureException", code, "The signature is refused: "+what+".")
}
