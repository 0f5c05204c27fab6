package store

import "sync"

// changes tells subscribers that something was committed.
type changes struct {
	mu          sync.Mutex
	subscribers map[chan struct{}]struct{}
}

// Changes returns a channel that holds a value whenever something was committed
// by this process since it was last read, and a function that ends that.
func (s *Store) Changes() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	if s.changes.subscribers == nil {
		s.changes.subscribers = map[chan struct{}]struct{}{}
	}
	s.changes.subscribers[c] = struct{}{}
	return c, func() {
		s.changes.mu.Lock()
		defer s.changes.mu.Unlock()
		delete(s.changes.subscribers, c)
	}
}

func (c *changes) notify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.subscribers {
		select {
		case s <- struct{}{}:
		default:
		}
	}
}
