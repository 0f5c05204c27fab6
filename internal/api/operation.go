package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/backlot/backlot/internal/studio"
)

// version begins the path of every operation.
const version = "2020-08-01"

// operation is a row of the table: how one operation of the service model is
// asked and answered on the wire, and the method that does it.
type operation struct {
	name   string
	method string
	path   string // with its version and {members}
	status int
	traits traits
	in     reflect.Type
	out    reflect.Type
	decode *decoder
	encode encoder
	// serve sends an answer that is bytes, and encode is nil; else serve is.
	serve func(w http.ResponseWriter, r *http.Request, out any) error
	// call does the operation; in and the answer are pointers to structs of the
	// types above.
	call func(ctx context.Context, s *studio.Service, who studio.Principal, in any) (any, error)
}

// traits are the flags an operation has in the service model.
type traits int

const (
	plain traits = 0
	// idempotent operations do nothing more when asked again.
	idempotent traits = 1
	// noQuota operations do not declare ServiceQuotaExceededException.
	noQuota traits = 2
)

// op is the row of an operation whose path, behind the version, is path. Its
// name is that of the request without "Request".
func op[In, Out any](
	method, path string, status int, t traits,
	call func(*studio.Service, context.Context, studio.Principal, *In) (*Out, error),
) operation {
	o := row("/"+version+path, method, status, t, call)
	o.encode = newEncoder(o.out)
	return o
}

// row is a row without the way in which its answer is sent.
func row[In, Out any](
	path, method string, status int, t traits,
	call func(*studio.Service, context.Context, studio.Principal, *In) (*Out, error),
) operation {
	in := reflect.TypeFor[In]()
	return operation{
		name: strings.TrimSuffix(in.Name(), "Request"), method: method, path: path, status: status, traits: t,
		in: in, out: reflect.TypeFor[Out](), decode: newDecoder(in, path),
		call: func(ctx context.Context, s *studio.Service, who studio.Principal, in any) (any, error) {
			return call(s, ctx, who, in.(*In))
		},
	}
}

// errors lists the exceptions the operation declares.
func (o *operation) errors() []studio.ErrorKind {
	kinds := []studio.ErrorKind{
		studio.AccessDenied, studio.Conflict, studio.Internal, studio.NotFound,
		studio.QuotaExceeded, studio.Throttling, studio.Validation,
	}
	if o.traits&noQuota != 0 {
		kinds = append(kinds[:4], kinds[5:]...)
	}
	return kinds
}

// reads tells that the operation changes nothing.
func (o *operation) reads() bool { return o.method == "GET" }
