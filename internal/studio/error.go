package studio

import "errors"

// ErrorKind is one of the seven exceptions of the service model.
type ErrorKind string

// The kinds of error, by the names of their exceptions.
const (
	Validation    ErrorKind = "ValidationException"
	QuotaExceeded ErrorKind = "ServiceQuotaExceededException"
	AccessDenied  ErrorKind = "AccessDeniedException"
	NotFound      ErrorKind = "ResourceNotFoundException"
	Conflict      ErrorKind = "ConflictException"
	Throttling    ErrorKind = "ThrottlingException"
	Internal      ErrorKind = "InternalServerErrorException"
)

// Error is what an operation answers instead of its result. Its members Code,
// Message and Context are those of the exceptions of the service model.
type Error struct {
	Kind ErrorKind
	// Code is stable and machine-readable, in SCREAMING_SNAKE.
	Code string
	// Message is one plain sentence for people: what happened, to what, what to do.
	Message string
	// Context holds details; a NotFound has at least resourceId.
	Context map[string]string
	// Err is the cause, for the log only.
	Err error
}

func (e *Error) Error() string {
	s := string(e.Kind) + " " + e.Code + ": " + e.Message
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf tells the kind of an error; anything that is no Error is Internal.
func KindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
