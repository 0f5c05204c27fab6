package studio

import (
	"context"
	"time"
)

// call is an operation that somebody calls.
type call struct {
	p         Principal
	operation string
	req       any
	token     string
}

// create makes a noun once for each client token. allowed is asked first.
func create[T any, P interface {
	*T
	Noun
}](ctx context.Context, s *Service, c call, allowed func(tx Tx) error, made func(tx Tx, now time.Time) (P, error)) (P, error) {
	var n P
	err := s.write(ctx, func(tx Tx, now time.Time) error {
		if err := allowed(tx); err != nil {
			return err
		}
		id, again, err := s.once(ctx, tx, now, c.p, c.operation, c.token, c.req, func() (id string, err error) {
			if n, err = made(tx, now); err != nil {
				return "", err
			}
			return n.Row(now).ID, taken(tx.Save(ctx, n))
		})
		if again {
			n = new(T)
			return tx.Find(ctx, id, n)
		}
		return err
	})
	return n, err
}

// change makes one change to a noun once for each client token. find finds it,
// and what it is as a resource; noun and id are what it is called when it is absent.
func change[T any, P interface {
	*T
	Noun
}](
	ctx context.Context, s *Service, c call, noun, id string,
	find func(tx Tx) (P, Resource, error), do func(tx Tx, now time.Time, n P) error,
) (P, error) {
	if err := Check(c.req); err != nil {
		return nil, err
	}
	var n P
	err := s.write(ctx, func(tx Tx, now time.Time) (err error) {
		var r Resource
		if n, r, err = find(tx); err != nil {
			return err
		}
		if err := s.permit(ctx, tx, c.p, c.operation, r, nil); err != nil {
			return err
		}
		if n == nil {
			return absent(noun, id)
		}
		_, _, err = s.once(ctx, tx, now, c.p, c.operation, c.token, c.req, func() (string, error) {
			if err := do(tx, now, n); err != nil {
				return "", err
			}
			return id, tx.Save(ctx, n)
		})
		return err
	})
	return n, err
}

// putIn asks whether p may put a new thing with tags into a studio.
func (s *Service) putIn(ctx context.Context, p Principal, operation, studioID string, tags map[string]string) func(tx Tx) error {
	return func(tx Tx) error {
		_, r, err := s.findStudio(ctx, tx, studioID)
		if err != nil {
			return err
		}
		return s.ask(ctx, tx, Question{Principal: p, Action: operation, Resource: r, Tags: tags})
	}
}

// replace sets what an update gives; nil leaves it as it is.
func replace[T any](member, given *T) {
	if given != nil {
		*member = *given
	}
}

// replaceList is replace for lists: an empty one is given, too.
func replaceList[T any](member *[]T, given []T) {
	if given != nil {
		*member = given
	}
}
