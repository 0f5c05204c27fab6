package api

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/backlot/backlot/internal/studio"
)

// fault is an error as the caller sees it.
type fault struct {
	status  int
	kind    string // the exception's name
	code    string
	message string
	context map[string]string
	retry   int    // seconds to wait before the next try; 0: not said
	allow   string // the methods of the path, where the method was wrong
}

// refusal is an error made by the protocol itself, outside the service model
// where the model has no word for it.
type refusal struct{ fault }

func (r *refusal) Error() string { return r.kind + " " + r.code + ": " + r.message }

// statuses are the HTTP statuses of the exceptions.
var statuses = map[studio.ErrorKind]int{
	studio.Validation:    http.StatusBadRequest,
	studio.QuotaExceeded: http.StatusPaymentRequired,
	studio.AccessDenied:  http.StatusForbidden,
	studio.NotFound:      http.StatusNotFound,
	studio.Conflict:      http.StatusConflict,
	studio.Throttling:    http.StatusTooManyRequests,
	studio.Internal:      http.StatusInternalServerError,
}

// faultOf is the one place where an error becomes an answer. What is Internal and
// has no code of its own in docs/errors.md, or is not made to be seen, is told to
// the log only.
func faultOf(err error) fault {
	var r *refusal
	if errors.As(err, &r) {
		return r.fault
	}
	var e *studio.Error
	if errors.As(err, &e) && statuses[e.Kind] != 0 && (e.Kind != studio.Internal || e.Code != studio.CodeInternal && documented(e.Code)) {
		return fault{status: statuses[e.Kind], kind: string(e.Kind), code: e.Code, message: e.Message, context: e.Context}
	}
	return fault{
		status: http.StatusInternalServerError, kind: string(studio.Internal), code: studio.CodeInternal,
		message: "Something went wrong in the service. Try again; if it stays, tell the operator the request id.",
	}
}

// buffers holds the bytes of answers and bodies for the next request.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// jsonType is the value of the Content-Type header of every answer with a body.
var jsonType = []string{"application/json"}

// send writes an answer. A status that allows no body gets none.
func send(w http.ResponseWriter, status int, body []byte) {
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller went away: nobody is left to tell
}

// sendFault writes an error. SDKs read its type from the header, or from __type.
func sendFault(w http.ResponseWriter, f fault) {
	h := w.Header()
	h["X-Amzn-Errortype"] = []string{f.kind}
	if f.retry > 0 {
		h["Retry-After"] = []string{strconv.Itoa(f.retry)}
	}
	if f.allow != "" {
		h["Allow"] = []string{f.allow}
	}
	if f.code == CodeTooLarge || f.code == CodeBody {
		h["Connection"] = []string{"close"} // or the server waits for more of the body first
	}
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	*b = append((*b)[:0], `{"__type":`...)
	*b = appendString(*b, f.kind)
	*b = append(*b, `,"message":`...)
	*b = appendString(*b, f.message)
	*b = append(*b, `,"code":`...)
	*b = appendString(*b, f.code)
	if len(f.context) > 0 {
		*b = append(*b, `,"context":`...)
		*b = appendMap(*b, f.context)
	}
	*b = append(*b, '}')
	send(w, f.status, *b)
}

// newRequestID makes a random UUID (version 4).
func newRequestID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[:8], u[:4])
	hex.Encode(s[9:13], u[4:6])
	hex.Encode(s[14:18], u[6:8])
	hex.Encode(s[19:23], u[8:10])
	hex.Encode(s[24:], u[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
