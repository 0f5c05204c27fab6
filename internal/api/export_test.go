package api

import (
	"context"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// Row is what tests see of an operation.
type Row struct {
	Name, Method, Path string
	Status             int
	In, Out            reflect.Type
	// Streams tells that the request's body is bytes, Bytes that the answer is.
	Streams, Bytes bool
}

// Table is the table of the service model's operations for tests, OwnTable that of our own.
func Table() []Row { return rows(table()) }

// OwnTable is as Table.
func OwnTable() []Row { return rows(ownTable()) }

func rows(operations []operation) []Row {
	var rows []Row
	for _, o := range operations {
		rows = append(rows, Row{o.name, o.method, o.path, o.status, o.in, o.out, o.decode.stream >= 0, o.serve != nil})
	}
	return rows
}

// Answer makes f do every operation of a, after the check that studio.Service
// makes.
func (a *API) Answer(f func(ctx context.Context, op string, who studio.Principal, in any) (any, error)) {
	for i := range a.operations {
		o := &a.operations[i]
		o.call = func(ctx context.Context, _ *studio.Service, who studio.Principal, in any) (any, error) {
			if err := studio.Check(in); err != nil {
				return nil, err
			}
			return f(ctx, o.name, who, in)
		}
	}
}

// SetBodyTime sets how long a body may take to arrive.
func (a *API) SetBodyTime(d time.Duration) { a.bodyTime = d }

var compiled, compiledRouter = sync.OnceValue(allOperations), sync.OnceValue(func() *router { return newRouter(allOperations()) })

// Decode decodes a request of the named operation.
func Decode(op string, r *http.Request, path [4]string, body []byte) (any, error) {
	for _, o := range compiled() {
		if o.name == op {
			return o.decode.request(r, path, body)
		}
	}
	panic("no operation " + op)
}

// Encode encodes a pointer to a struct.
func Encode(out any) []byte {
	v := reflect.ValueOf(out).Elem()
	return newEncoder(v.Type())(nil, v)
}

// Find names the operations that a path has by their methods, and the values of
// its {members}.
func Find(escaped string) (byMethod map[string]string, values [maxParams]string) {
	place, values := compiledRouter().find(escaped)
	byMethod = map[string]string{}
	if place != nil {
		for method, o := range place.methods {
			byMethod[method] = o.name
		}
	}
	return byMethod, values
}

// ParseCredential parses an Authorization header.
func ParseCredential(authorization, date string) (accessKeyID, scopeDate, signature string, headers []string, err error) {
	c, err := parseCredential(http.Header{"Authorization": {authorization}, "X-Amz-Date": {date}})
	return c.keyID, c.date, c.signature, c.headers, err
}
