package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
)

// StreamURL is the address of a stream: it opens the page by itself, and the
// fragment tells people (and scripts) which session it shows.
func StreamURL(public *url.URL, streamID, ticket, sessionKey string) string {
	u := public.JoinPath("stream", streamID)
	u.RawQuery = url.Values{"authToken": {ticket}}.Encode()
	u.Fragment = sessionKey
	return u.String()
}

// Credential is what the streamer of a session shows in its Hello. It stays the
// same for as long as the installation's secret does.
func Credential(secret []byte, sessionKey string) string {
	return sign(secret, "streamer", sessionKey)
}

// resumeToken lets a page that opened a stream open it again once its ticket has expired.
func (g *Gateway) resumeToken(streamID string) string {
	return sign(g.cfg.Secret, "resume", streamID)
}

func sign(secret []byte, purpose, subject string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("backlot gateway " + purpose + "\x00" + subject))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// same compares in constant time.
func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
