package portal

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"
)

// assets serves what pages load, with a tag by which browsers keep it.
func assets() (http.Handler, error) {
	mux := http.NewServeMux()
	for path, asset := range map[string]struct{ file, kind string }{
		"/assets/style.css": {"dist/style.css", "text/css; charset=utf-8"},
		"/assets/home.js":   {"dist/home.js", "text/javascript; charset=utf-8"},
		"/assets/icon.svg":  {"icon.svg", "image/svg+xml"},
	} {
		text, err := files.ReadFile(asset.file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", asset.file, err)
		}
		sum := sha256.Sum256(text)
		tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", asset.kind)
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("ETag", tag)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
		})
	}
	return mux, nil
}
