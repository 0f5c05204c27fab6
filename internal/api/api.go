package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

const (
	// maxBody is the most bytes a request's body may have.
	maxBody = 1 << 20
	// bodyTime is how long a request's body may take to arrive.
	bodyTime = 30 * time.Second
	// MaxHeaderBytes is what the HTTP server should allow for a request's line and
	// headers: SDKs send about 1 KiB.
	MaxHeaderBytes = 32 << 10
	// Prefix begins the paths that the API answers.
	Prefix = "/" + version + "/"
)

// Config is what an API needs.
type Config struct {
	Service *studio.Service
	Keys    Keys
	// Region is the one that signatures must be made for.
	Region string
	Log    *slog.Logger
	Now    func() time.Time
	// Rate is how many requests a second a caller may make in the long run, Burst
	// how many at once; 0: 100 and 200.
	Rate  float64
	Burst int
}

// API is the HTTP handler of all operations. It must see requests as they were
// sent: a mux in front of it may not clean their paths.
type API struct {
	Config
	verifier   verifier
	throttle   *throttle
	operations []operation
	router     *router
	bodyTime   time.Duration
}

// New makes the API of a service.
func New(c Config) *API {
	if c.Rate == 0 {
		c.Rate = 100
	}
	if c.Burst == 0 {
		c.Burst = 200
	}
	operations := allOperations()
	return &API{
		Config: c, operations: operations, router: newRouter(operations),
		verifier: newVerifier(c.Keys, c.Region), throttle: newThrottle(c.Rate, c.Burst), bodyTime: bodyTime,
	}
}

// exchange is one request and what becomes of it.
type exchange struct {
	id    string
	began time.Time
	op    *operation
	keyID string           // that the request names
	who   studio.Principal // once the signature is checked
	sent  bool             // the answer is on its way
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchange{id: newRequestID(), began: a.Now()}
	w.Header()["X-Amzn-Requestid"] = []string{x.id}
	if r.Header["Origin"] != nil {
		allowOrigin(w.Header())
	}
	at, path := a.router.find(r.URL.EscapedPath())
	if r.Method == http.MethodOptions && at != nil {
		preflight(w, at.allowed())
		return
	}
	out := buffers.Get().(*[]byte)
	defer buffers.Put(out)
	*out = (*out)[:0]
	var err error
	if x.op, err = operationAt(at, r.Method); err == nil {
		*out, err = a.perform(&x, w, r, path, *out)
	}
	switch {
	case err != nil && x.sent:
		a.logFault(r, &x, faultOf(err), err)
		panic(http.ErrAbortHandler) // or the caller takes what there is for the whole
	case err != nil:
		f := faultOf(err)
		if x.op != nil && x.op.decode.stream >= 0 {
			w.Header().Set("Connection", "close") // or the server waits for more of the body first
		}
		w.Header().Del("Content-Disposition")
		sendFault(w, f)
		a.logFault(r, &x, f, err)
		return
	case !x.sent:
		send(w, x.op.status, *out)
	}
	a.logDone(r, &x)
}

func operationAt(at *router, method string) (*operation, error) {
	if at == nil {
		return nil, &refusal{fault{
			status: http.StatusNotFound, kind: "UnknownOperationException", code: CodeOperation,
			message: "No operation has this path. Ids and ARNs in it must be percent-encoded.",
		}}
	}
	if o := at.methods[method]; o != nil {
		return o, nil
	}
	allow := strings.Join(at.allowed(), ", ")
	return nil, &refusal{fault{
		status: http.StatusMethodNotAllowed, kind: "UnknownOperationException", code: CodeMethod,
		message: "No operation of this path has the method " + method + ": it takes " + allow + ".", allow: allow,
	}}
}

// perform takes a request through all checks, does it, and appends the answer's
// body to out. A panic below becomes an error.
func (a *API) perform(x *exchange, w http.ResponseWriter, r *http.Request, path params, out []byte) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // it is a value to pass on, as net/http does
				panic(p)
			}
			answer, err = out, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	claim, err := a.verifier.claim(r, x.began)
	x.keyID = claim.keyID
	if err != nil {
		return out, err
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	*buffer = (*buffer)[:0]
	var hash string
	if x.op.decode.stream >= 0 {
		hash, err = saidHash(r)
	} else if *buffer, err = a.readBody(w, r, *buffer); err == nil {
		hash, err = hashOf(r, *buffer)
	}
	if err != nil {
		return out, err
	}
	if err := a.verifier.check(&claim, r, hash); err != nil {
		return out, err
	}
	x.who = claim.who
	if wait, ok := a.throttle.take(x.who.ID, x.began); !ok {
		return out, &refusal{fault{
			status: http.StatusTooManyRequests, kind: string(studio.Throttling), code: CodeRate,
			message: "Too many requests of this caller at a time.", retry: wait,
		}}
	}
	in, err := x.op.decode.request(r, path, *buffer)
	if err != nil {
		return out, err
	}
	if i := x.op.decode.stream; i >= 0 {
		reflect.ValueOf(in).Elem().Field(i).Set(reflect.ValueOf(a.arriving(w, r, hash)))
	}
	done, err := x.op.call(r.Context(), a.Service, x.who, in)
	if err != nil {
		return out, err
	}
	if x.op.serve != nil {
		err := x.op.serve(a.leaving(w, &x.sent), r, done)
		x.sent = x.sent || err == nil
		return out, err
	}
	return x.op.encode(out, reflect.ValueOf(done).Elem()), nil
}

// readBody reads a whole body into buffer; one that is too large is not read, and
// one that does not arrive is not waited for.
func (a *API) readBody(w http.ResponseWriter, r *http.Request, buffer []byte) ([]byte, error) {
	if r.ContentLength == 0 {
		return buffer, nil
	}
	tooLarge := &refusal{fault{
		status: http.StatusRequestEntityTooLarge, kind: string(studio.Validation), code: CodeTooLarge,
		message: fmt.Sprintf("The body may have at most %d bytes.", maxBody),
	}}
	if r.ContentLength > maxBody {
		return buffer, tooLarge
	}
	// The server takes the deadline away at the body's end. There is none without a connection.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(a.bodyTime))
	body := io.LimitReader(r.Body, maxBody+1)
	buffer = slices.Grow(buffer, 4<<10)
	for {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer, 0)[:len(buffer)]
		}
		n, err := body.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		switch {
		case len(buffer) > maxBody:
			return buffer, tooLarge
		case errors.Is(err, io.EOF):
			return buffer, nil
		case err != nil:
			return buffer, &studio.Error{
				Kind: studio.Validation, Code: CodeBody, Message: "The body could not be read to its end.", Err: err,
			}
		}
	}
}

// logDone notes an answered operation: changes are what an operator wants to
// see, reads are many.
func (a *API) logDone(r *http.Request, x *exchange) {
	level := slog.LevelInfo
	if x.op.reads() && x.op.serve == nil { // what leaves as files is worth knowing, too
		level = slog.LevelDebug
	}
	a.log(r, x, level, "request", slog.Int("status", x.op.status))
}

// logFault notes an error; the cause of an internal one is told here only.
func (a *API) logFault(r *http.Request, x *exchange, f fault, err error) {
	attrs := []slog.Attr{slog.Int("status", f.status), slog.String("error", f.kind), slog.String("code", f.code)}
	switch {
	case f.status < http.StatusInternalServerError:
		a.log(r, x, slog.LevelInfo, "request refused", attrs...)
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		a.log(r, x, slog.LevelInfo, "caller went away", attrs...)
	default:
		a.log(r, x, slog.LevelError, "request failed", append(attrs, slog.Any("err", err))...)
	}
}

func (a *API) log(r *http.Request, x *exchange, level slog.Level, message string, attrs ...slog.Attr) {
	ctx := r.Context()
	if !a.Log.Enabled(ctx, level) {
		return
	}
	name := ""
	if x.op != nil {
		name = x.op.name
	}
	a.Log.LogAttrs(ctx, level, message, append(attrs,
		slog.String("op", name), slog.String("request_id", x.id), slog.String("key_id", x.keyID),
		slog.String("principal_id", x.who.ID), slog.Duration("duration", a.Now().Sub(x.began)))...)
}
