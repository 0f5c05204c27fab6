package studio

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// clientToken remembers what a caller has asked for with a token.
type clientToken struct {
	revision
	ID string `json:"id"`
	// Asked is a digest of the parameters, Made the id of what came of them.
	Asked string    `json:"asked"`
	Made  string    `json:"made"`
	Until time.Time `json:"until"`
}

func (*clientToken) Table() Table { return TableClientTokens }

func (t *clientToken) Row(now time.Time) Row {
	return Row{ID: t.ID, CreatedAt: t.Until, DueAt: dueAt(t, now)}
}

// Next forgets the token in its time.
func (t *clientToken) Next(now time.Time) (Action, time.Time) {
	return first(now, at(t.Until, Forget))
}

// once runs do, which makes or changes one thing and returns its id, unless p
// has asked for the same with the same token before: then it returns the id of
// what came of that, and again is true. A token holds for one operation of one caller.
func (s *Service) once(
	ctx context.Context, tx Tx, now time.Time, p Principal, operation, token string, req any, do func() (string, error),
) (id string, again bool, err error) {
	if token == "" {
		id, err = do()
		return id, false, err
	}
	record := &clientToken{ID: digest(operation, p.ID, token)}
	asked := digest(canonical(req, "clientToken"))
	known, err := found(tx.Find(ctx, record.ID, record))
	switch {
	case err != nil:
		return "", false, err
	case known && now.Before(record.Until) && record.Asked == asked:
		return record.Made, true, nil
	case known && now.Before(record.Until):
		return "", false, &Error{
			Kind: Validation, Code: CodeClientToken,
			Message: "This client token was used before with other parameters; take a new one for a new request.",
			Context: map[string]string{"member": "clientToken"},
		}
	}
	if id, err = do(); err != nil {
		return "", false, err
	}
	record.Asked, record.Made, record.Until = asked, id, now.Add(s.cfg.Timing.KeepToken)
	return id, false, taken(tx.Save(ctx, record))
}

// canonical is the text of a request's parameters, but for those left out.
func canonical(req any, but ...string) string {
	members := map[string]any{}
	v := reflect.ValueOf(req).Elem()
	for i := range v.NumField() {
		if name := memberName(v.Type().Field(i)); !slices.Contains(but, name) {
			members[name] = v.Field(i).Interface()
		}
	}
	text, err := json.Marshal(members) // sorts the keys
	if err != nil {
		return fmt.Sprintf("%#v", members) // not reached: requests are plain data
	}
	return string(text)
}

// digest is a short name for a list of strings that stands for no other list.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
