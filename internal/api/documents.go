package api

import (
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// modelPrefix begins the paths of the client model's files.
const modelPrefix = "/sdk/botocore/"

// Documents serves what describes the API, to anybody: /openapi.json, and the
// files of the client model below /sdk/botocore/, whose own answer lists them.
type Documents struct{ files map[string][]byte }

// NewDocuments makes the documents, once.
func NewDocuments() (*Documents, error) {
	d := &Documents{files: map[string][]byte{}}
	model, err := Botocore()
	if err != nil {
		return nil, err
	}
	var list []string
	for name, text := range model {
		d.files[modelPrefix+name] = text
		list = append(list, name+"\n")
	}
	slices.Sort(list)
	d.files[modelPrefix] = []byte(strings.Join(list, ""))
	d.files["/openapi.json"], err = OpenAPI()
	return d, err
}

// Has tells whether a path is one of the documents'.
func (d *Documents) Has(path string) bool {
	return d.files[path] != nil || strings.HasPrefix(path, modelPrefix)
}

// ServeHTTP answers with the document of the request's path.
func (d *Documents) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text := d.files[r.URL.Path]
	if text == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
		return
	}
	kind := "text/plain; charset=utf-8"
	if path.Ext(r.URL.Path) == ".json" {
		kind = "application/json"
	}
	h := w.Header()
	allowOrigin(h) // pages that show an API's description come from anywhere
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "no-cache")
	_, _ = w.Write(text) // the caller went away: nobody is left to tell
}
