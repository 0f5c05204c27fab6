package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"
)

// request is one signed call, made wrong by hand where a test wants that.
type request struct {
	method, path, body string
	at                 time.Time // zero: now
	secret             string    // empty: the right one
	unsigned           bool
}

// send returns status, error type, error code and message.
func (s *server) send(r request) (status int, kind, code, message string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, r.method, s.env["AWS_ENDPOINT_URL"]+r.path, bytes.NewReader([]byte(r.body)))
	if err != nil {
		s.t.Fatal(err)
	}
	if !r.unsigned {
		if r.at.IsZero() {
			r.at = time.Now()
		}
		if r.secret == "" {
			r.secret = s.env["BACKLOT_ARTIST_SECRET_ACCESS_KEY"]
		}
		sum := sha256.Sum256([]byte(r.body))
		key := aws.Credentials{AccessKeyID: s.env["BACKLOT_ARTIST_ACCESS_KEY_ID"], SecretAccessKey: r.secret}
		if err := v4.NewSigner().SignHTTP(ctx, key, out, hex.EncodeToString(sum[:]), "nimble", s.env["AWS_REGION"], r.at); err != nil {
			s.t.Fatal(err)
		}
	}
	answer, err := http.DefaultClient.Do(out)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var e struct{ Code, Message string }
	_ = json.Unmarshal(text, &e) // what is no error has none of these
	if answer.Header.Get("x-amzn-requestid") == "" {
		s.t.Errorf("%s %s: no request id", r.method, r.path)
	}
	return answer.StatusCode, answer.Header.Get("x-amzn-errortype"), e.Code, e.Message
}

// TestBadInput: whatever is wrong gets the error that names it, and changes nothing.
func TestBadInput(t *testing.T) {
	t.Parallel() // for the most part it waits
	s := newServer(t)
	work := s.createSession()
	work.wait("READY", time.Minute)
	before, was := s.traces(), work.get()

	studio := "/2020-08-01/studios/" + strings.ReplaceAll(s.env["BACKLOT_STUDIO_ID"], ":", "%3A")
	session := studio + "/streaming-sessions/" + strings.ReplaceAll(work.id, ":", "%3A")
	create := `{"launchProfileId":"` + s.env["BACKLOT_LAUNCH_PROFILE_ID"] + `"`
	for name, c := range map[string]struct {
		request
		status int
		kind   string
		says   string
	}{
		"wrong signature": {request{method: "GET", path: session, secret: strings.Repeat("x", 40)}, 403, "InvalidSignatureException", ""},
		"clock behind":    {request{method: "GET", path: session, at: time.Now().Add(-20 * time.Minute)}, 403, "InvalidSignatureException", ""},
		"clock ahead":     {request{method: "GET", path: session, at: time.Now().Add(20 * time.Minute)}, 403, "InvalidSignatureException", ""},
		"no signature":    {request{method: "GET", path: session, unsigned: true}, 403, "MissingAuthenticationTokenException", ""},
		"unknown path":    {request{method: "GET", path: "/2020-08-01/nothing"}, 404, "UnknownOperationException", ""},
		"unknown session of an artist": {
			request{method: "GET", path: studio + "/streaming-sessions/nothing"}, 403, "AccessDeniedException", "",
		},
		"start what runs":   {request{method: "POST", path: session + "/start", body: "{}"}, 409, "ConflictException", "READY"},
		"malformed JSON":    {request{method: "POST", path: session + "/stop", body: `{"volumeRetentionMode":`}, 400, "ValidationException", ""},
		"wrong type":        {request{method: "POST", path: session + "/stop", body: `{"volumeRetentionMode":1}`}, 400, "ValidationException", "volumeRetentionMode"},
		"unknown value":     {request{method: "POST", path: session + "/stop", body: `{"volumeRetentionMode":"KEEP"}`}, 400, "ValidationException", "volumeRetentionMode"},
		"missing member":    {request{method: "POST", path: studio + "/streaming-sessions", body: `{}`}, 400, "ValidationException", "launchProfileId"},
		"deep nesting":      {request{method: "POST", path: studio + "/streaming-sessions", body: create + `,"tags":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}"}, 400, "ValidationException", ""},
		"oversize body":     {request{method: "POST", path: studio + "/streaming-sessions", body: create + `,"ownedBy":"` + strings.Repeat("x", 2<<20) + `"}`}, 413, "", ""},
		"out of range":      {request{method: "POST", path: session + "/streams", body: `{"expirationInSeconds":5}`}, 400, "ValidationException", "expirationInSeconds"},
		"somebody else's":   {request{method: "POST", path: studio + "/streaming-sessions", body: create + `,"ownedBy":"somebody"}`}, 403, "AccessDeniedException", ""},
		"list without own":  {request{method: "GET", path: studio + "/streaming-sessions"}, 403, "AccessDeniedException", ""},
		"unusable token":    {request{method: "GET", path: studio + "/streaming-sessions?nextToken=abc&ownedBy=" + s.env["BACKLOT_ARTIST_PRINCIPAL_ID"]}, 400, "ValidationException", "nextToken"},
		"not for an artist": {request{method: "POST", path: "/2020-08-01/studios", body: `{"adminRoleArn":"a","displayName":"d","studioName":"other","userRoleArn":"u"}`}, 403, "AccessDeniedException", ""},
	} {
		status, kind, code, message := s.send(c.request)
		if status != c.status || kind != c.kind && c.kind != "" || !strings.Contains(message, c.says) {
			t.Errorf("%s: %d %s %s %q, want %d %s with %q", name, status, kind, code, message, c.status, c.kind, c.says)
		}
	}

	expiring := work.streamFor(60)
	url := work.stream()
	ticketless, _, _ := strings.Cut(url, "?")
	for name, bad := range map[string]string{
		"a made-up ticket": ticketless + "?authToken=" + strings.Repeat("A", 43),
		"no ticket":        ticketless,
		"unknown stream":   strings.Replace(url, "/stream/", "/stream/x", 1),
	} {
		if status, body := fetch(t, bad); status != http.StatusForbidden || !strings.Contains(body, "<html") {
			t.Errorf("GET with %s: %d", name, status)
		}
	}

	eventually(t, 75*time.Second, func() error {
		if status, _ := fetch(t, expiring); status != http.StatusForbidden {
			return fmt.Errorf("GET with a ticket of 60 s: %d", status)
		}
		return nil
	})

	// Streams come and go by themselves; all else must be as it was.
	if diff := cmp.Diff(was, work.get()); diff != "" {
		t.Errorf("bad input changed the session:\n%s", diff)
	}
	if diff := cmp.Diff(before, s.traces()); diff != "" {
		t.Errorf("bad input left something:\n%s", diff)
	}
}
