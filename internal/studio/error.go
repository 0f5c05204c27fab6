package studio

import (
	"errors"
	"fmt"
)

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

// combination is the Validation error of members that do not go together.
func combination(format string, args ...any) *Error {
	return &Error{Kind: Validation, Code: CodeCombination, Message: fmt.Sprintf(format, args...)}
}

// denied is the error of a caller who may not do something. It does not tell
// whether the thing exists.
func denied(action, kind string) *Error {
	if kind == "" {
		return &Error{Kind: AccessDenied, Code: CodeNotAllowed, Message: "You may not call " + action + "."}
	}
	return &Error{Kind: AccessDenied, Code: CodeNotAllowed, Message: fmt.Sprintf("You may not call %s on this %s.", action, kind)}
}

// absent is the error of a thing that is not there.
func absent(kind, id string) *Error {
	return &Error{
		Kind: NotFound, Code: CodeNotFound, Message: fmt.Sprintf("There is no %s with the id %s here.", kind, cut(id, 128)),
		Context: map[string]string{"resourceId": id},
	}
}

// wrongState is the Conflict of a thing that cannot be used in its state.
func wrongState(noun, id string, state State) *Error {
	return &Error{
		Kind: Conflict, Code: CodeState,
		Message: fmt.Sprintf("The %s is in the state %s, which does not allow this.", noun, state),
		Context: map[string]string{"resourceId": id, "state": string(state)},
	}
}
