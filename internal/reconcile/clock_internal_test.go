package reconcile

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestClock(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		wall, took time.Duration
		leaped     bool
	}{
		{30 * time.Second, 30 * time.Second, false},
		{31 * time.Second, 30 * time.Second, false},
		{time.Hour, 30 * time.Second, true},
		{-time.Hour, 30 * time.Second, true},
		{0, 30 * time.Second, true},
	} {
		if got := leaped(test.wall, test.took); got != test.leaped {
			t.Errorf("%s in %s: %v", test.wall, test.took, got)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var c clock
		for range 3 {
			if c.set(time.Now()) {
				t.Error("nobody set the clock")
			}
			time.Sleep(time.Hour)
		}
	})
}
