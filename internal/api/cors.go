package api

import (
	"net/http"
	"strings"
)

// What pages of other origins may send and see, as the service model has it.
const (
	corsRequestHeaders = "*,content-type,authorization,x-amz-date,x-amz-content-sha256,x-amz-user-agent," +
		"x-amzn-trace-id,x-amz-dryrun,x-amz-client-token,x-api-key"
	corsResponseHeaders = "x-amzn-errortype,x-amzn-requestid,x-amzn-trace-id,x-amz-apigw-id"
	corsMaxAge          = "600" // seconds
)

// allowOrigin lets pages of every origin read the answer: a signature, not a
// cookie, tells who asks.
func allowOrigin(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", corsResponseHeaders)
}

// preflight answers a browser that asks which requests it may send to a path.
func preflight(w http.ResponseWriter, methods []string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", strings.Join(methods, ","))
	h.Set("Access-Control-Allow-Headers", corsRequestHeaders)
	h.Set("Access-Control-Max-Age", corsMaxAge)
	h.Set("Allow", strings.Join(methods, ", "))
	w.WriteHeader(http.StatusNoContent)
}
