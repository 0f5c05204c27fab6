package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// What bytes are, in the Content-Type header.
const (
	archiveType = "application/zstd"
	fileType    = "application/octet-stream"
)

// arriving is the body of a request that is read as it comes. However long all of
// it takes, nothing may take longer than bodyTime. At its end it must have the hash
// that was signed, unless none was.
func (a *API) arriving(w http.ResponseWriter, r *http.Request, signed string) io.Reader {
	body := &arrival{body: r.Body, connection: http.NewResponseController(w), patience: a.bodyTime}
	if signed != unsignedPayload {
		body.hash = sha256.New()
		body.signed, _ = hex.DecodeString(signed) // looked at before
	}
	return body
}

// arrival implements io.Reader.
type arrival struct {
	body       io.Reader
	connection *http.ResponseController
	patience   time.Duration
	hash       hash.Hash // nil: not to be checked
	signed     []byte
}

func (b *arrival) Read(p []byte) (int, error) {
	// There is no deadline without a connection.
	_ = b.connection.SetReadDeadline(time.Now().Add(b.patience))
	n, err := b.body.Read(p)
	if b.hash != nil {
		b.hash.Write(p[:n])
	}
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, &studio.Error{Kind: studio.Validation, Code: CodeBody, Message: "The body could not be read to its end.", Err: err}
	case b.hash != nil && !bytes.Equal(b.hash.Sum(nil), b.signed):
		return n, invalidSignature(CodeSignature, "the body does not have the hash that x-amz-content-sha256 says")
	}
	return n, io.EOF
}

// departure is where an answer is written that may be long. However long all of it
// takes, no part of it may take longer than patience.
type departure struct {
	http.ResponseWriter
	connection *http.ResponseController
	patience   time.Duration
	begun      *bool
}

func (a *API) leaving(w http.ResponseWriter, begun *bool) *departure {
	return &departure{ResponseWriter: w, connection: http.NewResponseController(w), patience: a.bodyTime, begun: begun}
}

// WriteHeader implements http.ResponseWriter.
func (d *departure) WriteHeader(status int) {
	*d.begun = true
	d.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. It takes part after part, so that slow
// callers are told from those who have gone.
func (d *departure) Write(p []byte) (written int, err error) {
	const part = 32 << 10
	*d.begun = true
	// The deadline is the connection's, which may be asked for more afterwards.
	defer func() { _ = d.connection.SetWriteDeadline(time.Time{}) }()
	for err == nil && written < len(p) {
		var n int
		_ = d.connection.SetWriteDeadline(time.Now().Add(d.patience))
		n, err = d.ResponseWriter.Write(p[written:min(len(p), written+part)])
		written += n
	}
	return written, err
}

// attach says what the bytes of an answer are called as a file. They are never to
// be shown as a page: anybody may have made them.
func attach(w http.ResponseWriter, kind, name string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cache-Control", "private, no-store")
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if disposition == "" {
		disposition = "attachment"
	}
	h.Set("Content-Disposition", disposition)
}

// sendFile sends a file of a backup, or the part that is asked for.
func sendFile(w http.ResponseWriter, r *http.Request, of *studio.GetBackupFileResponse) error {
	defer func() { _ = of.Content.Close() }() // it was only read
	attach(w, fileType, of.File.Name)
	http.ServeContent(w, r, "", of.File.ModifiedAt, of.Content)
	return nil
}

// sendArchive sends a backup as an archive.
func sendArchive(w http.ResponseWriter, r *http.Request, of *studio.ExportBackupResponse) error {
	attach(w, archiveType, of.Name)
	return of.WriteTo(r.Context(), w)
}
