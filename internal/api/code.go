package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/backlot/backlot/internal/studio"
)

// The codes of errors that are made here, beside those of studio: stable and
// machine-readable. What each means is in codes.
const (
	CodeJSON       = "INVALID_JSON"
	CodeDepth      = "JSON_TOO_DEEP"
	CodeDuplicate  = "DUPLICATE_MEMBER"
	CodeType       = "WRONG_TYPE"
	CodeTooLarge   = "BODY_TOO_LARGE"
	CodeBody       = "BODY_INCOMPLETE"
	CodeQuery      = "INVALID_QUERY"
	CodeUnsigned   = "MISSING_SIGNATURE"
	CodeIncomplete = "INCOMPLETE_SIGNATURE"
	CodeKey        = "UNKNOWN_ACCESS_KEY"
	CodeClock      = "CLOCK_SKEW"
	CodeScope      = "WRONG_SCOPE"
	CodeSignature  = "INVALID_SIGNATURE"
	CodeRate       = "RATE_EXCEEDED"
	CodeOperation  = "UNKNOWN_OPERATION"
	CodeMethod     = "METHOD_NOT_ALLOWED"
)

// code is all that is stable of the errors of one sort on the wire.
type code struct {
	name    string
	status  int
	kind    string
	means   string
	context []string
}

// codes are those of all errors, for docs/errors.md.
func codes() []code {
	all := []code{
		{CodeJSON, 400, "ValidationException", "The body is not one valid JSON object.", nil},
		{CodeDepth, 400, "ValidationException", "The body nests objects and arrays too deeply.", nil},
		{CodeDuplicate, 400, "ValidationException", "A member is given twice.", []string{"member"}},
		{CodeType, 400, "ValidationException", "A member has another JSON type than its own.", []string{"member"}},
		{CodeTooLarge, 413, "ValidationException", "The body has more bytes than are taken.", nil},
		{CodeBody, 400, "ValidationException", "The body ended before its announced length.", nil},
		{CodeQuery, 400, "ValidationException", "The query string cannot be parsed.", nil},
		{CodeUnsigned, 403, "MissingAuthenticationTokenException", "The request bears no signature.", nil},
		{CodeIncomplete, 403, "IncompleteSignatureException", "The signature lacks something that it must have.", nil},
		{CodeKey, 403, "UnrecognizedClientException", "The signature is made with a key that does not exist.", nil},
		{CodeClock, 403, "InvalidSignatureException", "The signature was made too long ago, or in the future.", nil},
		{CodeScope, 403, "InvalidSignatureException", "The signature is made for another region, service or day.", nil},
		{CodeSignature, 403, "InvalidSignatureException", "The signature does not fit the request and the secret.", nil},
		{CodeRate, 429, "ThrottlingException", "The caller has used up its rate of requests.", nil},
		{CodeOperation, 404, "UnknownOperationException", "No operation has this path.", nil},
		{CodeMethod, 405, "UnknownOperationException", "No operation of this path has this method.", nil},
		// Those of internal/store.
		{"STORE_FULL", 402, "ServiceQuotaExceededException", "The disk of the store has no room left to record this; nothing was changed.", nil},
		{"STORE_BUSY", 500, "InternalServerErrorException", "The store is locked; nothing was changed.", nil},
		{"STORE_DAMAGED", 500, "InternalServerErrorException", "The store is damaged; nothing was changed.", nil},
		{"STORE_DISK", 500, "InternalServerErrorException", "The disk of the store fails; nothing was changed.", nil},
		{"STORE_LOST", 500, "InternalServerErrorException", "The store's database cannot be reached; nothing was changed.", nil},
		{"STORE_UNSURE", 500, "InternalServerErrorException", "The store's database was lost in a commit; whether the change was made is not known.", nil},
	}
	for _, c := range studio.Codes() {
		all = append(all, code{c.Name, statuses[c.Kind], string(c.Kind), c.Means, c.Context})
	}
	slices.SortStableFunc(all, func(a, b code) int {
		return cmp.Or(a.status-b.status, strings.Compare(a.kind, b.kind), strings.Compare(a.name, b.name))
	})
	return all
}

// documented tells whether a code has a meaning that callers can look up.
func documented(name string) bool {
	return slices.ContainsFunc(codes(), func(c code) bool { return c.name == name })
}

//go:generate go test -run TestErrorsDocumentIsFresh -update .

// ErrorsDocument is docs/errors.md: every code, printed from the tables.
func ErrorsDocument() string {
	var b strings.Builder
	b.WriteString(errorsIntroduction)
	for _, c := range codes() {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", c.status, c.kind, c.name, c.means, strings.Join(c.context, ", "))
	}
	return b.String()
}

const errorsIntroduction = `# Errors

Printed from the tables in internal/api and internal/studio; ` + "`go test ./internal/api -update`" + ` writes it anew.

Every error has the name of its exception in the header x-amzn-errortype and in __type, and a body of three members:
message, one plain sentence for people, which may change; code, which never does; context, with the keys below.
x-amzn-requestid is what to tell the operator.

| status | exception | code | meaning | context |
|---|---|---|---|---|
`
