package api

// The codes of errors that are made here, beside those of studio: stable and
// machine-readable.
const (
	// CodeJSON: the body is not one valid JSON object.
	CodeJSON = "INVALID_JSON"
	// CodeDepth: the body nests objects and arrays too deeply.
	CodeDepth = "JSON_TOO_DEEP"
	// CodeDuplicate: a member is given twice.
	CodeDuplicate = "DUPLICATE_MEMBER"
	// CodeType: a member has another JSON type than its own.
	CodeType = "WRONG_TYPE"
	// CodeTooLarge: the body has more bytes than are taken.
	CodeTooLarge = "BODY_TOO_LARGE"
	// CodeBody: the body ended before its announced length.
	CodeBody = "BODY_INCOMPLETE"
	// CodeQuery: the query string cannot be parsed.
	CodeQuery = "INVALID_QUERY"
	// CodeUnsigned: the request bears no signature.
	CodeUnsigned = "MISSING_SIGNATURE"
	// CodeIncomplete: the signature lacks something that it must have.
	CodeIncomplete = "INCOMPLETE_SIGNATURE"
	// CodeKey: the signature is made with a key that does not exist.
	CodeKey = "UNKNOWN_ACCESS_KEY"
	// CodeClock: the signature was made too long ago, or in the future.
	CodeClock = "CLOCK_SKEW"
	// CodeScope: the signature is made for another region, service or day.
	CodeScope = "WRONG_SCOPE"
	// CodeSignature: the signature does not fit the request and the secret.
	CodeSignature = "INVALID_SIGNATURE"
	// CodeRate: the caller has used up its rate of requests.
	CodeRate = "RATE_EXCEEDED"
	// CodeOperation: no operation has this path.
	CodeOperation = "UNKNOWN_OPERATION"
	// CodeMethod: no operation of this path has this method.
	CodeMethod = "METHOD_NOT_ALLOWED"
)
