package studio

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// How many things a page has, unless the caller asks for fewer or more.
const (
	pageSize       = 50
	pageMax        = 100
	memberPageMax  = 20 // bound of the model's member lists
	componentsMax  = 50 // bound of the model's component list
	pageTokenBytes = 16
)

// listing is one page of a list that somebody asked for.
type listing struct {
	operation string
	req       any
	token     string
	size      int
}

// limit is the number of things on a page where the caller may say how many.
func limit(maxResults *int, most int) int {
	if maxResults == nil {
		return min(pageSize, most)
	}
	return min(*maxResults, most)
}

// none are ids that nothing has, for a filter by ids that may turn out empty.
func none() []string { return []string{""} }

// page reads one page of what q asks for. next is the token of the page behind
// it, empty on the last one.
func page[T any, P interface {
	*T
	Noun
}](ctx context.Context, s *Service, tx Tx, l listing, q Query) (nouns []P, next string, err error) {
	if l.token != "" {
		if q.After, err = s.openPageToken(l); err != nil {
			return nil, "", err
		}
	}
	q.Limit = l.size + 1
	nouns, err = List[T, P](ctx, tx, q)
	if err != nil || len(nouns) <= l.size {
		return nouns, "", err
	}
	nouns = nouns[:l.size]
	row := nouns[l.size-1].Row(s.now())
	return nouns, s.pageToken(l, Place{row.CreatedAt, row.ID}), nil
}

// pageToken names the place behind which the next page begins. It holds for one
// operation with the same filters.
func (s *Service) pageToken(l listing, p Place) string {
	place := strconv.FormatInt(p.CreatedAt.UnixMicro(), 36) + "." + p.ID
	return base64.RawURLEncoding.EncodeToString(append(s.signPlace(l, place), place...))
}

func (s *Service) openPageToken(l listing) (Place, error) {
	bad := &Error{
		Kind: Validation, Code: CodePageToken, Message: "The nextToken is not one that this list, with these filters, gave out.",
		Context: map[string]string{"member": "nextToken"},
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(l.token)
	if err != nil || len(b) < pageTokenBytes {
		return Place{}, bad
	}
	place := string(b[pageTokenBytes:])
	if !hmac.Equal(b[:pageTokenBytes], s.signPlace(l, place)) {
		return Place{}, bad
	}
	micros, id, _ := strings.Cut(place, ".")
	n, err := strconv.ParseInt(micros, 36, 64)
	if err != nil {
		return Place{}, bad
	}
	return Place{CreatedAt: time.UnixMicro(n).UTC(), ID: id}, nil
}

func (s *Service) signPlace(l listing, place string) []byte {
	return s.sign("page", l.operation, canonical(l.req, "nextToken", "maxResults"), place)[:pageTokenBytes]
}

// sign makes an unforgeable mark for a purpose and its subject.
func (s *Service) sign(purpose string, subject ...string) []byte {
	mac := hmac.New(sha256.New, s.cfg.Secret)
	mac.Write([]byte("backlot studio " + purpose + "\x00" + digest(subject...)))
	return mac.Sum(nil)
}
