package studio

import (
	"context"
	"fmt"
)

// InstanceType says what an instance type is on this installation.
type InstanceType struct {
	// Name as the API spells it: "g4dn.xlarge".
	Name string
	// CPUs and MemoryBytes bound what a session takes at most; 0: no bound.
	CPUs        float64
	MemoryBytes int64
	// Reserved is what admission sets aside for one session.
	Reserved Capacity
}

// Capacity is an amount of the machine. As what there is at all, a member that
// is 0 is not looked at.
type Capacity struct {
	CPUs        float64 `json:"cpus,omitempty"`
	MemoryBytes int64   `json:"memoryBytes,omitempty"`
}

// admit sets aside what the session needs of the machine, or says why it cannot.
func (s *Service) admit(ctx context.Context, tx Tx, session *Session) error {
	t, ok := s.types[session.EC2InstanceType]
	if !ok {
		session.NoRoom = fmt.Sprintf("This installation has no machine for the instance type %s; another type of the launch profile may work.", session.EC2InstanceType)
		return nil
	}
	all, need := s.cfg.Capacity, t.Reserved
	if all == (Capacity{}) {
		session.NoRoom, session.Reserved = "", need
		return nil
	}
	var taken Capacity
	others, err := List[Session](ctx, tx, Query{NotStates: []State{Deleted, Stopped}})
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.SessionID != session.SessionID {
			taken.CPUs += o.Reserved.CPUs
			taken.MemoryBytes += o.Reserved.MemoryBytes
		}
	}
	const mib = 1 << 20
	switch {
	case all.CPUs > 0 && taken.CPUs+need.CPUs > all.CPUs:
		session.NoRoom = fmt.Sprintf("There are not enough processors: %.4g are needed, %.4g of %.4g are taken by other sessions. Stop one and try again.",
			need.CPUs, taken.CPUs, all.CPUs)
	case all.MemoryBytes > 0 && taken.MemoryBytes+need.MemoryBytes > all.MemoryBytes:
		session.NoRoom = fmt.Sprintf("There is not enough memory: %d MiB are needed, %d of %d MiB are taken by other sessions. Stop one and try again.",
			need.MemoryBytes/mib, taken.MemoryBytes/mib, all.MemoryBytes/mib)
	default:
		session.NoRoom, session.Reserved = "", need
	}
	return nil
}
