package studio

import (
	"context"
	"fmt"
	"strconv"
)

// Quotas bound the numbers of things. Zero members take their defaults.
type Quotas struct {
	Studios           int // per installation; default 10
	Sessions          int // per studio; default 50
	LaunchProfiles    int // per studio; default 50
	StreamingImages   int // per studio; default 10
	Components        int // per studio; default 100
	SharedFileSystems int // per studio; default 10
}

func (q Quotas) withDefaults() Quotas {
	for of, n := range map[*int]int{
		&q.Studios: 10, &q.Sessions: 50, &q.LaunchProfiles: 50, &q.StreamingImages: 10, &q.Components: 100, &q.SharedFileSystems: 10,
	} {
		if *of == 0 {
			*of = n
		}
	}
	return q
}

// room answers QuotaExceeded when a studio, or the installation where studioID
// is empty, has as many of a kind as it may. What is not DELETED counts.
func (s *Service) room(ctx context.Context, tx Tx, table Table, studioID, what string, most int) error {
	n, err := tx.Count(ctx, Query{Table: table, StudioID: studioID, NotStates: []State{Deleted}})
	if err != nil {
		return err
	}
	return withinQuota(n, what, most)
}

func withinQuota(n int, what string, most int) error {
	if n < most {
		return nil
	}
	return &Error{
		Kind: QuotaExceeded, Code: CodeQuota, Message: fmt.Sprintf("There may be at most %d %s; delete some that are not needed any more.", most, what),
		Context: map[string]string{"quota": what, "value": strconv.Itoa(most)},
	}
}
